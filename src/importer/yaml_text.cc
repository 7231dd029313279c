#include "src/importer/yaml_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kplan {

YamlText& YamlText::Raw(absl::string_view text) {
  text_.append(text.data(), text.size());
  return *this;
}

YamlText& YamlText::Comment(size_t indent, absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&text_, std::string(indent, ' '), line.empty() ? "#" : "# ", line, "\n");
  }
  return *this;
}

YamlText& YamlText::Word(absl::string_view word, const Place& place) {
  Range range;
  range.begin = static_cast<uint32_t>(text_.size());
  Raw(word);
  range.end = static_cast<uint32_t>(text_.size());
  origins_.emplace_back(range, place);
  return *this;
}

YamlText& YamlText::Scalar(const Sourced& value) { return Word(YamlScalar(value.value), value.place); }

size_t YamlText::Column() const {
  size_t line = text_.rfind('\n');
  return text_.size() - (line == std::string::npos ? 0 : line + 1);
}

void YamlText::BreakBefore(absl::string_view next, size_t column) {
  if (Column() + next.size() + 2 <= kWidth || Column() <= column) return;
  while (text_.back() == ' ') text_.pop_back();
  absl::StrAppend(&text_, "\n", std::string(column, ' '));
}

YamlText& YamlText::FlowMap(const std::vector<Pair>& pairs) {
  const size_t column = Column() + 1;
  Raw("{");
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (i > 0) Raw(", ");
    BreakBefore(absl::StrCat(pairs[i].first, ": ", YamlScalar(pairs[i].second.value)), column);
    Raw(pairs[i].first).Raw(": ").Scalar(pairs[i].second);
  }
  return Raw("}");
}

YamlText& YamlText::FlowList(const std::vector<Sourced>& values) {
  const size_t column = Column() + 1;
  Raw("[");
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) Raw(", ");
    BreakBefore(YamlScalar(values[i].value), column);
    Scalar(values[i]);
  }
  return Raw("]");
}

YamlText& YamlText::FlowListOfMaps(const std::vector<std::vector<Pair>>& maps) {
  const size_t column = Column() + 1;
  Raw("[");
  for (size_t i = 0; i < maps.size(); ++i) {
    if (i > 0) Raw(",\n").Raw(std::string(column, ' '));
    FlowMap(maps[i]);
  }
  return Raw("]");
}

const Place* YamlText::OriginOf(Range range) const {
  auto found = std::upper_bound(origins_.begin(), origins_.end(), range.begin,
                                [](uint32_t at, const auto& origin) { return at < origin.first.begin; });
  if (found == origins_.begin()) return nullptr;
  --found;
  return range.begin < found->first.end ? &found->second : nullptr;
}

}  // namespace kplan
