#ifndef KPLAN_IMPORTER_JSON_TREE_H_
#define KPLAN_IMPORTER_JSON_TREE_H_

// A JSON text as a tree with a source range on every value, so that whoever finds fault with a value can show
// it. Parsed by nlohmann's SAX interface, which reports errors instead of throwing them.

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/importer/findings.h"

namespace kplan {

struct JsonNode {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kList, kMap };

  struct Entry {
    std::string key;
    Range key_range;
    const JsonNode* value;
  };

  Kind kind = Kind::kNull;
  Range range;                         // with its quotes; of a list or map its first character
  std::string text;                    // of a string its value, of a number or bool as typed
  std::vector<const JsonNode*> items;  // kList
  std::vector<Entry> entries;          // kMap, in the order of the file, no key twice

  const char* KindName() const;  // "a list"
  // The entry called KEY in capitals or not, as Go reads JSON; null when there is none.
  const Entry* Find(absl::string_view key) const;
};

class JsonTree {
 public:
  // TEXT is the text of FINDINGS' file FILE. False when it is no JSON, which is then an error there.
  bool Parse(absl::string_view text, size_t file, Findings* findings);

  const JsonNode& root() const { return nodes_.front(); }

 private:
  friend class JsonTreeBuilder;
  std::deque<JsonNode> nodes_;  // a deque: nodes never move
};

}  // namespace kplan

#endif  // KPLAN_IMPORTER_JSON_TREE_H_
