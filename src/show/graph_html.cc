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

// As the text of a title element, in which HTML's parser sees character references and the end.
void AppendAsTitle(absl::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '&') {
      *out += "&amp;";
    } else if (c == '<') {
      *out += "&lt;";
    } else {
      out->push_back(c);
    }
  }
}

// The page as a browser's tabs call it: "ca/cert - prod - kplan graph".
std::string TitleOf(const GraphView& view) {
  std::string title;
  for (const std::string& part : {view.around, view.title}) {
    if (!part.empty()) absl::StrAppend(&title, part, " - ");
  }
  return absl::StrCat(title, "kplan graph");
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
  OrderedJson groups = OrderedJson::array();
  for (const GraphLayout::Group& group : layout.groups)
    groups.push_back({{"name", group.name}, {"hosts", group.hosts}});
  OrderedJson head = {{"version", 2},
                      {"title", view.title},
                      {"at", TimeText(view.now)},
                      {"around", view.around},
                      {"columns", std::move(columns)},
                      {"hosts", view.hosts},
                      {"groups", std::move(groups)},
                      {"steps", OrderedJson::array()}};
  return std::string(absl::StripSuffix(JsonLine(head), "]}"));
}

// All records of a graph may take so much of the page; those beyond are left to `kplan show LABEL`. It is
// some twenty thousand steps, and what a browser reads in a second.
constexpr size_t kRecordBytes = size_t{16} << 20;

void AppendEffects(const GraphNode& node, std::string* out) {
  if (node.effect == Effect::kNone) return;
  absl::StrAppend(out, ",\"effect\":\"", EffectName(node.effect), "\"");
  if (node.touches.empty()) return;
  *out += ",\"touches\":";
  for (const GraphTouch& touch : node.touches) {
    absl::StrAppend(out, out->back() == ':' ? "[" : ",", "[");
    AppendJsonString(touch.service, out);
    absl::StrAppend(out, ",\"", EffectName(touch.effect), "\"]");
  }
  out->push_back(']');
}

// One step of the page's JSON. Inputs are numbers of steps. WITH_RECORD: as long as there is room.
void AppendStep(const GraphNode& node, const GraphLayout::Place& place, bool with_record, std::string* out) {
  *out += "{\"label\":";
  AppendJsonString(node.label, out);
  *out += ",\"name\":";
  AppendJsonString(place.name, out);
  absl::StrAppend(out, ",\"verb\":\"", KindOf(node.kind).verb, "\",\"host\":", node.host,
                  ",\"column\":", place.column, ",\"state\":\"", StateName(node.state), "\",\"reasons\":[");
  for (size_t i = 0; i < node.reasons.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(node.reasons[i], out);
  }
  out->push_back(']');
  AppendEffects(node, out);
  *out += ",\"inputs\":";
  AppendNumbers(node.inputs, out);
  *out += ",\"after\":";
  AppendNumbers(node.after, out);
  if (node.days_left) absl::StrAppend(out, ",\"days\":", *node.days_left);
  if (node.last_run != 0) {
    *out += ",\"ran\":";
    AppendJsonString(absl::StrCat(TimeText(absl::FromUnixMillis(node.last_run)), ", ", node.last_run_result),
                     out);
  }
  if (with_record) absl::StrAppend(out, ",\"record\":", node.record);
  out->push_back('}');
}

}  // namespace

void WriteGraphHtml(const GraphView& view, TextSink sink) {
  const GraphLayout layout = MakeGraphLayout(view);
  PieceWriter writer(sink);
  sink(GraphPageHead());
  AppendAsTitle(TitleOf(view), writer.text());
  writer.Flush();
  sink(GraphPageBody());
  AppendForScript(Head(view, layout), writer.text());
  std::string step;
  size_t records = 0;
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    step = i > 0 ? ",\n" : "\n";
    records += view.nodes[i].record.size();
    AppendStep(view.nodes[i], layout.places[i], records <= kRecordBytes, &step);
    AppendForScript(step, writer.text());
    writer.MayFlush();
  }
  *writer.text() += "\n]}\n";
  writer.Flush();
  sink(GraphPageTail());
}

}  // namespace kplan
