#ifndef KPLAN_SPEC_YAML_TREE_H_
#define KPLAN_SPEC_YAML_TREE_H_

// One YAML document as a tree with a source range on every node. What YAML has and a cluster.yaml must not
// (duplicate keys, a second document, tags, control characters, aliases that contain themselves or multiply)
// is refused here, so that the layers above see a tree and nothing else.
//
// Two readers see each text that could be read in two ways (yaml_common.h). The tree is that of the strict
// one (yaml_parser.h). yaml-cpp is asked what it reads, too, and where that is something else a warning says
// so (yaml_second_reader.h).

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/spec/yaml_parser.h"

namespace kplan {

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };

  struct Entry {
    std::string key;
    Range key_range;
    const YamlNode* value;
  };

  Kind kind = Kind::kNull;
  bool quoted = false;  // "5" rather than 5
  // A scalar's whole text with its quotes; of a list or map its first character; of what an alias stands for,
  // the alias.
  Range range;
  Range anchor;                             // of what an alias stands for: the range of that
  std::string text;                         // kScalar
  absl::Span<const YamlNode* const> items;  // kList
  absl::Span<const Entry> entries;          // kMap, in the order of the file, no key twice
  // How many nodes the tree below (and with) this one has with every alias written out; a long text counts as
  // several.
  uint64_t expanded = 1;

  const char* KindName() const;  // "a list"
};

class YamlTree {
 public:
  // Largest file, deepest nesting.
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  static constexpr int kMaxDepth = kMaxYamlDepth;

  // kAlways: also where nothing could come of it, for the test of that.
  enum class SecondReading { kWhereNeeded, kAlways };

  // Reads the text of DIAGNOSTICS' source. False when there was an error; what could be read before it is
  // then not kept. An empty document has a kNull root.
  bool Parse(Diagnostics* diagnostics, SecondReading second = SecondReading::kWhereNeeded);

  const YamlNode& root() const { return root_ != nullptr ? *root_ : nothing_; }

 private:
  friend class YamlTreeBuilder;
  // Deques: what is in them never moves.
  std::deque<YamlNode> nodes_;
  std::deque<std::vector<const YamlNode*>> lists_;
  std::deque<std::vector<YamlNode::Entry>> maps_;
  const YamlNode* root_ = nullptr;
  YamlNode nothing_;
};

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_TREE_H_
