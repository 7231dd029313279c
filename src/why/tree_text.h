#ifndef KPLAN_WHY_TREE_TEXT_H_
#define KPLAN_WHY_TREE_TEXT_H_

// Trees written as YAML again, so that the same reader reads the same tree back.

#include <string>
#include <vector>

#include "src/spec/secret_values.h"
#include "src/spec/yaml_tree.h"
#include "src/why/tree_diff.h"

namespace kplan {

// On one line, as a person would: {address: 10.0.0.11, hosts: [a, 'b c:']}. For what is in SECRETS stands
// kSecretShown.
std::string FlowText(const YamlNode& node, const SecretValues& secrets);

// The tree that DIFF's old one becomes by those of its edits whose APPLY is true, as a document with a line a
// value.
// "" when that is nothing at all.
std::string MergedText(const TreeDiff& diff, const std::vector<bool>& apply);

}  // namespace kplan

#endif  // KPLAN_WHY_TREE_TEXT_H_
