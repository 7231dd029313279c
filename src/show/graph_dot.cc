#include "src/show/graph_dot.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kplan {
namespace {

// The attributes of a node in STATE; how its frame is drawn says the same as its colour.
const char* StyleOf(StepState state) {
  switch (state) {
    case StepState::kFresh:
      return "fillcolor=\"#d9f0e8\" color=\"#00785a\"";
    case StepState::kStale:
      return "fillcolor=\"#fdebc3\" color=\"#8a5a00\" penwidth=2";
    case StepState::kFailed:
      return "fillcolor=\"#f9d5c4\" color=\"#a83e00\" penwidth=2 peripheries=2";
    case StepState::kUnknown:
      return "fillcolor=\"#e6e0f0\" color=\"#5b3f8c\" style=\"filled,rounded,dotted\"";
    case StepState::kWaiting:
      return "fillcolor=\"#d8ecf9\" color=\"#005c91\" style=\"filled,rounded,dashed\"";
  }
  return "";
}

// TEXT as a quoted string. In labels and tooltips a backslash begins an escape sequence of dot's, and "&" one
// of HTML's; in an ID there is no such thing, and labels hold neither.
void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '&':
        *out += "&amp;";
        break;
      default:
        out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendNode(const GraphNode& node, absl::string_view name, std::string* out) {
  absl::StrAppend(out, name, " [label=");
  AppendQuoted(node.label, out);
  *out += " tooltip=";
  std::string tooltip = StateName(node.state);
  if (!node.reasons.empty()) absl::StrAppend(&tooltip, ": ", absl::StrJoin(node.reasons, "\n"));
  AppendQuoted(tooltip, out);
  absl::StrAppend(out, " ", StyleOf(node.state), "];\n");
}

}  // namespace

void WriteGraphDot(const GraphView& view, TextSink sink) {
  PieceWriter writer(sink);
  std::string& out = *writer.text();
  out +=
      "digraph kplan {\n"
      "graph [rankdir=LR newrank=true ranksep=0.6 nodesep=0.15 fontname=\"sans-serif\" style=rounded "
      "color=\"#888888\"];\n"
      "node [shape=box style=\"filled,rounded\" fontname=\"sans-serif\" fontsize=10 height=0.3];\n"
      "edge [arrowsize=0.6 color=\"#666666\"];\n";
  std::vector<std::vector<uint32_t>> of_host(view.hosts.size()), of_stage(kStages);
  for (uint32_t i = 0; i < view.nodes.size(); ++i) {
    of_host[view.nodes[i].host].push_back(i);
    of_stage[view.nodes[i].stage].push_back(i);
  }
  for (size_t host = 0; host < view.hosts.size(); ++host) {
    absl::StrAppend(&out, "subgraph cluster_", host, " {\nlabel=");
    AppendQuoted(view.hosts[host], &out);
    out += ";\n";
    for (uint32_t i : of_host[host]) {
      AppendNode(view.nodes[i], absl::StrCat("n", i), &out);
      writer.MayFlush();
    }
    out += "}\n";
  }
  // A stage is a rank, or several where its steps are made from one another (a CA, and what it signs): those
  // at its head stand below each other, the others follow by their edges.
  for (const std::vector<uint32_t>& stage : of_stage) {
    std::vector<uint32_t> heads;
    for (uint32_t i : stage) {
      const GraphNode& node = view.nodes[i];
      bool head = true;
      for (const std::vector<uint32_t>* list : {&node.inputs, &node.after}) {
        for (uint32_t input : *list) head = head && view.nodes[input].stage != node.stage;
      }
      if (head) heads.push_back(i);
    }
    if (heads.size() < 2) continue;
    out += "{rank=same;";
    for (uint32_t i : heads) absl::StrAppend(&out, " n", i, ";");
    out += "}\n";
    writer.MayFlush();
  }
  for (uint32_t i = 0; i < view.nodes.size(); ++i) {
    for (uint32_t input : view.nodes[i].inputs) absl::StrAppend(&out, "n", input, " -> n", i, ";\n");
    for (uint32_t input : view.nodes[i].after) {
      absl::StrAppend(&out, "n", input, " -> n", i, " [style=dashed];\n");
    }
    writer.MayFlush();
  }
  out += "}\n";
  writer.Flush();
}

}  // namespace kplan
