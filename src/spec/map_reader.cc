#include "src/spec/map_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/spec/habits.h"
#include "src/spec/variables.h"

namespace kplan {
namespace {

// In release builds too: a key that the schema does not have would be one that nobody can look up.
[[noreturn]] void DiePlainly(const MapSchema& schema, absl::string_view key, const char* why) {
  fprintf(stderr, "src/spec/schema.cc: key \"%s\" of %s %s\n", std::string(key).c_str(),
          std::string(schema.id).c_str(), why);
  abort();
}

// Where NODE stands; nothing has no place of its own, its key has.
Range PlaceOf(const YamlNode& node, Range where) { return node.range.known() ? node.range : where; }

// LINES: line ends and tabs are none.
bool HasControl(absl::string_view text, bool lines = false) {
  for (; !text.empty(); text.remove_prefix(1)) {
    if (lines && (text[0] == '\n' || text[0] == '\t')) continue;
    if (ControlLength(text) != 0) return true;
  }
  return false;
}

}  // namespace

MapReader::MapReader(const YamlNode* node, Range where, const MapSchema& schema, Diagnostics* diagnostics,
                     absl::string_view what)
    : schema_(schema), what_(what.empty() ? schema.what : what), diagnostics_(diagnostics) {
  if (node == nullptr || !IsMapOrNothing(*node, where, what_)) return;
  if (node->kind == YamlNode::Kind::kMap) node_ = node;
  CheckKeys();
}

MapReader::~MapReader() {
  for (size_t i = 0; i < schema_.keys.size(); ++i) {
    if ((asked_ >> i & 1) == 0) DiePlainly(schema_, schema_.keys[i].name, "is read by nobody");
  }
}

void MapReader::CheckKeys() {
  if (node_ == nullptr || schema_.open) return;
  for (const YamlNode::Entry& entry : node_->entries) {
    const auto* key = std::find_if(schema_.keys.begin(), schema_.keys.end(),
                                   [&](const KeySchema& k) { return k.name == entry.key; });
    if (key != schema_.keys.end()) continue;
    all_known_ = false;
    ReportUnknown(entry);
  }
}

void MapReader::ReportUnknown(const YamlNode::Entry& entry) {
  Remedy help;
  const Habit* const habit = FindHabit(schema_.id, entry.key);
  if (habit == nullptr) {
    std::vector<absl::string_view> names;
    for (const KeySchema& key : schema_.keys) names.push_back(key.name);
    std::vector<std::string> sorted(names.begin(), names.end());
    std::sort(sorted.begin(), sorted.end());
    help = MeantOr(entry.key, names, absl::StrCat("there are ", JoinAnd(sorted)));
  } else if (habit->instead.empty()) {
    help = habit->help;
  } else {
    help = {absl::StrCat("kplan calls this ", Quote(habit->instead)), habit->instead};
  }
  if (habit != nullptr && habit->secret) diagnostics_->Hide(entry.value->range);
  // What stands behind it has to go with the other key, which may be there already.
  if (help.instead && !CouldBe(entry, *help.instead)) help.instead.reset();
  diagnostics_->Error(Code::kUnknownKey, entry.key_range,
                      absl::StrCat("unknown key ", Quote(entry.key), " in ", what_), std::move(help));
}

bool MapReader::CouldBe(const YamlNode::Entry& entry, absl::string_view key) const {
  if (Find(key) != nullptr) return false;
  const KeySchema& schema = *std::find_if(schema_.keys.begin(), schema_.keys.end(),
                                          [&](const KeySchema& k) { return k.name == key; });
  switch (entry.value->kind) {
    case YamlNode::Kind::kScalar:
      return schema.shape == KeyShape::kText || schema.shape == KeyShape::kTexts || schema.or_text;
    case YamlNode::Kind::kList:
      return schema.shape == KeyShape::kTexts || schema.shape == KeyShape::kMapList;
    case YamlNode::Kind::kMap:
      return schema.shape == KeyShape::kTextMap || schema.shape == KeyShape::kMap ||
             schema.shape == KeyShape::kMaps;
    case YamlNode::Kind::kNull:
      return false;
  }
  return false;
}

const YamlNode::Entry* MapReader::Find(absl::string_view key) const {
  if (node_ == nullptr) return nullptr;
  for (const YamlNode::Entry& entry : node_->entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

MapReader::Asked MapReader::Ask(absl::string_view key, KeyShape shape) {
  for (size_t tried = 0; tried < schema_.keys.size(); ++tried) {
    size_t i = (next_ + tried) % schema_.keys.size();
    const KeySchema& schema = schema_.keys[i];
    if (schema.name != key) continue;
    if (schema.shape != shape && !(schema.or_text && shape == KeyShape::kText)) break;
    asked_ |= uint64_t{1} << i;
    next_ = i + 1;
    return {schema, Find(key)};
  }
  DiePlainly(schema_, key, "is read, and is not in the table with this shape");
}

Range MapReader::KeyRange(absl::string_view key) const {
  const YamlNode::Entry* entry = Find(key);
  return entry == nullptr ? Range() : entry->key_range;
}

bool MapReader::HasAllNames(absl::string_view key) const {
  if (!all_known_) return false;
  const YamlNode::Entry* entry = Find(key);
  if (entry == nullptr || entry->value->kind == YamlNode::Kind::kNull) return true;
  if (entry->value->kind != YamlNode::Kind::kMap) return false;
  return std::all_of(
      entry->value->entries.begin(), entry->value->entries.end(),
      [](const YamlNode::Entry& e) { return !HasControl(e.key) && FindVariable(e.key).empty(); });
}

Text MapReader::GetText(absl::string_view key) {
  Asked asked = Ask(key, KeyShape::kText);
  if (asked.entry == nullptr) return {};
  // What is no single value is GetMap's to take, or to refuse; of a kTextMap it takes the map alone.
  YamlNode::Kind kind = asked.value()->kind;
  if (asked.schema.shape == KeyShape::kMap && kind != YamlNode::Kind::kScalar) return {};
  if (asked.schema.shape == KeyShape::kTextMap && kind == YamlNode::Kind::kMap) return {};
  return ToText(*asked.value(), asked.range(), key, AllowedBy(asked.schema));
}

std::vector<Text> MapReader::GetTexts(absl::string_view key) {
  std::vector<Text> texts;
  Asked asked = Ask(key, KeyShape::kTexts);
  if (asked.entry == nullptr) return texts;
  auto add = [&](const YamlNode& node) {
    Text text = ToText(node, asked.range(), key, AllowedBy(asked.schema));
    if (text.set()) texts.push_back(std::move(text));
  };
  const YamlNode& node = *asked.value();
  if (node.kind == YamlNode::Kind::kMap) {
    absl::string_view example = asked.schema.example;
    diagnostics_->Error(
        Code::kWrongType, PlaceOf(node, asked.range()),
        absl::StrCat(Quote(key), " must be a list, not a map"),
        absl::StrCat("for example ", key, ": ", example.empty() ? "[first, second]" : example));
  } else if (node.kind == YamlNode::Kind::kList) {
    texts.reserve(node.items.size());
    for (const YamlNode* item : node.items) add(*item);
  } else {
    add(node);
  }
  return texts;
}

TextPairs MapReader::GetPairs(absl::string_view key) {
  Asked asked = Ask(key, KeyShape::kTextMap);
  if (asked.entry == nullptr) return {};
  const YamlNode& node = *asked.value();
  if (asked.schema.or_text && node.kind != YamlNode::Kind::kMap) return {};  // GetText's
  if (!IsMapOrNothing(node, asked.range(), Quote(key))) return {};
  return ToPairs(node, AllowedBy(asked.schema));
}

MapReader MapReader::GetMap(absl::string_view key, absl::string_view what) {
  Asked asked = Ask(key, KeyShape::kMap);
  const YamlNode* node = asked.value();
  if (node != nullptr && asked.schema.or_text && node->kind == YamlNode::Kind::kScalar) node = nullptr;
  return MapReader(node, asked.range(), *asked.schema.map, diagnostics_, what);
}

std::vector<UnitKeySpec> MapReader::GetAll() {
  CheckIsFree(/*of_maps=*/false);
  std::vector<UnitKeySpec> keys;
  if (node_ == nullptr) return keys;
  for (const YamlNode::Entry& entry : node_->entries) {
    if (!NameIsText(entry)) continue;
    std::vector<Text> values = ToUnitValues(*entry.value, entry.key_range, entry.key);
    if (!values.empty()) keys.push_back({{entry.key, entry.key_range}, std::move(values)});
  }
  return keys;
}

void MapReader::CheckIsFree(bool of_maps) const {
  if (!schema_.open || (schema_.each != nullptr) != of_maps)
    DiePlainly(schema_, "*", "is read, and its keys are not free");
}

std::vector<Text> MapReader::ToUnitValues(const YamlNode& node, Range where, absl::string_view key) {
  std::vector<Text> values;
  auto add = [&](const YamlNode& value) {
    Text text = ToText(value, where, key, {/*empty=*/true, /*lines=*/false});
    if (text.set()) values.push_back(text.value.empty() ? Text() : std::move(text));
  };
  if (node.kind != YamlNode::Kind::kList) {
    add(node);
    return values;
  }
  if (node.items.empty()) {
    diagnostics_->Error(Code::kNoValue, PlaceOf(node, where), absl::StrCat(Quote(key), " has no value"),
                        "give it some; \"\" takes back those of the default");
  }
  for (const YamlNode* item : node.items) add(*item);
  return values;
}

TextPairs MapReader::ToPairs(const YamlNode& map, Allowed allowed) {
  TextPairs pairs;
  for (const YamlNode::Entry& entry : map.entries) {
    if (!NameIsText(entry)) continue;
    Text value = ToText(*entry.value, entry.key_range, entry.key, allowed);
    if (value.set()) pairs.emplace_back(Text{entry.key, entry.key_range}, std::move(value));
  }
  return pairs;
}

Text MapReader::ToText(const YamlNode& node, Range where, absl::string_view key, Allowed allowed) {
  const bool empty = node.kind == YamlNode::Kind::kScalar && node.text.empty();
  if (node.kind == YamlNode::Kind::kNull || (empty && !allowed.empty)) {
    diagnostics_->Error(
        Code::kNoValue, PlaceOf(node, where), absl::StrCat(Quote(key), " has no value"),
        allowed.empty ? "write \"\" for an empty one" : "give it one, or remove it to get the default");
    return {};
  }
  if (node.kind != YamlNode::Kind::kScalar) {
    diagnostics_->Error(Code::kWrongType, PlaceOf(node, where),
                        absl::StrCat(Quote(key), " must be a single value, not ", node.KindName()));
    return {};
  }
  if (HasControl(node.text, allowed.lines)) {
    diagnostics_->Error(
        Code::kControlCharacter, node.range,
        absl::StrCat("the value ", diagnostics_->Hides(node.range) ? "" : Quote(node.text) + " ", "holds ",
                     allowed.lines ? "a control character" : "a line end or another control character"),
        allowed.lines ? "line ends and tabs alone may be in it: take a file for anything else"
                      : "write it on one line, without escapes such as \\n");
    return {};
  }
  if (allowed.variables == Variables::kNone && !HasNoVariable(node.text, PlaceOf(node, where))) return {};
  // An alias may have no place of its own.
  return {node.text, PlaceOf(node, where)};
}

bool MapReader::HasNoVariable(absl::string_view text, Range place) {
  const absl::string_view variable = FindVariable(text);
  if (variable.empty()) return true;
  diagnostics_->Error(
      Code::kBadVariable, place, absl::StrCat("nothing is put in for ", Quote(variable), " here"),
      "write the value itself: kplan reads no variables of the environment, and no templates");
  return false;
}

bool MapReader::NameIsText(const YamlNode::Entry& entry) {
  if (!HasControl(entry.key)) return HasNoVariable(entry.key, entry.key_range);
  diagnostics_->Error(
      Code::kControlCharacter, entry.key_range,
      absl::StrCat("the name ", Quote(entry.key), " holds a line end or another control character"),
      "write it on one line, without escapes such as \\n");
  return false;
}

bool MapReader::IsMapOrNothing(const YamlNode& node, Range where, absl::string_view what) {
  if (node.kind == YamlNode::Kind::kMap || node.kind == YamlNode::Kind::kNull) return true;
  diagnostics_->Error(Code::kWrongType, PlaceOf(node, where),
                      absl::StrCat(what, " must be a map (key: value), not ", node.KindName()));
  return false;
}

bool MapReader::IsListOfMaps(const Asked& asked) {
  const YamlNode& node = *asked.value();
  if (node.kind == YamlNode::Kind::kList) return true;
  absl::string_view key = asked.schema.name;
  diagnostics_->Error(Code::kWrongType, PlaceOf(node, asked.range()),
                      absl::StrCat(Quote(key), " must be a list of maps, not ", node.KindName()),
                      absl::StrCat("for example ", key, ": ", asked.schema.example));
  return false;
}

}  // namespace kplan
