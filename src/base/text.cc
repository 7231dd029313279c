#include "src/base/text.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

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

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  size_t shown = 0;
  for (char c : text) {
    bool starts_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (starts_character && shown++ == kMaxQuoted) {
      out += "…";
      break;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string DidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates) {
  if (word.size() > 64) return "";
  std::string lower = absl::AsciiStrToLower(word);
  absl::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (absl::string_view candidate : candidates) {
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

}  // namespace kplan
