#include "src/spec/yaml_properties.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr char kTagHelp[] = "remove the tag; for a text that begins with \"!\", put it in quotes";

bool IsTagCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("-#;/?:@&=+$_.~*'()%").find(c) != absl::string_view::npos;
}

bool IsUriCharacter(char c) { return IsTagCharacter(c) || c == '!' || c == ',' || c == '[' || c == ']'; }

template <typename Is>
size_t While(const YamlCursor& cursor, size_t place, Is is) {
  while (place < cursor.text().size() && is(cursor.At(place))) ++place;
  return place;
}

size_t WordEnd(const YamlCursor& cursor, size_t place) {
  while (!cursor.IsGapAt(place)) ++place;
  return place;
}

// "%21" is "!".
std::string Unescape(const YamlCursor& cursor, Range range, absl::string_view uri) {
  std::string plain;
  for (size_t i = 0; i < uri.size(); ++i) {
    if (uri[i] != '%') {
      plain += uri[i];
      continue;
    }
    absl::string_view digits = uri.substr(i + 1, 2);
    if (digits.size() < 2 || !absl::ascii_isxdigit(static_cast<unsigned char>(digits[0])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(digits[1]))) {
      cursor.Fail(range, "a \"%\" in a tag is followed by two hexadecimal digits", kTagHelp);
    }
    plain += absl::HexStringToBytes(digits);
    i += 2;
  }
  return plain;
}

// "!handle!", "!!" or "!" at PLACE: where it ends.
size_t HandleEnd(const YamlCursor& cursor, size_t place) {
  size_t end = While(cursor, place + 1,
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-'; });
  return cursor.At(end) == '!' ? end + 1 : place + 1;
}

std::string ReadTag(YamlCursor& cursor, const YamlTagHandles& handles) {
  const size_t begin = cursor.pos();
  if (cursor.Peek(1) == '<') {
    size_t end = While(cursor, begin + 2, IsUriCharacter);
    Range range = cursor.Between(begin, end + 1);
    if (cursor.At(end) != '>' || end == begin + 2) cursor.Fail(range, "this tag has no end", kTagHelp);
    cursor.MoveTo(end + 1);
    return Unescape(cursor, range, cursor.text().substr(begin + 2, end - begin - 2));
  }
  const size_t handle_end = HandleEnd(cursor, begin);
  const absl::string_view handle = cursor.text().substr(begin, handle_end - begin);
  const size_t end = While(cursor, handle_end, IsTagCharacter);
  const Range range = cursor.Between(begin, end);
  const std::string* prefix = handles.Find(handle);
  if (prefix == nullptr) {
    cursor.Fail(range, absl::StrCat("no %TAG line says what ", Quote(handle), " stands for"), kTagHelp);
  }
  if (end == handle_end && handle != "!") cursor.Fail(range, "this tag has no name", kTagHelp);
  cursor.MoveTo(end);
  if (end == handle_end) return "!";
  return *prefix + Unescape(cursor, range, cursor.text().substr(handle_end, end - handle_end));
}

void ReadYamlVersion(const YamlCursor& cursor, absl::string_view version, Range line) {
  size_t dot = version.find('.');
  auto number = [](absl::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
  };
  if (dot == absl::string_view::npos || !number(version.substr(0, dot)) || !number(version.substr(dot + 1))) {
    cursor.Fail(line, "a %YAML line has a version and nothing else", "write %YAML 1.2, or remove the line");
  }
}

}  // namespace

bool YamlTagHandles::Add(absl::string_view handle, absl::string_view prefix) {
  return written_.try_emplace(std::string(handle), prefix).second;
}

const std::string* YamlTagHandles::Find(absl::string_view handle) const {
  static const auto* const kUsual =
      new std::map<std::string, std::string, std::less<>>{{"!", "!"}, {"!!", "tag:yaml.org,2002:"}};
  auto found = written_.find(handle);
  if (found != written_.end()) return &found->second;
  found = kUsual->find(handle);
  return found == kUsual->end() ? nullptr : &found->second;
}

bool ReadYamlDirectives(YamlCursor& cursor, YamlTagHandles* handles) {
  bool any = false, version = false;
  for (;;) {
    cursor.SkipGap();
    if (cursor.Peek() != '%' || cursor.Column() != 0) return any;
    any = true;
    const size_t begin = cursor.pos(), end = cursor.LineEnd(begin);
    const Range line = cursor.Between(begin, end);
    // At most a name and two parameters; a comment stands behind a blank.
    absl::string_view words[4];
    size_t count = 0, place = begin;
    while (count < 4 && place < end && cursor.At(place) != '#') {
      size_t word_end = WordEnd(cursor, place);
      words[count++] = cursor.text().substr(place, word_end - place);
      place = cursor.SkipBlanks(word_end);
    }
    if (words[0] == "%YAML") {
      if (version) cursor.Fail(line, "a second %YAML line", "remove one of the two");
      version = true;
      ReadYamlVersion(cursor, count == 2 ? words[1] : absl::string_view(), line);
    } else if (words[0] == "%TAG") {
      const bool handle =
          count == 3 && words[1][0] == '!' && (words[1].size() == 1 || words[1].back() == '!');
      if (!handle) cursor.Fail(line, "a %TAG line has a handle and what it stands for", "remove the line");
      if (!handles->Add(words[1], words[2])) {
        cursor.Fail(line, absl::StrCat("a second %TAG line for ", Quote(words[1])), "remove one of the two");
      }
    }
    cursor.MoveTo(end);
  }
}

void ReadYamlProperty(YamlCursor& cursor, const YamlTagHandles& handles, bool flow,
                      YamlProperties* properties) {
  const size_t begin = cursor.pos();
  if (cursor.Peek() == '&') {
    absl::string_view name = ReadYamlName(cursor);
    if (!properties->anchor.empty()) {
      cursor.Fail(cursor.Between(begin, cursor.pos()), "a value has one anchor, and this is its second",
                  "remove one of the two");
    }
    properties->anchor = name.substr(1);
    properties->anchor_range = cursor.Between(begin, cursor.pos());
  } else {
    std::string tag = ReadTag(cursor, handles);
    if (!properties->tag.empty()) {
      cursor.Fail(cursor.Between(begin, cursor.pos()), "a value has one tag, and this is its second",
                  "remove one of the two");
    }
    properties->tag = std::move(tag);
    properties->tag_range = cursor.Between(begin, cursor.pos());
  }
  if (cursor.IsGapAt(cursor.pos()) || (flow && IsYamlFlowIndicator(cursor.Peek()))) return;
  cursor.Fail(cursor.Here(), "a blank is missing behind a tag or an anchor",
              "for a text that begins with \"!\" or \"&\", put it in quotes");
}

absl::string_view ReadYamlName(YamlCursor& cursor) {
  const size_t begin = cursor.pos();
  size_t end = begin + 1;
  while (!cursor.IsGapAt(end) && !IsYamlFlowIndicator(cursor.At(end))) ++end;
  if (end == begin + 1) {
    cursor.Fail(cursor.Here(),
                absl::StrCat("there is no name behind \"", cursor.text().substr(begin, 1), "\""),
                absl::StrCat("for a text that begins with \"", cursor.text().substr(begin, 1),
                             "\", put it in quotes"));
  }
  cursor.MoveTo(end);
  return cursor.text().substr(begin, end - begin);
}

}  // namespace kplan
