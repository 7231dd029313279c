#ifndef KPLAN_SPEC_MAP_READER_H_
#define KPLAN_SPEC_MAP_READER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/spec/spec.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

// Takes the values out of one YAML map. Each getter says which key exists; Finish() reports the keys that no
// getter asked for, with the nearest that one did.
class MapReader {
 public:
  // WHAT names the map in messages: "a certificate". NODE may be null (the key is absent: every getter then
  // gives nothing) or nothing (`worker:` without a value is an empty map). WHERE is the key it stands under.
  MapReader(const YamlNode* node, Range where, std::string what, Diagnostics* diagnostics);

  const YamlNode* Take(absl::string_view key);
  Range KeyRange(absl::string_view key) const;  // where KEY itself stands

  Text GetText(absl::string_view key);
  std::vector<Text> GetTexts(
      absl::string_view key);                 // a list of single values; one value alone is a list of one
  TextPairs GetPairs(absl::string_view key);  // a map of single values

  // Keys that the contract has and this version does not do: their own error, not "unknown key".
  void NotYet(absl::string_view key, absl::string_view why);

  void Finish();

  // The value of NODE as a Text; an error when it is a list, a map, empty, or holds a control character.
  static Text ToText(const YamlNode& node, Range where, absl::string_view key, Diagnostics* diagnostics);

 private:
  const YamlNode::Entry* Find(absl::string_view key) const;

  const YamlNode* node_ = nullptr;  // a map, or null
  std::string what_;
  Diagnostics* diagnostics_;
  // String literals: the keys there are, and those found that this version does not have.
  std::vector<absl::string_view> asked_, not_yet_;
};

// The entries of a map of maps (`hosts`, `certs`): calls EACH(entry) for those with a name of printable
// characters; the others are errors. KEY names the map in messages.
template <typename Each>
void ForEachEntry(const YamlNode* node, Range where, absl::string_view key, Diagnostics* diagnostics,
                  Each each);

// False, and an error, when the name of ENTRY holds a control character.
bool NameIsText(const YamlNode::Entry& entry, Diagnostics* diagnostics);

bool IsMapOrNothing(const YamlNode& node, Range where, absl::string_view what, Diagnostics* diagnostics);

template <typename Each>
void ForEachEntry(const YamlNode* node, Range where, absl::string_view key, Diagnostics* diagnostics,
                  Each each) {
  if (node == nullptr || !IsMapOrNothing(*node, where, key, diagnostics)) return;
  for (const YamlNode::Entry& entry : node->entries) {
    if (NameIsText(entry, diagnostics)) each(entry);
  }
}

}  // namespace kplan

#endif  // KPLAN_SPEC_MAP_READER_H_
