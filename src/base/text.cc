#include "src/base/text.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
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

std::string Shown(absl::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t valid = std::min(FindInvalidUtf8(text), text.size());
    const size_t length = valid == 0 ? 1 : DisruptiveLength(text.substr(0, valid));
    if (length == 0) shown.push_back(text[0]);
    for (char c : text.substr(0, length)) {
      absl::StrAppendFormat(&shown, "\\x%02x", static_cast<unsigned char>(c));
    }
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return shown;
}

std::string Brief(absl::string_view text) {
  std::string quoted = Quote(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  size_t shown = 0;
  while (!text.empty()) {
    bool starts_character = (static_cast<unsigned char>(text[0]) & 0xC0) != 0x80;
    if (starts_character && shown++ == kMaxQuoted) {
      out += "…";
      break;
    }
    size_t disruptive = DisruptiveLength(text);
    for (char c : text.substr(0, disruptive)) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    }
    if (disruptive == 0) out += text[0];
    text.remove_prefix(std::max<size_t>(1, disruptive));
  }
  return out + "\"";
}

std::string DidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates) {
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

std::string LastLines(absl::string_view text, size_t first) {
  constexpr size_t kMaxLineBytes = 1000;
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::string result;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == first && lines.size() > first + kLastLines) {
      if (first > 0) absl::StrAppend(&result, "    ...\n");
      i = lines.size() - kLastLines;
    }
    absl::StrAppend(&result, "    ", lines[i].substr(0, kMaxLineBytes), "\n");
  }
  return result.empty() ? "    (no log lines)\n" : result;
}

}  // namespace kplan
