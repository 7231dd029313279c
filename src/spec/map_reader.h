#ifndef KPLAN_SPEC_MAP_READER_H_
#define KPLAN_SPEC_MAP_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/base/text.h"
#include "src/spec/schema.h"
#include "src/spec/spec.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

// Takes the values out of one YAML map, as its schema has them. Keys that the schema does not have are
// reported at once, with the nearest that there is.
//
// The schema and the code that reads cannot drift apart: a getter for a key that the schema has not, or has
// with another shape, ends the program, and so does a reader that goes away before every key was asked for.
// So the first test that reads such a map at all shows it.
class MapReader {
 public:
  // NODE may be null (the key is absent: every getter then gives nothing) or nothing (`worker:` without a
  // value is an empty map). WHERE is the key it stands under; WHAT names the map in messages, if not as the
  // schema does.
  MapReader(const YamlNode* node, Range where, const MapSchema& schema, Diagnostics* diagnostics,
            absl::string_view what = "");
  ~MapReader();
  MapReader(const MapReader&) = delete;
  MapReader& operator=(const MapReader&) = delete;

  Range KeyRange(absl::string_view key) const;  // where KEY itself stands; not known() when it is absent

  // Whether every name that the user may have given in the map KEY is in it: KEY and the others here are
  // spelt right, and what stands behind it is a map, or nothing.
  bool HasAllNames(absl::string_view key) const;

  // A key that may be a map or a single value (KeySchema::or_text) is asked for as both; one of the two
  // answers.
  Text GetText(absl::string_view key);
  std::vector<Text> GetTexts(absl::string_view key);  // one value alone is a list of one
  TextPairs GetPairs(absl::string_view key);          // a map of single values
  MapReader GetMap(absl::string_view key, absl::string_view what = "");

  // The maps of KEY, each with the name it has: EACH(MapReader&, Text name).
  template <typename Each>
  void ForEachMap(absl::string_view key, Each each);
  // The maps of the list KEY, each with its place: EACH(MapReader&, Range).
  template <typename Each>
  void ForEachItem(absl::string_view key, Each each);

  // Every key with its values, of a map whose keys are free (MapSchema::open); "" is a value that is not
  // set().
  std::vector<UnitKeySpec> GetAll();
  // The same where behind each key stands a map (MapSchema::each): EACH(MapReader&, Text name).
  template <typename Each>
  void ForEach(Each each);

 private:
  // What a shape of the schema comes with: the key's schema, and the entry, null when it is absent.
  struct Asked {
    const KeySchema& schema;
    const YamlNode::Entry* entry;
    const YamlNode* value() const { return entry == nullptr ? nullptr : entry->value; }
    Range range() const { return entry == nullptr ? Range() : entry->key_range; }
  };
  Asked Ask(absl::string_view key, KeyShape shape);

  const YamlNode::Entry* Find(absl::string_view key) const;
  void CheckKeys();
  void ReportUnknown(const YamlNode::Entry& entry);
  // Whether ENTRY, whose key is unknown, could stand there under KEY.
  bool CouldBe(const YamlNode::Entry& entry, absl::string_view key) const;

  // What a single value may be.
  struct Allowed {
    bool empty = false, lines = false;
    Variables variables = Variables::kLiteral;
  };
  static Allowed AllowedBy(const KeySchema& key) { return {key.or_empty, key.lines, key.variables}; }

  // The value of NODE, which stands under KEY, as a Text; an error when it is a list, a map, or what is not
  // ALLOWED: empty, with a control character, with a variable.
  Text ToText(const YamlNode& node, Range where, absl::string_view key, Allowed allowed);
  TextPairs ToPairs(const YamlNode& map, Allowed allowed);
  std::vector<Text> ToUnitValues(const YamlNode& node, Range where, absl::string_view key);
  bool IsMapOrNothing(const YamlNode& node, Range where, absl::string_view what);
  bool IsListOfMaps(const Asked& asked);
  void CheckIsFree(bool of_maps) const;  // ends the program when the schema says otherwise
  // False, and an error, when the name of ENTRY holds a control character or a variable.
  bool NameIsText(const YamlNode::Entry& entry);
  // The same of what looks like a variable in TEXT, at PLACE, where nobody puts anything in.
  bool HasNoVariable(absl::string_view text, Range place);

  const YamlNode* node_ = nullptr;  // a map, or null
  const MapSchema& schema_;
  std::string what_;
  Diagnostics* diagnostics_;
  bool all_known_ = true;  // its keys
  uint64_t asked_ = 0;     // a bit a key of the schema
  size_t next_ = 0;        // the key after the one asked for last: they are mostly asked for in order
};

template <typename Each>
void MapReader::ForEachMap(absl::string_view key, Each each) {
  Asked asked = Ask(key, KeyShape::kMaps);
  if (asked.entry == nullptr || !IsMapOrNothing(*asked.value(), asked.range(), Quote(key))) return;
  for (const YamlNode::Entry& entry : asked.value()->entries) {
    if (!NameIsText(entry)) continue;
    MapReader reader(entry.value, entry.key_range, *asked.schema.map, diagnostics_,
                     asked.schema.map->what.empty() ? Quote(entry.key) : "");
    each(reader, Text{entry.key, entry.key_range});
  }
}

template <typename Each>
void MapReader::ForEach(Each each) {
  CheckIsFree(/*of_maps=*/true);
  if (node_ == nullptr) return;
  for (const YamlNode::Entry& entry : node_->entries) {
    if (!NameIsText(entry)) continue;
    MapReader reader(entry.value, entry.key_range, *schema_.each, diagnostics_, Quote(entry.key));
    each(reader, Text{entry.key, entry.key_range});
  }
}

template <typename Each>
void MapReader::ForEachItem(absl::string_view key, Each each) {
  Asked asked = Ask(key, KeyShape::kMapList);
  if (asked.entry == nullptr || !IsListOfMaps(asked)) return;
  for (const YamlNode* item : asked.value()->items) {
    Range range = item->range.known() ? item->range : asked.range();
    MapReader reader(item, range, *asked.schema.map, diagnostics_);
    each(reader, range);
  }
}

}  // namespace kplan

#endif  // KPLAN_SPEC_MAP_READER_H_
