#include "src/show/graph_json.h"

#include "absl/strings/str_cat.h"
#include "src/base/record.h"

namespace kplan {
namespace {

std::vector<std::string> LabelsOf(const GraphView& view, const std::vector<uint32_t>& nodes) {
  std::vector<std::string> labels;
  labels.reserve(nodes.size());
  for (uint32_t node : nodes) labels.emplace_back(view.nodes[node].label);
  return labels;
}

std::string NodeLine(const GraphView& view, const GraphNode& node) {
  OrderedJson line = {{"label", std::string(node.label)},      {"verb", std::string(KindOf(node.kind).verb)},
                      {"host", view.hosts[node.host]},         {"stage", node.stage},
                      {"state", StateName(node.state)},        {"reasons", node.reasons},
                      {"inputs", LabelsOf(view, node.inputs)}, {"after", LabelsOf(view, node.after)}};
  if (node.effect != Effect::kNone) line["effect"] = EffectName(node.effect);
  if (node.days_left) line["days-left"] = *node.days_left;
  if (node.last_run != 0) {
    line["last-run"] =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(node.last_run), absl::UTCTimeZone());
  }
  return JsonLine(line);
}

}  // namespace

void WriteGraphJson(const GraphView& view, TextSink sink) {
  PieceWriter writer(sink);
  std::string& out = *writer.text();
  out += "{\"version\":1,\"nodes\":[";
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    absl::StrAppend(&out, i > 0 ? ",\n" : "\n", NodeLine(view, view.nodes[i]));
    writer.MayFlush();
  }
  out += "\n]}\n";
  writer.Flush();
}

}  // namespace kplan
