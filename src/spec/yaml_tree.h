#ifndef KPLAN_SPEC_YAML_TREE_H_
#define KPLAN_SPEC_YAML_TREE_H_

// One YAML document as a tree with a source range on every node, built from yaml-cpp's events. yaml-cpp
// accepts much that would surprise (duplicate keys, a second document, unknown tags, NULs, aliases that
// contain themselves or multiply); all of that is refused here, so that the layers above see a tree and
// nothing else.

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"

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
  Range range;          // a scalar's whole text with its quotes; of a list or map its first character
  std::string text;     // kScalar
  std::vector<const YamlNode*> items;  // kList
  std::vector<Entry> entries;          // kMap, in the order of the file, no key twice
  // How many nodes the tree below (and with) this one has with every alias written out.
  uint64_t expanded = 1;

  const char* KindName() const;  // "a list"
};

class YamlTree {
 public:
  // Largest file, deepest nesting.
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  static constexpr int kMaxDepth = 64;

  // Reads the text of DIAGNOSTICS' source. False when there was an error; what could be read before it is
  // then not kept. An empty document has a kNull root.
  bool Parse(Diagnostics* diagnostics);

  const YamlNode& root() const { return root_ != nullptr ? *root_ : nothing_; }

 private:
  friend class YamlTreeBuilder;
  std::deque<YamlNode> nodes_;  // a deque: nodes never move
  const YamlNode* root_ = nullptr;
  YamlNode nothing_;
};

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_TREE_H_
