#include "src/show/graph_mermaid.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

// Between quotes Mermaid knows its own entity codes (#35;), Markdown and HTML: all but plain characters and
// what is no ASCII is written as such a code. A label of kplan's passes as it is, so that the text stays
// readable.
void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || byte >= 0x80 ||
        absl::string_view(" ./-+@=~:,_()").find(c) != absl::string_view::npos) {
      out->push_back(c);
    } else {
      absl::StrAppend(out, "#", static_cast<int>(byte), ";");
    }
  }
  out->push_back('"');
}

}  // namespace

void WriteGraphMermaid(const GraphView& view, TextSink sink) {
  PieceWriter writer(sink);
  std::string& out = *writer.text();
  out += "flowchart LR\n";
  std::vector<std::vector<uint32_t>> of_host(view.hosts.size());
  for (uint32_t i = 0; i < view.nodes.size(); ++i) of_host[view.nodes[i].host].push_back(i);
  for (size_t host = 0; host < view.hosts.size(); ++host) {
    absl::StrAppend(&out, "  subgraph h", host, "[");
    AppendQuoted(view.hosts[host], &out);
    out += "]\n";
    for (uint32_t i : of_host[host]) {
      absl::StrAppend(&out, "    n", i, "[");
      AppendQuoted(view.nodes[i].label, &out);
      absl::StrAppend(&out, "]:::", StateName(view.nodes[i].state), "\n");
      writer.MayFlush();
    }
    out += "  end\n";
  }
  for (uint32_t i = 0; i < view.nodes.size(); ++i) {
    for (uint32_t input : view.nodes[i].inputs) absl::StrAppend(&out, "  n", input, " --> n", i, "\n");
    for (uint32_t input : view.nodes[i].after) absl::StrAppend(&out, "  n", input, " -.-> n", i, "\n");
    writer.MayFlush();
  }
  out +=
      "  classDef fresh fill:#d9f0e8,stroke:#00785a,color:#111\n"
      "  classDef stale fill:#fdebc3,stroke:#8a5a00,stroke-width:2px,color:#111\n"
      "  classDef failed fill:#f9d5c4,stroke:#a83e00,stroke-width:4px,color:#111\n"
      "  classDef waiting fill:#d8ecf9,stroke:#005c91,stroke-dasharray:4 3,color:#111\n"
      "  classDef unknown fill:#e6e0f0,stroke:#5b3f8c,stroke-dasharray:1 3,color:#111\n";
  writer.Flush();
}

}  // namespace kplan
