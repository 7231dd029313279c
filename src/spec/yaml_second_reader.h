#ifndef KPLAN_SPEC_YAML_SECOND_READER_H_
#define KPLAN_SPEC_YAML_SECOND_READER_H_

// yaml-cpp, as the second of two readers that have to agree. A slip of ours would be a file with another mode
// or a certificate with another name; so what ours reads (yaml_parser.h) is held up to what an independent
// reader makes of the same text. Ours is right wherever the two are known to differ
// (tests/yaml_suite_test.py), so that a difference is a warning: the text is read differently elsewhere, too,
// and can be written more plainly.

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"

namespace kplan {

class YamlSecondReader {
 public:
  // kNull: plain and empty, or one of the words for nothing. kText: in quotes, a block scalar, or with a tag.
  enum class Kind : uint8_t { kNull, kPlain, kText, kAlias, kList, kMap, kEnd };

  // NEEDED: false for a text of which no difference can come (yaml_common.h); then nothing is compared.
  explicit YamlSecondReader(bool needed) : needed_(needed) {}

  // What the first reader has read, in the order of the text.
  void Saw(Kind kind, absl::string_view value, Range range);

  // Lets yaml-cpp read the text of DIAGNOSTICS, which the first reader has read whole and found to be one
  // document, and warns where it first takes it for something else.
  void Compare(Diagnostics* diagnostics) const;

 private:
  friend class YamlSecondReading;
  struct Seen {
    uint64_t digest;  // of the value
    Range range;
    Kind kind;
  };
  const bool needed_;
  std::vector<Seen> seen_;
};

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_SECOND_READER_H_
