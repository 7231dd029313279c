#include "src/spec/yaml_common.h"

#include <stddef.h>

#include "absl/strings/ascii.h"

namespace kplan {
namespace {

// Deeper brackets, and longer keys, are not looked into.
constexpr int kMaxDepth = 16;
constexpr size_t kMaxWord = 256;

bool IsLetter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// What means nothing in YAML inside of a word.
bool IsInWord(char c) {
  return IsLetter(c) || absl::string_view("_./$@+=~-").find(c) != absl::string_view::npos;
}

// What a word may begin with.
bool BeginsWord(char c) { return IsLetter(c) || c == '_' || c == '/' || c == '$'; }

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  bool Document() {
    bool any = false;
    while (at_ < text_.size()) {
      const size_t line = at_;
      SkipSpaces();
      if (SkipLineEnd(/*commented=*/true)) continue;
      // Below a value that may go on in a deeper line, nothing is: that line would belong to it.
      if (at_ - line > deepest_ || !Line(line)) return false;
      any = true;
    }
    return any;
  }

 private:
  static constexpr size_t kAny = static_cast<size_t>(-1);

  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n'; }

  // True when there was one.
  bool SkipSpaces() {
    const size_t begin = at_;
    while (Peek() == ' ') ++at_;
    return at_ > begin;
  }

  // Over a line end; COMMENTED: what is before it may be a comment. False when something else is here.
  bool SkipLineEnd(bool commented) {
    if (Peek() != '\n' && !(commented && Peek() == '#')) return false;
    at_ = text_.find('\n', at_);
    at_ = at_ == absl::string_view::npos ? text_.size() : at_ + 1;
    return true;
  }

  // The entry here, of the line that begins at LINE, to its end.
  bool Line(size_t line) {
    size_t column = kAny;
    while (Peek() == '-' && Peek(1) == ' ') {
      column = at_ - line;
      ++at_;
      SkipSpaces();
    }
    const size_t begin = at_;
    const bool bracket = Peek() == '[' || Peek() == '{';
    if (bracket ? !Brackets(0) : !Scalar()) return false;
    if (!bracket && Peek() == ':' && at_ - begin <= kMaxWord) {
      column = begin - line;
      ++at_;
      deepest_ = kAny;
      const bool apart = SkipSpaces();
      if (SkipLineEnd(/*commented=*/apart)) return true;
      if (!apart) return false;
      if (Peek() == '[' || Peek() == '{' ? !Brackets(0) : !Scalar()) return false;
    }
    deepest_ = column;
    return column != kAny && SkipLineEnd(/*commented=*/SkipSpaces());
  }

  bool Scalar() { return Peek() == '"' || Peek() == '\'' ? Quoted() : Words(); }

  bool Quoted() {
    const char quote = Peek();
    for (++at_; Peek() != quote; ++at_) {
      if (!absl::ascii_isprint(static_cast<unsigned char>(Peek())) || Peek() == '\\') return false;
    }
    ++at_;
    return Peek() != quote;
  }

  // Words with one space between them.
  bool Words() {
    const size_t begin = at_;
    if (!BeginsWord(Peek()) && !(Peek() == '.' && BeginsWord(Peek(1)))) return false;
    while (IsInWord(Peek()) || (Peek() == ':' && BeginsWord(Peek(1))) ||
           (Peek() == ' ' && BeginsWord(Peek(1))))
      ++at_;
    return at_ > begin;
  }

  // A list or a map in brackets, which may be of several lines.
  bool Brackets(int depth) {
    if (depth == kMaxDepth) return false;
    const bool map = Peek() == '{';
    const char close = map ? '}' : ']';
    ++at_;
    Gap();
    if (Peek() == close) {
      ++at_;
      return true;
    }
    for (;;) {
      if (map && !Key()) return false;
      if (Peek() == '[' || Peek() == '{' ? !Brackets(depth + 1) : !Scalar()) return false;
      Gap();
      const char c = Peek();
      ++at_;
      if (c == close) return true;
      if (c != ',') return false;
      Gap();
    }
  }

  // A key in brackets, with its colon and a space.
  bool Key() {
    const size_t begin = at_;
    if (!Scalar() || at_ - begin > kMaxWord || Peek() != ':' || Peek(1) != ' ') return false;
    ++at_;
    SkipSpaces();
    return true;
  }

  // Over spaces, line ends and comments in brackets.
  void Gap() {
    const size_t begin = at_;
    do SkipSpaces();
    while (at_ < text_.size() && SkipLineEnd(/*commented=*/at_ > begin));
  }

  const absl::string_view text_;
  size_t at_ = 0;
  size_t deepest_ = kAny;  // the column in which the next line may begin at most
};

}  // namespace

bool IsCommonYaml(absl::string_view text) { return Scanner(text).Document(); }

}  // namespace kplan
