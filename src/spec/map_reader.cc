#include "src/spec/map_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// Where NODE stands; nothing has no place of its own, its key has.
Range PlaceOf(const YamlNode& node, Range where) { return node.range.known() ? node.range : where; }

bool HasControl(absl::string_view text) {
  for (; !text.empty(); text.remove_prefix(1)) {
    if (ControlLength(text) != 0) return true;
  }
  return false;
}

}  // namespace

bool NameIsText(const YamlNode::Entry& entry, Diagnostics* diagnostics) {
  if (!HasControl(entry.key)) return true;
  diagnostics->Error(
      entry.key_range,
      absl::StrCat("the name ", Quote(entry.key), " holds a line end or another control character"),
      "write it on one line, without escapes such as \\n");
  return false;
}

bool IsMapOrNothing(const YamlNode& node, Range where, absl::string_view what, Diagnostics* diagnostics) {
  if (node.kind == YamlNode::Kind::kMap || node.kind == YamlNode::Kind::kNull) return true;
  diagnostics->Error(PlaceOf(node, where),
                     absl::StrCat(what, " must be a map (key: value), not ", node.KindName()));
  return false;
}

MapReader::MapReader(const YamlNode* node, Range where, std::string what, Diagnostics* diagnostics)
    : what_(std::move(what)), diagnostics_(diagnostics) {
  if (node == nullptr || !IsMapOrNothing(*node, where, what_, diagnostics)) return;
  if (node->kind == YamlNode::Kind::kMap) node_ = node;
}

const YamlNode::Entry* MapReader::Find(absl::string_view key) const {
  if (node_ == nullptr) return nullptr;
  for (const YamlNode::Entry& entry : node_->entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const YamlNode* MapReader::Take(absl::string_view key) {
  asked_.push_back(key);
  const YamlNode::Entry* entry = Find(key);
  return entry == nullptr ? nullptr : entry->value;
}

Range MapReader::KeyRange(absl::string_view key) const {
  const YamlNode::Entry* entry = Find(key);
  return entry == nullptr ? Range() : entry->key_range;
}

Text MapReader::ToText(const YamlNode& node, Range where, absl::string_view key, Diagnostics* diagnostics) {
  if (node.kind == YamlNode::Kind::kNull || (node.kind == YamlNode::Kind::kScalar && node.text.empty())) {
    diagnostics->Error(PlaceOf(node, where), absl::StrCat(Quote(key), " has no value"),
                       "give it one, or remove it to get the default");
    return {};
  }
  if (node.kind != YamlNode::Kind::kScalar) {
    diagnostics->Error(PlaceOf(node, where),
                       absl::StrCat(Quote(key), " must be a single value, not ", node.KindName()));
    return {};
  }
  if (HasControl(node.text)) {
    diagnostics->Error(
        node.range,
        absl::StrCat("the value ", Quote(node.text), " holds a line end or another control character"),
        "write it on one line, without escapes such as \\n");
    return {};
  }
  return {node.text, node.range};
}

Text MapReader::GetText(absl::string_view key) {
  const YamlNode* node = Take(key);
  return node == nullptr ? Text() : ToText(*node, KeyRange(key), key, diagnostics_);
}

std::vector<Text> MapReader::GetTexts(absl::string_view key) {
  std::vector<Text> texts;
  const YamlNode* node = Take(key);
  if (node == nullptr) return texts;
  if (node->kind != YamlNode::Kind::kList) {
    if (node->kind == YamlNode::Kind::kMap) {
      diagnostics_->Error(PlaceOf(*node, KeyRange(key)),
                          absl::StrCat(Quote(key), " must be a list, not a map"),
                          absl::StrCat("for example ", key, ": [first, second]"));
      return texts;
    }
    Text text = ToText(*node, KeyRange(key), key, diagnostics_);
    if (text.set()) texts.push_back(std::move(text));
    return texts;
  }
  for (const YamlNode* item : node->items) {
    Text text = ToText(*item, KeyRange(key), key, diagnostics_);
    if (text.set()) texts.push_back(std::move(text));
  }
  return texts;
}

TextPairs MapReader::GetPairs(absl::string_view key) {
  TextPairs pairs;
  ForEachEntry(Take(key), KeyRange(key), Quote(key), diagnostics_, [&](const YamlNode::Entry& entry) {
    Text value = ToText(*entry.value, entry.key_range, entry.key, diagnostics_);
    if (value.set()) pairs.emplace_back(Text{entry.key, entry.key_range}, std::move(value));
  });
  return pairs;
}

void MapReader::NotYet(absl::string_view key, absl::string_view why) {
  if (Find(key) == nullptr) return;
  not_yet_.push_back(key);
  diagnostics_->Error(KeyRange(key),
                      absl::StrCat("this version of kplan does not have ", Quote(key), " yet: ", why),
                      "remove it");
}

void MapReader::Finish() {
  if (node_ == nullptr) return;
  for (const YamlNode::Entry& entry : node_->entries) {
    if (std::find(asked_.begin(), asked_.end(), entry.key) != asked_.end()) continue;
    if (std::find(not_yet_.begin(), not_yet_.end(), entry.key) != not_yet_.end()) continue;
    std::string help = DidYouMean(entry.key, asked_);
    if (help.empty()) {
      std::vector<std::string> keys(asked_.begin(), asked_.end());
      std::sort(keys.begin(), keys.end());
      keys.erase(std::unique(keys.begin(), keys.end()),
                 keys.end());  // one that may have two forms is asked for twice
      help = absl::StrCat("there are ", JoinAnd(keys));
    }
    diagnostics_->Error(entry.key_range, absl::StrCat("unknown key ", Quote(entry.key), " in ", what_), help);
  }
}

}  // namespace kplan
