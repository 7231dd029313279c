#include "src/spec/yaml_tree.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/spec/yaml_common.h"
#include "src/spec/yaml_events.h"
#include "src/spec/yaml_second_reader.h"

namespace kplan {
namespace {

// Aliases may repeat what is written, up to this many nodes in all: 10,000 hosts that share one block are
// fine, nine levels of nine aliases each are not. That much text counts as a node.
constexpr uint64_t kMaxExpanded = 1'000'000;
constexpr size_t kTextOfANode = 64;

// Longest key, in bytes. YAML has this bound for most keys, and no key of ours is near it.
constexpr size_t kMaxKey = 1024;

bool IsNullWord(absl::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Texts that are no texts, whatever YAML says of them.
bool CheckText(Diagnostics* diagnostics) {
  const std::string& text = diagnostics->source().text();
  if (text.size() > YamlTree::kMaxBytes) {
    diagnostics->Error(Code::kTooLarge, {},
                       absl::StrCat("the file has ", text.size(), " bytes; at most ", YamlTree::kMaxBytes,
                                    " (64 MiB) are read"));
    return false;
  }
  size_t invalid = FindInvalidUtf8(text);
  if (invalid != absl::string_view::npos) {
    uint32_t at = static_cast<uint32_t>(invalid);
    diagnostics->Error(Code::kEncoding, {at, at + 1}, "this is not UTF-8", "save the file as UTF-8");
    return false;
  }
  for (uint32_t i = 0; i < text.size(); ++i) {
    unsigned char c = text[i];
    if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') continue;
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    diagnostics->Error(Code::kControlCharacter, {i, i + 1},
                       absl::StrCat("a control character (byte 0x", absl::Hex(c, absl::kZeroPad2), ")"),
                       "remove it; YAML allows tabs and line ends only");
    return false;
  }
  return true;
}

}  // namespace

const char* YamlNode::KindName() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "a single value";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

class YamlTreeBuilder : public YamlEvents {
 public:
  YamlTreeBuilder(YamlTree* tree, Diagnostics* diagnostics, YamlSecondReader* second)
      : tree_(tree), diagnostics_(diagnostics), second_(second) {}

  void OnDocumentStart(bool, Range place) override {
    if (!started_) {
      started_ = true;
      return;
    }
    diagnostics_->Error(Code::kYamlFeature, place, "a second YAML document begins here",
                        "a cluster.yaml holds one document");
    throw YamlStop();
  }
  void OnDocumentEnd(bool) override {}

  void OnAlias(absl::string_view name, Range range) override {
    second_->Saw(YamlSecondReader::Kind::kAlias, "", range);
    if (WantsKey()) RefuseKey(range);
    auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      diagnostics_->Error(Code::kYaml, range,
                          absl::StrCat("this is not YAML: no anchor ", Quote(absl::StrCat("&", name)),
                                       " stands above this alias"),
                          absl::StrCat("if this is a text, put it in quotes: \"*", name, "\""));
      throw YamlStop();
    }
    const YamlNode* meant = found->second;
    if (std::any_of(open_.begin(), open_.end(), [&](const Frame& frame) { return frame.node == meant; })) {
      diagnostics_->Error(Code::kYamlFeature, range,
                          "this alias stands inside its own anchor, so that the value would contain itself",
                          "write the value out");
      throw YamlStop();
    }
    YamlNode* node = NewNode(meant->kind, range, {});
    *node = *meant;
    node->anchor = meant->anchor.known() ? meant->anchor : meant->range;
    node->range = range;
    Add(node);
  }

