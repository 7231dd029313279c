#include "src/show/graph_json.h"

#include "absl/strings/str_cat.h"
#include "src/base/record.h"

namespace kplan {
namespace {

void AppendLabels(const GraphView& view, const std::vector<uint32_t>& nodes, std::string* out) {
  out->push_back('[');
  for (uint32_t node : nodes) {
    if (out->back() != '[') out->push_back(',');
    AppendJsonString(view.nodes[node].label, out);
  }
  out->push_back(']');
}

}  // namespace

void WriteGraphJson(const GraphView& view, TextSink sink) {
  PieceWriter writer(sink);
  std::string& out = *writer.text();
  out += "{\"version\":1,\"nodes\":[";
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    const GraphNode& node = view.nodes[i];
    out += i > 0 ? ",\n{\"label\":" : "\n{\"label\":";
    AppendJsonString(node.label, &out);
    absl::StrAppend(&out, ",\"verb\":\"", KindOf(node.kind).verb, "\",\"host\":");
    AppendJsonString(view.hosts[node.host], &out);
    absl::StrAppend(&out, ",\"stage\":", node.stage, ",\"state\":\"", StateName(node.state),
                    "\",\"reasons\":[");
    for (size_t j = 0; j < node.reasons.size(); ++j) {
      if (j > 0) out.push_back(',');
      AppendJsonString(node.reasons[j], &out);
    }
    out += "],\"inputs\":";
    AppendLabels(view, node.inputs, &out);
    out += ",\"after\":";
    AppendLabels(view, node.after, &out);
    if (node.days_left) absl::StrAppend(&out, ",\"days-left\":", *node.days_left);
    if (node.last_run != 0) {
      absl::StrAppend(
          &out, ",\"last-run\":\"",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(node.last_run), absl::UTCTimeZone()),
          "\"");
    }
    out.push_back('}');
    writer.MayFlush();
  }
  out += "\n]}\n";
  writer.Flush();
}

}  // namespace kplan
