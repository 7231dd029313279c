#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/base/yaml_scalar.h"
#include "src/show/resolved_spec.h"

namespace kplan {
namespace {

// Where comments begin, behind what is short enough.
constexpr size_t kCommentColumn = 48;
// Longer lists have a line for each value.
constexpr size_t kFlowWidth = 72;

// TEXT as a comment: what would end the line, or show it as something else, is escaped.
std::string CommentText(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (DisruptiveLength(text.substr(i)) > 0) return YamlScalar(text);
  }
  return std::string(text);
}

std::string FlowList(const std::vector<std::string>& values) {
  return absl::StrCat("[",
                      absl::StrJoin(values, ", ",
                                    [](std::string* out, const std::string& value) {
                                      absl::StrAppend(out, YamlScalar(value));
                                    }),
                      "]");
}

// Whether TEXT can be a block of lines ("|") that reads back as it: lines that begin and end with something
// to see, one line end after the last.
bool IsPlainBlock(absl::string_view text) {
  const size_t first = text.find('\n');
  if (first == absl::string_view::npos || text.back() != '\n') return false;
  text.remove_suffix(1);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool inner_empty = line.empty() && line.data() != text.data() && line.end() != text.end();
    if (inner_empty) continue;
    if (line.empty() || absl::ascii_isspace(static_cast<unsigned char>(line.back()))) return false;
    if (line.data() == text.data() && absl::ascii_isspace(static_cast<unsigned char>(line[0]))) return false;
    if (line.find_first_not_of(" \t") == absl::string_view::npos) return false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\t' || DisruptiveLength(line.substr(i)) > 0) return false;
    }
  }
  return true;
}

class YamlSink : public ResolvedSpecSink {
 public:
  explicit YamlSink(TextSink out) : out_(out) {}

  void Finish() { out_.Flush(); }

  void Open(absl::string_view key, absl::string_view place) override {
    Line(absl::StrCat(YamlScalar(key), ":"), place);
    indent_ += 2;
  }

  void OpenItem(size_t) override {
    indent_ += 2;
    dash_ = true;
  }

  void Close() override { indent_ -= 2; }

  void Value(absl::string_view key, absl::string_view value, const ValueOrigin& origin) override {
    if (IsPlainBlock(value)) {
      Line(absl::StrCat(YamlScalar(key), ": |"), origin.text);
      for (absl::string_view line : absl::StrSplit(value.substr(0, value.size() - 1), '\n'))
        Line(line.empty() ? "" : absl::StrCat("  ", line), "");
      return;
    }
    // cfssl's one truth value; everything else that looks like one is a text.
    std::string scalar = key == "is_ca" ? std::string(value) : YamlScalar(value);
    Line(absl::StrCat(YamlScalar(key), ": ", scalar), origin.text);
  }

  void List(absl::string_view key, const std::vector<Element>& values) override {
    std::vector<std::string> texts;
    for (const Element& value : values) texts.push_back(value.value);
    const bool one_origin = absl::c_all_of(
        values, [&](const Element& value) { return value.origin.text == values[0].origin.text; });
    std::string flow = FlowList(texts);
    if (one_origin && flow.size() <= kFlowWidth) {
      Line(absl::StrCat(YamlScalar(key), ": ", flow), values.empty() ? "" : values[0].origin.text);
      return;
    }
    Line(absl::StrCat(YamlScalar(key), ":"), "");
    for (const Element& value : values)
      Line(absl::StrCat("  - ", YamlScalar(value.value)), value.origin.text);
  }

  void Items(absl::string_view key, const std::vector<std::vector<Field>>& items) override {
    Line(absl::StrCat(YamlScalar(key), ":"), "");
    indent_ += 2;
    for (const std::vector<Field>& fields : items) Item(fields);
    indent_ -= 2;
  }

  void Note(absl::string_view key, absl::string_view value, const ValueOrigin& origin) override {
    Line(absl::StrCat("# ", CommentText(key), ": ", CommentText(value)), origin.text);
  }

  void NoteList(absl::string_view key, const std::vector<std::string>& values,
                const ValueOrigin& origin) override {
    Line(absl::StrCat("# ", CommentText(key), ": ", FlowList(values)), origin.text);
  }

  void PerHost(const std::string& host, const LeafCertificate& certificate,
               const ValueOrigin& origin) override {
    std::vector<std::string> names;
    for (const auto& [kind, value] : certificate.sans) names.push_back(value);
    Line(absl::StrCat("# ", host, ": CN ", YamlScalar(certificate.CN),
                      names.empty() ? "" : absl::StrCat(", hosts ", FlowList(names))),
         origin.text);
  }

 private:
  void Item(const std::vector<Field>& fields) {
    const bool flat = absl::c_all_of(fields, [&](const Field& field) {
      return !field.note && field.origin.text == fields[0].origin.text;
    });
    if (flat) {
      std::string flow = absl::StrJoin(fields, ", ", [](std::string* out, const Field& field) {
        absl::StrAppend(out, field.key, ": ", YamlScalar(field.value));
      });
      Line(absl::StrCat("- {", flow, "}"), fields.empty() ? "" : fields[0].origin.text);
      return;
    }
    bool first = true;
    for (const Field& field : fields) {
      absl::string_view lead = first ? "- " : "  ";
      if (field.note) {
        Line(absl::StrCat("  # ", field.key, ": ", CommentText(field.value)), field.origin.text);
        continue;
      }
      Line(absl::StrCat(lead, field.key, ": ", YamlScalar(field.value)), field.origin.text);
      first = false;
    }
  }

  void Line(absl::string_view text, absl::string_view comment) {
    std::string* out = out_.text();
    if (!text.empty()) out->append(indent_ - (dash_ ? 2 : 0), ' ');
    absl::StrAppend(out, dash_ ? "- " : "", text);
    dash_ = false;
    if (!comment.empty()) {
      const size_t width = indent_ + text.size() + 2;
      out->append(2 + (width < kCommentColumn ? kCommentColumn - width : 0), ' ');
      absl::StrAppend(out, "# ", CommentText(comment));
    }
    out->push_back('\n');
    out_.MayFlush();
  }

  PieceWriter out_;
  size_t indent_ = 0;
  bool dash_ = false;  // the next line is the first of a list's item
};

}  // namespace

void WriteResolvedYaml(const Spec& spec, const Cluster& cluster, const SourceFile& source, TextSink out) {
  YamlSink sink(out);
  WalkResolvedSpec(spec, cluster, source, &sink);
  sink.Finish();
}

}  // namespace kplan