  void OnScalar(const YamlProperties& properties, YamlStyle style, std::string value, Range range) override {
    const bool plain = style == YamlStyle::kPlain && properties.tag.empty();
    const bool null = plain && IsNullWord(value);
    second_->Saw(null    ? YamlSecondReader::Kind::kNull
                 : plain ? YamlSecondReader::Kind::kPlain
                         : YamlSecondReader::Kind::kText,
                 value, range);
    CheckTag(properties, "tag:yaml.org,2002:str");
    if (plain) CheckSpaces(value, range);
    if (WantsKey()) {
      if (null) RefuseKey(range);
      if (!properties.anchor.empty()) NewNode(YamlNode::Kind::kScalar, range, properties)->text = value;
      ReadKey(std::move(value), range);
      return;
    }
    YamlNode* node = NewNode(null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar, range, properties);
    node->quoted = !plain;
    node->expanded += value.size() / kTextOfANode;
    if (!null) node->text = std::move(value);
    Add(node);
  }

  void OnListStart(const YamlProperties& properties, bool, Range range) override {
    second_->Saw(YamlSecondReader::Kind::kList, "", range);
    CheckTag(properties, "tag:yaml.org,2002:seq");
    Open(YamlNode::Kind::kList, range, properties);
  }
  void OnListEnd() override {
    second_->Saw(YamlSecondReader::Kind::kEnd, "", open_.back().node->range);
    Close();
  }
  void OnMapStart(const YamlProperties& properties, bool, Range range) override {
    second_->Saw(YamlSecondReader::Kind::kMap, "", range);
    CheckTag(properties, "tag:yaml.org,2002:map");
    Open(YamlNode::Kind::kMap, range, properties);
  }
  void OnMapEnd() override {
    second_->Saw(YamlSecondReader::Kind::kEnd, "", open_.back().node->range);
    Close();
  }

 private:
  // A list or map that is not complete yet.
  struct Frame {
    YamlNode* node;
    std::vector<const YamlNode*> items;
    std::vector<YamlNode::Entry> entries;
    bool has_key = false;  // of a map: the key was read, its value comes next
    bool drop = false;     // and it was there before: the value is read and not kept
    std::string key;
    Range key_range;
    absl::flat_hash_map<std::string, Range> index;  // of a large map; see FindKey
    size_t indexed = 0;                             // how many entries the index has
  };

  YamlNode* NewNode(YamlNode::Kind kind, Range range, const YamlProperties& properties) {
    tree_->nodes_.emplace_back();
    YamlNode* node = &tree_->nodes_.back();
    node->kind = kind;
    node->range = range;
    if (!properties.anchor.empty()) anchors_[properties.anchor] = node;
    return node;
  }

  bool WantsKey() const {
    return !open_.empty() && open_.back().node->kind == YamlNode::Kind::kMap && !open_.back().has_key;
  }

  void ReadKey(std::string key, Range range) {
    Frame& frame = open_.back();
    if (key == "<<") {
      diagnostics_->Error(Code::kYamlFeature, range, "merge keys (<<) are not read", "write the keys out");
      throw YamlStop();
    }
    if (key.size() > kMaxKey) {
      diagnostics_->Error(Code::kYamlFeature, range,
                          absl::StrCat("a key of ", key.size(), " bytes; at most 1,024 are read"),
                          "write a shorter one");
      throw YamlStop();
    }
    frame.has_key = true;
    frame.key = std::move(key);
    frame.key_range = range;
    Range first = FindKey(frame);
    frame.drop = first.known();
    if (!frame.drop) return;
    diagnostics_
        ->Error(Code::kDuplicateKey, range, absl::StrCat(Quote(frame.key), " is written twice"),
                "remove one of the two")
        .Relate(first, "the first is here");
  }

  // Where the key that was just read stands already. A small map is looked through; a large one gets an
  // index, so that 10,000 hosts cost no 10,000 x 10,000 comparisons.
  Range FindKey(Frame& frame) const {
    constexpr size_t kSmall = 16;
    const std::vector<YamlNode::Entry>& entries = frame.entries;
    if (entries.size() < kSmall) {
      for (const YamlNode::Entry& entry : entries) {
        if (entry.key == frame.key) return entry.key_range;
      }
      return {};
    }
    for (; frame.indexed < entries.size(); ++frame.indexed) {
      frame.index.try_emplace(entries[frame.indexed].key, entries[frame.indexed].key_range);
    }
    auto found = frame.index.find(frame.key);
    return found == frame.index.end() ? Range() : found->second;
  }

