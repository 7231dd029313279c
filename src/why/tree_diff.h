#ifndef KPLAN_WHY_TREE_DIFF_H_
#define KPLAN_WHY_TREE_DIFF_H_

// Two YAML trees laid over each other: where they differ, and what is on either side. A map is compared key
// by key, whatever its order; a list of maps entry by entry, once it is found which entry became which; any
// other list as one value, because the order of its entries is part of it.

#include <cstddef>
#include <vector>

#include "src/spec/yaml_tree.h"

namespace kplan {

struct TreeDiff {
  enum class Kind : uint8_t {
    kSame,    // on both sides, and equal
    kEdit,    // differs as a whole, or is on one side only
    kInside,  // two maps, or two lists of maps, that differ in some of `children`
  };

  // Where a value stands on one side. An absent one has no node.
  struct Side {
    const YamlNode* node = nullptr;
    const YamlNode::Entry* entry = nullptr;  // of a value of a map
    size_t index = 0;                        // of an entry of a list
  };

  Kind kind = Kind::kSame;
  Side before, after;
  size_t edit = 0;  // of kEdit: how many others come before it
  // What is in a kInside, merged: the keys (entries) of the new side in its order, and what is gone behind
  // what it stood behind.
  std::vector<TreeDiff> children;
};

// The trees must outlive the result. *EDITS counts those that are kEdit.
TreeDiff DiffTrees(const YamlNode& before, const YamlNode& after, size_t* edits);

}  // namespace kplan

#endif  // KPLAN_WHY_TREE_DIFF_H_
