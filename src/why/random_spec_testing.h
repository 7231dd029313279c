#ifndef KPLAN_WHY_RANDOM_SPEC_TESTING_H_
#define KPLAN_WHY_RANDOM_SPEC_TESTING_H_

// Random edits of a cluster.yaml, for property tests: such as people make, such as no spec allows, and such
// as only look like one.

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

// A tree that can be changed. A scalar is its text.
struct LooseNode {
  YamlNode::Kind kind = YamlNode::Kind::kNull;
  std::string text;
  std::vector<LooseNode> items;
  std::vector<std::pair<std::string, LooseNode>> entries;

  LooseNode* Find(absl::string_view key);
};

LooseNode Scalar(std::string text);
LooseNode List(std::vector<std::string> items);
LooseNode Map(std::vector<std::pair<std::string, LooseNode>> entries);

// TEXT, which must be YAML that kplan reads.
LooseNode ReadLoose(const std::string& text);

// Two texts have the same tree exactly when they have the same of these: the order of keys and the way values
// are quoted are not in it.
std::string TreeOf(const std::string& text);

class RandomSpec {
 public:
  explicit RandomSpec(uint32_t seed) : random_(seed) {}

  // TEXT with about EDITS edits. Where SENSIBLE only such that may well compile.
  std::string Edit(const std::string& text, int edits, bool sensible);
  // A number below N.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  // NODE in any of the layouts that YAML has for it: block and flow, quotes, comments.
  std::string Write(const LooseNode& node);

 private:
  std::string Pick(const std::vector<std::string>& words) {
    return words[Below(static_cast<uint32_t>(words.size()))];
  }
  void SensibleEdit(LooseNode* root);
  void ServiceEdit(LooseNode* services, const std::string& cert);
  void WildEdit(LooseNode* root);
  void EditNames(LooseNode* list, const std::vector<std::string>& words);
  std::string ScalarText(absl::string_view text);
  void WriteFlow(const LooseNode& node, std::string* out);
  void WriteBlock(const LooseNode& node, int indent, std::string* out);
  void EndLine(std::string* out);

  std::mt19937 random_;
};

}  // namespace kplan

#endif  // KPLAN_WHY_RANDOM_SPEC_TESTING_H_
