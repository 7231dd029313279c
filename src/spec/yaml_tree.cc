#include "src/spec/yaml_tree.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// Aliases may repeat what is written, up to this many nodes in all: 10,000 hosts that share one block are
// fine, nine levels of nine aliases each are not.
constexpr uint64_t kMaxExpanded = 4'000'000;

// Thrown through yaml-cpp to stop it; the diagnostic is already written. Never leaves this file.
struct Stop {};

// The text without a copy (std::istringstream would make one).
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(absl::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

// What yaml-cpp must not see because it accepts it, or never returns from it.
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

class YamlTreeBuilder : public YAML::EventHandler {
 public:
  YamlTreeBuilder(YamlTree* tree, Diagnostics* diagnostics) : tree_(tree), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (tree_->root_ == nullptr && !started_) {
      started_ = true;
      return;
    }
    Range range = At(mark, 1);
    if (text().compare(range.begin, 3, "---") != 0) {
      // yaml-cpp takes a stray "," or "]" for the end of a document, and would find one for ever.
      diagnostics_->Error(
          Code::kYaml, range,
          absl::StrCat("this is not YAML: ", Quote(text().substr(range.begin, 1)), " is not expected here"));
      throw Stop();
    }
    diagnostics_->Error(Code::kYamlFeature, range, "a second YAML document begins here",
                        "a cluster.yaml holds one document");
    throw Stop();
  }
  void OnDocumentEnd() override {
    if (tree_->root_ == nullptr) tree_->root_ = NewNode(YamlNode::Kind::kNull, {});
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    // For an empty value yaml-cpp's mark is the next token, which may be anywhere below: the key is the
    // place.
    if (WantsKey()) {
      diagnostics_->Error(
          Code::kYamlFeature, At(mark, 1),
          "a key must be a single value: there is none, or one that YAML does not take",
          "a key is one word or a quoted text, at most 1,024 characters, on the line of its colon");
      throw Stop();
    }
    bool in_map = !open_.empty() && open_.back().node->kind == YamlNode::Kind::kMap;
    Range range = in_map ? open_.back().key_range : At(mark, 1);
    Add(NewNode(YamlNode::Kind::kNull, range), anchor, range);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Range range = At(mark, 1);
    while (range.end < text().size() &&
           (absl::ascii_isalnum(text()[range.end]) || text()[range.end] == '_' || text()[range.end] == '-')) {
      ++range.end;
    }
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      // The anchor's node is not complete yet: it contains this alias.
      diagnostics_->Error(Code::kYamlFeature, range,
                          "this alias stands inside its own anchor, so that the value would contain itself",
                          "write the value out");
      throw Stop();
    }
    Add(found->second, 0, range);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Range range = ScalarRange(At(mark, 1).begin, value);
    bool quoted = tag == "!";
    if (!tag.empty() && tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:str") RefuseTag(range, tag);
    if (WantsKey()) {
      open_.back().has_key = true;
      open_.back().key = value;
      open_.back().key_range = range;
      CheckKey();
      return;
    }
    bool null = !quoted && tag != "tag:yaml.org,2002:str" &&
                (value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL");
    YamlNode* node = NewNode(null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar, range);
    node->quoted = quoted;
    node->text = value;
    Add(node, anchor, range);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kList, At(mark, 1), tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, At(mark, 1), tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  // A list or map that is not complete yet.
  struct Frame {
    YamlNode* node;
    YAML::anchor_t anchor;
    bool has_key = false;  // of a map: the key was read, its value comes next
    bool drop = false;     // and it was there before: the value is read and not kept
    std::string key;
    Range key_range;
    absl::flat_hash_map<std::string, Range> index;  // of a large map; see FindKey
    size_t indexed = 0;                             // how many entries the index has
  };

  const std::string& text() const { return diagnostics_->source().text(); }

  Range At(const YAML::Mark& mark, uint32_t length) const {
    // yaml-cpp swallows a byte order mark and counts from behind it.
    uint32_t skipped = absl::StartsWith(text(), "\xEF\xBB\xBF") ? 3 : 0;
    uint32_t size = static_cast<uint32_t>(text().size());
    uint32_t begin =
        std::min<uint32_t>(static_cast<uint32_t>(std::max(mark.pos, 0)) + skipped, size > 0 ? size - 1 : 0);
    return {begin, std::min(begin + length, size)};
  }

  // yaml-cpp gives where a scalar begins; where it ends is looked up in the text.
  Range ScalarRange(uint32_t begin, const std::string& value) const {
    Range range{begin, begin + 1};
    char first = text()[begin];
    if (first == '"' || first == '\'') {
      uint32_t i = begin + 1;
      for (; i < text().size(); ++i) {
        if (first == '"' && text()[i] == '\\') {
          ++i;
        } else if (text()[i] == first) {
          if (first == '"' || i + 1 >= text().size() || text()[i + 1] != '\'') break;
          ++i;
        }
      }
      range.end = std::min<uint32_t>(i + 1, static_cast<uint32_t>(text().size()));
    } else if (!value.empty() && text().compare(begin, value.size(), value) == 0) {
      range.end = begin + static_cast<uint32_t>(value.size());
    } else {
      // A block scalar or one over several lines: its first line.
      size_t end = text().find('\n', begin);
      range.end = static_cast<uint32_t>(end == std::string::npos ? text().size() : end);
      if (range.end <= begin) range.end = begin + 1;
    }
    return range;
  }

  YamlNode* NewNode(YamlNode::Kind kind, Range range) {
    tree_->nodes_.emplace_back();
    YamlNode* node = &tree_->nodes_.back();
    node->kind = kind;
    node->range = range;
    return node;
  }

  bool WantsKey() const {
    return !open_.empty() && open_.back().node->kind == YamlNode::Kind::kMap && !open_.back().has_key;
  }

  void CheckKey() {
    Frame& frame = open_.back();
    if (frame.key == "<<") {
      diagnostics_->Error(Code::kYamlFeature, frame.key_range, "merge keys (<<) are not read",
                          "write the keys out");
      throw Stop();
    }
    Range first = FindKey(frame);
    frame.drop = first.known();
    if (!frame.drop) return;
    Diagnostic& twice =
        diagnostics_->Error(Code::kDuplicateKey, frame.key_range,
                            absl::StrCat(Quote(frame.key), " is written twice"), "remove one of the two");
    twice.other = first;
    twice.other_message = "the first is here";
  }

  // Where the key that was just read stands already. A small map is looked through; a large one gets an
  // index, so that 10,000 hosts cost no 10,000 x 10,000 comparisons.
  Range FindKey(Frame& frame) const {
    constexpr size_t kSmall = 16;
    const std::vector<YamlNode::Entry>& entries = frame.node->entries;
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

  void RefuseTag(Range range, const std::string& tag) {
    diagnostics_->Error(Code::kYamlFeature, range,
                        absl::StrCat("a YAML tag (", tag, ") that kplan does not know"), "remove the tag");
    throw Stop();
  }

  void RefuseKey(Range range) {
    diagnostics_->Error(Code::kYamlFeature, range,
                        "a key must be a single value, not a list, a map, an alias or empty");
    throw Stop();
  }

  void Open(YamlNode::Kind kind, Range range, const std::string& tag, YAML::anchor_t anchor) {
    if (!tag.empty() && tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:map" &&
        tag != "tag:yaml.org,2002:seq") {
      RefuseTag(range, tag);
    }
    if (WantsKey()) RefuseKey(range);
    if (open_.size() >= YamlTree::kMaxDepth) {
      diagnostics_->Error(Code::kTooLarge, range,
                          absl::StrCat("nested more than ", YamlTree::kMaxDepth, " levels deep"));
      throw Stop();
    }
    Frame frame;
    frame.node = NewNode(kind, range);
    frame.anchor = anchor;
    open_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    Add(frame.node, frame.anchor, frame.node->range);
  }

  void Add(const YamlNode* node, YAML::anchor_t anchor, Range range) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      tree_->root_ = node;
      return;
    }
    if (WantsKey()) RefuseKey(range);
    Frame& frame = open_.back();
    frame.node->expanded += node->expanded;
    if (frame.node->expanded > kMaxExpanded) {
      diagnostics_->Error(Code::kTooLarge, range,
                          absl::StrCat("aliases multiply the document beyond ", kMaxExpanded, " values"),
                          "write the values out");
      throw Stop();
    }
    if (frame.node->kind == YamlNode::Kind::kList) {
      frame.node->items.push_back(node);
    } else {
      if (!frame.drop) frame.node->entries.push_back({std::move(frame.key), frame.key_range, node});
      frame.has_key = false;
    }
  }

  YamlTree* tree_;
  Diagnostics* diagnostics_;
  std::vector<Frame> open_;
  bool started_ = false;
  absl::flat_hash_map<YAML::anchor_t, const YamlNode*> anchors_;
};

bool YamlTree::Parse(Diagnostics* diagnostics) {
  if (!CheckText(diagnostics)) return false;
  const SourceFile& source = diagnostics->source();
  int errors_before = diagnostics->error_count();
  try {
    TextBuffer buffer(source.text());
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    YamlTreeBuilder builder(this, diagnostics);
    // The second call is there to see a second document; it returns false at the end of the text.
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
  } catch (const YAML::Exception& e) {
    uint32_t size = static_cast<uint32_t>(source.text().size());
    uint32_t at = e.mark.is_null() ? 0 : std::min<uint32_t>(e.mark.pos, size > 0 ? size - 1 : 0);
    absl::string_view line = source.Line(source.PositionOf(at).line);
    size_t text = line.find_first_not_of(" \t");
    bool tab = line.substr(0, text).find('\t') != absl::string_view::npos;
    diagnostics->Error(Code::kYaml, {at, std::min(at + 1, size)}, absl::StrCat("this is not YAML: ", e.msg),
                       tab ? "the line begins with a tab: YAML is indented with spaces" : "");
  }
  return diagnostics->error_count() == errors_before;
}

}  // namespace kplan
