#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/show/resolved_spec.h"

namespace kplan {
namespace {

class JsonSink : public ResolvedSpecSink {
 public:
  explicit JsonSink(TextSink out) : out_(out) { absl::StrAppend(out_.text(), "{"); }

  void Finish() {
    absl::StrAppend(out_.text(), "\n}\n");
    out_.Flush();
  }

  void Open(absl::string_view key, absl::string_view) override { path_.push_back(PathWith(key)); }
  void OpenItem(size_t index) override { path_.push_back(absl::StrCat(path_.back(), "[", index, "]")); }
  void Close() override { path_.pop_back(); }

  void Value(absl::string_view key, absl::string_view value, const ValueOrigin& origin) override {
    Entry(PathWith(key), std::string(value), {}, origin, /*note=*/false);
  }

  void List(absl::string_view key, const std::vector<Element>& values) override {
    Json list = Json::array(), lines = Json::array();
    for (const Element& value : values) {
      list.push_back(value.value);
      lines.push_back(value.origin.line);
    }
    ValueOrigin origin;
    if (values.empty()) {
      origin.kind = ValueOrigin::Kind::kFile;  // a default is not empty
    } else {
      origin = values[0].origin;
    }
    const bool one_line = absl::c_all_of(
        values, [&](const Element& value) { return value.origin.line == values[0].origin.line; });
    Entry(PathWith(key), std::move(list), one_line ? Json() : std::move(lines), origin, /*note=*/false);
  }

  void Items(absl::string_view key, const std::vector<std::vector<Field>>& items) override {
    for (size_t i = 0; i < items.size(); ++i) {
      for (const Field& field : items[i]) {
        Entry(absl::StrCat(PathWith(key), "[", i, "].", field.key), field.value, {}, field.origin,
              field.note);
      }
    }
  }

  void Note(absl::string_view key, absl::string_view value, const ValueOrigin& origin) override {
    Entry(absl::StrCat(path_.back(), ".", key), std::string(value), {}, origin, /*note=*/true);
  }

  void NoteList(absl::string_view key, const std::vector<std::string>& values,
                const ValueOrigin& origin) override {
    Entry(absl::StrCat(path_.back(), ".", key), values, {}, origin, /*note=*/true);
  }

  void PerHost(const std::string& host, const LeafCertificate& certificate,
               const ValueOrigin& origin) override {
    const std::string path = absl::StrCat(path_.back(), "[", Literal(host), "].");
    Json names = Json::array();
    for (const auto& [kind, value] : certificate.sans) names.push_back(value);
    Entry(absl::StrCat(path, "CN"), certificate.CN, {}, origin, /*note=*/true);
    Entry(absl::StrCat(path, "hosts"), std::move(names), {}, origin, /*note=*/true);
  }

 private:
  static std::string Dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  static std::string Literal(absl::string_view text) { return Dump(Json(std::string(text))); }

  std::string PathWith(absl::string_view key) const {
    const std::string above = path_.empty() ? "" : path_.back();
    if (!OnlyAlnumAnd(key, "_-")) return absl::StrCat(above, "[", Literal(key), "]");
    return absl::StrCat(above, above.empty() ? "" : ".", key);
  }

  void Entry(const std::string& path, Json value, Json lines, const ValueOrigin& origin, bool note) {
    Json from = {{"kind", KindName(origin.kind)}, {"text", origin.text}};
    if (origin.line != 0) from["line"] = origin.line;
    if (!lines.is_null()) from["lines"] = std::move(lines);
    Json entry = {{"value", std::move(value)}, {"origin", std::move(from)}};
    if (note) entry["note"] = true;
    absl::StrAppend(out_.text(), first_ ? "\n  " : ",\n  ", Literal(path), ": ", Dump(entry));
    first_ = false;
    out_.MayFlush();
  }

  PieceWriter out_;
  std::vector<std::string> path_;  // of each open map, from the top
  bool first_ = true;
};

}  // namespace

void WriteResolvedJson(const Spec& spec, const Cluster& cluster, const SourceFile& source, TextSink out) {
  JsonSink sink(out);
  WalkResolvedSpec(spec, cluster, source, &sink);
  sink.Finish();
}

}  // namespace kplan