  void CheckTag(const YamlProperties& properties, absl::string_view known) {
    if (properties.tag.empty() || properties.tag == "!" || properties.tag == known) return;
    diagnostics_->Error(Code::kYamlFeature, properties.tag_range,
                        absl::StrCat("a YAML tag (", properties.tag, ") that kplan does not know"),
                        "remove the tag");
    throw YamlStop();
  }

  // A no-break space looks like a space and is none: behind a colon or a dash it makes a text of what was to
  // be a key or an entry.
  void CheckSpaces(absl::string_view plain, Range range) {
    constexpr absl::string_view kNoBreakSpace = "\xC2\xA0";
    size_t at = plain.find(kNoBreakSpace);
    if (at == absl::string_view::npos) return;
    const bool behind_dash = at == 1 && (plain[0] == '-' || plain[0] == '?');
    if (at > 0 && !behind_dash) {
      at = plain.find(absl::StrCat(":", kNoBreakSpace));
      if (at == absl::string_view::npos) return;
      ++at;
    }
    size_t place =
        diagnostics_->source().text().find(kNoBreakSpace.data(), range.begin, kNoBreakSpace.size());
    Range space{static_cast<uint32_t>(place), static_cast<uint32_t>(place + kNoBreakSpace.size())};
    if (space.end > range.end) space = range;
    diagnostics_->Error(Code::kYaml, space, "a no-break space (U+00A0) stands where YAML wants a space",
                        "write a space instead; if the text is to hold it, put the text in quotes");
    throw YamlStop();
  }

  void RefuseKey(Range range) {
    diagnostics_->Error(Code::kYamlFeature, range,
                        "a key must be a single value, not a list, a map, an alias or nothing",
                        "write one word, or a text in quotes");
    throw YamlStop();
  }

  void Open(YamlNode::Kind kind, Range range, const YamlProperties& properties) {
    if (WantsKey()) RefuseKey(range);
    Frame frame;
    frame.node = NewNode(kind, range, properties);
    open_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    if (!frame.items.empty()) {
      frame.node->items = tree_->lists_.emplace_back(std::move(frame.items));
    }
    if (!frame.entries.empty()) {
      frame.node->entries = tree_->maps_.emplace_back(std::move(frame.entries));
    }
    Add(frame.node);
  }

  void Add(const YamlNode* node) {
    if (open_.empty()) {
      tree_->root_ = node;
      return;
    }
    Frame& frame = open_.back();
    frame.node->expanded += node->expanded;
    if (frame.node->expanded > kMaxExpanded + tree_->nodes_.size() + TextNodes()) {
      diagnostics_->Error(Code::kTooLarge, node->range,
                          absl::StrCat("aliases multiply the document beyond ", kMaxExpanded, " values"),
                          "write the values out");
      throw YamlStop();
    }
    if (frame.node->kind == YamlNode::Kind::kList) {
      frame.items.push_back(node);
    } else {
      if (!frame.drop) frame.entries.push_back({std::move(frame.key), frame.key_range, node});
      frame.has_key = false;
    }
  }

  // What is written counts for itself, and not for the aliases.
  uint64_t TextNodes() const { return diagnostics_->source().text().size() / kTextOfANode; }

  YamlTree* tree_;
  Diagnostics* diagnostics_;
  YamlSecondReader* second_;
  std::vector<Frame> open_;
  bool started_ = false;
  absl::flat_hash_map<absl::string_view, const YamlNode*> anchors_;
};

bool YamlTree::Parse(Diagnostics* diagnostics, SecondReading second) {
  if (!CheckText(diagnostics)) return false;
  const int errors_before = diagnostics->error_count();
  YamlSecondReader reader(second == SecondReading::kAlways || !IsCommonYaml(diagnostics->source().text()));
  YamlTreeBuilder builder(this, diagnostics, &reader);
  ParseYaml(diagnostics, &builder);
  if (diagnostics->error_count() != errors_before) return false;
  reader.Compare(diagnostics);
  return true;
}

}  // namespace kplan
