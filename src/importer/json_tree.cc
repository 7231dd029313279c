#include "src/importer/json_tree.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "src/base/text.h"

namespace kplan {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDepth = 64;

// Tells how much of the text the parser has taken: where an event's token ends.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

}  // namespace

// nlohmann's SAX handler: false stops the parser.
class JsonTreeBuilder {
 public:
  JsonTreeBuilder(absl::string_view text, const char* const* furthest, size_t file, Findings* findings,
                  JsonTree* tree)
      : text_(text), furthest_(furthest), file_(file), findings_(findings), nodes_(tree->nodes_) {}

  bool null() { return Add(JsonNode::Kind::kNull, TokenRange()); }
  bool boolean(bool value) { return Add(JsonNode::Kind::kBool, TokenRange(), value ? "true" : "false"); }
  bool number_integer(Json::number_integer_t) { return Number(); }
  bool number_unsigned(Json::number_unsigned_t) { return Number(); }
  bool number_float(Json::number_float_t, const std::string&) { return Number(); }
  bool string(std::string& value) { return Add(JsonNode::Kind::kString, TokenRange(), value); }
  bool binary(Json::binary_t&) { return false; }  // JSON has none

  bool start_object(size_t) { return Open(JsonNode::Kind::kMap); }
  bool start_array(size_t) { return Open(JsonNode::Kind::kList); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }

  bool key(std::string& key) {
    key_ = key;
    key_range_ = TokenRange();
    for (const JsonNode::Entry& entry : open_.back()->entries) {
      if (entry.key != key) continue;
      findings_->Error(Code::kCfsslFile, {file_, key_range_, ""},
                       absl::StrCat("the key ", Quote(key), " is there twice"),
                       "cfssl takes the last one silently; remove one of them");
      return false;
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) {
    absl::string_view what = error.what();
    size_t reason = what.find("syntax error");
    if (reason == absl::string_view::npos) reason = what.find("] ") + 2;
    uint32_t at = static_cast<uint32_t>(std::min(position == 0 ? 0 : position - 1, text_.size()));
    findings_->Error(Code::kCfsslFile, {file_, {at, at + 1}, ""},
                     absl::StrCat("not JSON: ", what.substr(reason)));
    return false;
  }

 private:
  uint32_t Offset(const char* at) const { return static_cast<uint32_t>(at - text_.data()); }

  // The token that has just been read: what follows the one before, without what separates them.
  Range TokenRange() {
    Range range;
    range.begin = TokenBegin();
    range.end = last_end_ = Offset(*furthest_);
    return range;
  }

  uint32_t TokenBegin() const {
    size_t begin = last_end_;
    while (begin < text_.size() && (absl::ascii_isspace(static_cast<unsigned char>(text_[begin])) ||
                                    text_[begin] == ',' || text_[begin] == ':')) {
      ++begin;
    }
    return static_cast<uint32_t>(begin);
  }

  // Only a number is known to be over by the character behind it, which the parser has then taken too.
  bool Number() {
    Range range;
    range.begin = range.end = TokenBegin();
    while (range.end < text_.size() && OnlyAlnumAnd(text_.substr(range.end, 1), "+-.")) ++range.end;
    last_end_ = range.end;
    return Add(JsonNode::Kind::kNumber, range,
               std::string(text_.substr(range.begin, range.end - range.begin)));
  }

  bool Add(JsonNode::Kind kind, Range range, std::string text = "") {
    nodes_.push_back({});
    JsonNode& node = nodes_.back();
    node.kind = kind;
    node.range = range;
    node.text = std::move(text);
    if (!open_.empty()) {
      if (open_.back()->kind == JsonNode::Kind::kMap) {
        open_.back()->entries.push_back({key_, key_range_, &node});
      } else {
        open_.back()->items.push_back(&node);
      }
    }
    return true;
  }

  bool Open(JsonNode::Kind kind) {
    Range range = TokenRange();
    if (open_.size() == kMaxDepth) {
      findings_->Error(Code::kCfsslFile, {file_, range, ""},
                       absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
      return false;
    }
    Add(kind, range);
    open_.push_back(&nodes_.back());
    return true;
  }

  bool Close() {
    last_end_ = Offset(*furthest_);
    open_.pop_back();
    return true;
  }

  absl::string_view text_;
  const char* const* furthest_;
  size_t file_;
  Findings* findings_;
  std::deque<JsonNode>& nodes_;
  std::vector<JsonNode*> open_;
  std::string key_;
  Range key_range_;
  uint32_t last_end_ = 0;
};

const char* JsonNode::KindName() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a truth value";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a text";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

const JsonNode::Entry* JsonNode::Find(absl::string_view key) const {
  for (const Entry& entry : entries) {
    if (absl::EqualsIgnoreCase(entry.key, key)) return &entry;
  }
  return nullptr;
}

bool JsonTree::Parse(absl::string_view text, size_t file, Findings* findings) {
  const char* furthest = text.data();
  JsonTreeBuilder builder(text, &furthest, file, findings, this);
  CountingIterator begin(text.data(), &furthest), end(text.data() + text.size(), &furthest);
  return Json::sax_parse(begin, end, &builder);
}

}  // namespace kplan
