#include "src/show/graph_html.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/record.h"
#include "src/show/graph_layout.h"
#include "src/show/graph_page/graph_page.h"

namespace kplan {
namespace {

// Appends JSON so that HTML's parser sees nothing but text: a script element ends at "</script", whatever
// stands around it, and "<!--" hides its end. These characters occur in strings only, where \u is the same.
void AppendForScript(absl::string_view json, std::string* out) {
  for (size_t i = 0; i < json.size(); ++i) {
    switch (json[i]) {
      case '<':
        *out += "\\u003c";
        break;
      case '>':
        *out += "\\u003e";
        break;
      case '&':
        *out += "\\u0026";
        break;
      case '\xE2':  // U+2028 and U+2029, which end a line in JavaScript
        if (absl::StartsWith(json.substr(i), "\xE2\x80\xA8") ||
            absl::StartsWith(json.substr(i), "\xE2\x80\xA9")) {
          *out += json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
          i += 2;
          break;
        }
        out->push_back(json[i]);
        break;
      default:
        out->push_back(json[i]);
    }
  }
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

void AppendNumbers(const std::vector<uint32_t>& numbers, std::string* out) {
  out->push_back('[');
  for (uint32_t number : numbers) absl::StrAppend(out, out->back() == '[' ? "" : ",", number);
  out->push_back(']');
}

// The head of the page's JSON: all but the steps, up to where they are.
std::string Head(const GraphView& view, const GraphLayout& layout) {
  OrderedJson columns = OrderedJson::array();
  for (const GraphColumn& column : layout.columns)
    columns.push_back({{"name", StageName(column.stage)}, {"x", column.x}, {"width", column.width}});
  OrderedJson head = {{"version", 1},          {"at", TimeText(view.now)},
                      {"around", view.around}, {"columns", std::move(columns)},
                      {"hosts", view.hosts},   {"steps", OrderedJson::array()}};
  return std::string(absl::StripSuffix(JsonLine(head), "]}"));
}

// One step of the page's JSON. Inputs are numbers of steps.
void AppendStep(const GraphNode& node, const GraphLayout::Place& place, std::string* out) {
  *out += "{\"label\":";
  AppendJsonString(node.label, out);
  *out += ",\"name\":";
  AppendJsonString(place.name, out);
  absl::StrAppend(out, ",\"verb\":\"", KindOf(node.kind).verb, "\",\"host\":", node.host,
                  ",\"column\":", place.column, ",\"slot\":", place.slot, ",\"state\":\"",
                  StateName(node.state), "\",\"reasons\":[");
  for (size_t i = 0; i < node.reasons.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(node.reasons[i], out);
  }
  *out += "],\"inputs\":";
  AppendNumbers(node.inputs, out);
  *out += ",\"after\":";
  AppendNumbers(node.after, out);
  if (node.days_left) absl::StrAppend(out, ",\"days\":", *node.days_left);
  if (node.last_run != 0) {
    *out += ",\"ran\":";
    AppendJsonString(absl::StrCat(TimeText(absl::FromUnixMillis(node.last_run)), ", ", node.last_run_result),
                     out);
  }
  absl::StrAppend(out, ",\"record\":", node.record, "}");
}

}  // namespace

void WriteGraphHtml(const GraphView& view, TextSink sink) {
  const GraphLayout layout = MakeGraphLayout(view);
  PieceWriter writer(sink);
  sink(GraphPageHead());
  AppendForScript(Head(view, layout), writer.text());
  std::string step;
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    step = i > 0 ? ",\n" : "\n";
    AppendStep(view.nodes[i], layout.places[i], &step);
    AppendForScript(step, writer.text());
    writer.MayFlush();
  }
  *writer.text() += "\n]}\n";
  writer.Flush();
  sink(GraphPageTail());
}

}  // namespace kplan
