#ifndef KPLAN_IMPORTER_YAML_TEXT_H_
#define KPLAN_IMPORTER_YAML_TEXT_H_

// YAML as people write it: short maps and lists in flow style, long lists over several lines, quotes only
// where they are needed. Every value remembers where it came from, so that what is found wrong with the text
// can be said of its source.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/source.h"
#include "src/base/yaml_scalar.h"  // IWYU pragma: export
#include "src/importer/findings.h"

namespace kplan {

class YamlText {
 public:
  // Lines are broken before this column, where a list allows it.
  static constexpr size_t kWidth = 110;

  using Pair = std::pair<std::string, Sourced>;  // a key of ours, a value from a file

  YamlText& Raw(absl::string_view text);
  // A word of ours, said because of PLACE.
  YamlText& Word(absl::string_view word, const Place& place);
  // "# " and TEXT, which may have several lines, each indented by INDENT spaces.
  YamlText& Comment(size_t indent, absl::string_view text);
  YamlText& Scalar(const Sourced& value);
  YamlText& FlowMap(const std::vector<Pair>& pairs);  // {C: US, O: Kubernetes}
  // [a, b,
  //  c]
  YamlText& FlowList(const std::vector<Sourced>& values);
  YamlText& FlowListOfMaps(const std::vector<std::vector<Pair>>& maps);

  const std::string& text() const { return text_; }
  // Where the value at RANGE of text() came from; null when nothing was written there.
  const Place* OriginOf(Range range) const;

 private:
  size_t Column() const;
  // Begins a new line at COLUMN when NEXT, and what must stand behind it, would go beyond kWidth.
  void BreakBefore(absl::string_view next, size_t column);

  std::string text_;
  std::vector<std::pair<Range, Place>> origins_;  // ascending
};

}  // namespace kplan

#endif  // KPLAN_IMPORTER_YAML_TEXT_H_
