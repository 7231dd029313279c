#include "src/base/text.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

constexpr size_t kMaxQuoted = 80;

// Optimal string alignment distance: a swap of neighbours counts one.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

// Appends TEXT with the bytes of disruptive characters, but for those in KEPT, and of what is no UTF-8, as
// \xNN.
void AppendShown(absl::string_view text, absl::string_view kept, std::string* out) {
  size_t valid = std::min(FindInvalidUtf8(text), text.size());  // so many bytes from here on are UTF-8
  while (!text.empty()) {
    size_t length = valid == 0 ? 1 : DisruptiveLength(text.substr(0, valid));
    if (length == 1 && valid > 0 && absl::StrContains(kept, text[0])) length = 0;
    if (length == 0) out->push_back(text[0]);
    for (char c : text.substr(0, length))
      absl::StrAppendFormat(out, "\\x%02x", static_cast<unsigned char>(c));
    const size_t taken = std::max<size_t>(1, length);
    text.remove_prefix(taken);
    // Asked anew only behind what was none, so that the whole takes one pass.
    valid = valid > 0 ? valid - taken : std::min(FindInvalidUtf8(text), text.size());
  }
}

// "F0302 14:00:00.000000 ...": klog's, of the level fatal.
bool IsKlogFatal(absl::string_view line) {
  return line.size() > 6 && line[0] == 'F' && line[5] == ' ' &&
         std::all_of(line.begin() + 1, line.begin() + 5,
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

size_t FindInvalidUtf8(absl::string_view text) {
  size_t i = 0;
  auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  while (i < text.size()) {
    unsigned c = byte(i);
    if (c < 0x80) {
      ++i;
      continue;
    }
    size_t length = c >= 0xC2 && c <= 0xDF ? 2 : (c & 0xF0) == 0xE0 ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
    if (length == 0) return i;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return i;
    }
    unsigned second = byte(i + 1);
    bool overlong = (c == 0xE0 && second < 0xA0) || (c == 0xF0 && second < 0x90);
    bool surrogate = c == 0xED && second >= 0xA0;
    bool too_large = c == 0xF4 && second >= 0x90;
    if (overlong || surrogate || too_large) return i;
    i += length;
  }
  return absl::string_view::npos;
}

size_t ControlLength(absl::string_view text) {
  if (text.empty()) return 0;
  unsigned char first = text[0];
  if (first < 0x20 || first == 0x7f) return 1;
  // C1, U+0080 to U+009F: U+009B begins a terminal's commands as ESC [ does, U+0085 is a line end.
  unsigned char second = text.size() > 1 ? text[1] : 0, third = text.size() > 2 ? text[2] : 0;
  if (first == 0xC2 && second >= 0x80 && second <= 0x9F) return 2;
  // U+2028 and U+2029, line and paragraph separator.
  return first == 0xE2 && second == 0x80 && (third == 0xA8 || third == 0xA9) ? 3 : 0;
}

size_t DisruptiveLength(absl::string_view text) {
  if (size_t control = ControlLength(text); control != 0) return control;
  if (text.size() < 3 || static_cast<unsigned char>(text[0]) != 0xE2) return 0;
  unsigned char second = text[1], third = text[2];
  bool embedding = second == 0x80 && third >= 0xAA && third <= 0xAE;  // U+202A to U+202E
  bool isolate = second == 0x81 && third >= 0xA6 && third <= 0xA9;    // U+2066 to U+2069
  return embedding || isolate ? 3 : 0;
}

unsigned CodePointOf(absl::string_view character) {
  unsigned point = static_cast<unsigned char>(character[0]);
  if (character.size() == 2) point &= 0x1F;
  if (character.size() == 3) point &= 0x0F;
  for (char c : character.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3F);
  return point;
}

std::string Shown(absl::string_view text) {
  std::string shown;
  AppendShown(text, "", &shown);
  return shown;
}

std::string ShownLines(absl::string_view text) {
  std::string shown;
  AppendShown(text, "\n\t", &shown);
  return shown;
}

std::string Continued(absl::string_view text) {
  std::string continued;
  for (size_t i = 0; i < text.size(); ++i) {
    continued.push_back(text[i]);
    if (text[i] != '\n' || i + 1 == text.size()) continue;
    if (text[i + 1] != ' ' && text[i + 1] != '\n') continued += "  ";
  }
  return continued;
}

std::string Brief(absl::string_view text) {
  std::string quoted = Quote(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string Quote(absl::string_view text) {
  size_t end = 0;  // of what is shown
  for (size_t characters = 0; end < text.size(); ++end) {
    const bool starts_character = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (starts_character && characters++ == kMaxQuoted) break;
    // A run of bytes that continue no character has no end of its own.
    if (end >= kMaxQuoted * 4) break;
  }
  std::string out = "\"";
  AppendShown(text.substr(0, end), "", &out);
  return out + (end < text.size() ? "…\"" : "\"");
}

absl::string_view Nearest(absl::string_view word, const std::vector<absl::string_view>& candidates) {
  if (word.size() > 64) return "";
  std::string lower = absl::AsciiStrToLower(word);
  absl::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (absl::string_view candidate : candidates) {
    // As many letters have to be added or taken away at least.
    const size_t least = std::max(candidate.size(), word.size()) - std::min(candidate.size(), word.size());
    if (least >= best_distance) continue;
    size_t distance = EditDistance(lower, absl::AsciiStrToLower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string DidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates) {
  const absl::string_view best = Nearest(word, candidates);
  return best.empty() ? "" : absl::StrCat("did you mean ", Quote(best), "?");
}

std::string JoinAnd(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " and " : ", ";
    out += words[i];
  }
  return out;
}

std::string Count(size_t n, absl::string_view singular) {
  return absl::StrCat(n, " ", singular, n == 1 ? "" : "s");
}

bool OnlyAlnumAnd(absl::string_view text, absl::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || extra.find(c) != absl::string_view::npos;
  });
}

bool IsPlainPath(absl::string_view path) { return OnlyAlnumAnd(path, "/._-+@=~"); }

bool SaysWhyItEnded(absl::string_view line) {
  // Not the word alone: a frame of Go's has "panic(0x...)", "panic.go:88" and "zap.(*Logger).Fatal(...)".
  const std::string lower = absl::AsciiStrToLower(line);
  for (const char* mark : {"panic:", "panicked at", "fatal:", "fatal error:", "\"level\":\"fatal\"",
                           "\"level\":\"panic\"", "level=fatal", "level=panic", "[fatal]"}) {
    if (absl::StrContains(lower, mark)) return true;
  }
  return absl::StrContains(line, " C | ") || IsKlogFatal(line);
}

std::string LastLines(absl::string_view text, size_t first) {
  constexpr size_t kMaxLineBytes = 1000, kMostReasons = 3;
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  const size_t tail = lines.size() - std::min(lines.size(), kLastLines);  // the first of the last ones
  std::vector<size_t> chosen;                                             // of those before them
  for (size_t i = tail; i > first && chosen.size() < kMostReasons; --i) {
    if (SaysWhyItEnded(lines[i - 1].substr(0, kMaxLineBytes))) chosen.push_back(i - 1);
  }
  for (size_t i = std::min(first, tail); i > 0; --i) chosen.push_back(i - 1);
  std::reverse(chosen.begin(), chosen.end());
  for (size_t i = tail; i < lines.size(); ++i) chosen.push_back(i);
  std::string result;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (i > 0 && chosen[i] != chosen[i - 1] + 1) absl::StrAppend(&result, "    ...\n");
    absl::StrAppend(&result, "    ", ShownLines(lines[chosen[i]].substr(0, kMaxLineBytes)), "\n");
  }
  return result.empty() ? "    (no log lines)\n" : result;
}

}  // namespace kplan
