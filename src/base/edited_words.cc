#include "src/base/edited_words.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr char kEllipsis[] = "…";

// So many pairs of words are compared at most; with more, what lies between the first and the last difference
// counts as one edit.
constexpr size_t kMostPairs = size_t{1} << 20;
// The least that is shown of each of several edits.
constexpr size_t kLeast = 8;

using Characters = std::vector<absl::string_view>;

// Whether CHARACTER is shown on top of the one before it: combining marks, joiners, selectors.
bool Combines(absl::string_view character) {
  if (character.size() < 2 || character.size() > 3 || FindInvalidUtf8(character) < character.size())
    return false;
  const unsigned point = CodePointOf(character);
  return (point >= 0x300 && point <= 0x36F) || point == 0x200D || (point >= 0xFE00 && point <= 0xFE0F);
}

// The characters of TEXT; a byte that is no UTF-8 is one by itself.
Characters CharactersOf(absl::string_view text) {
  Characters characters;
  for (size_t begin = 0; begin < text.size();) {
    const auto lead = static_cast<unsigned char>(text[begin]);
    size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    length = std::min(length, text.size() - begin);
    if (FindInvalidUtf8(text.substr(begin, length)) < length) length = 1;
    const absl::string_view character = text.substr(begin, length);
    if (!characters.empty() && Combines(character)) {
      absl::string_view& last = characters.back();
      last = {last.data(), last.size() + length};
    } else {
      characters.push_back(character);
    }
    begin += length;
  }
  return characters;
}

// A part of a text, in characters.
struct Part {
  size_t begin = 0, end = 0;
  size_t size() const { return end - begin; }
};

struct Edit {
  Part from, to;
};

bool Separates(absl::string_view character) {
  return character.size() == 1 &&
         absl::string_view(" \t\n,;:=/()[]{}\"'").find(character[0]) != absl::string_view::npos;
}

// Whether the characters of TEXT before and behind AT are of one word.
bool Joins(const Characters& text, size_t at) {
  return at > 0 && at < text.size() && !Separates(text[at - 1]) && !Separates(text[at]);
}

// Words, and what separates them a character each, of what lies between BEGIN and END.
std::vector<Part> WordsOf(const Characters& text, size_t begin, size_t end) {
  std::vector<Part> words;
  for (size_t i = begin; i < end; ++i) {
    const bool goes_on = i > begin && !Separates(text[i]) && !Separates(text[i - 1]);
    if (goes_on) {
      words.back().end = i + 1;
    } else {
      words.push_back({i, i + 1});
    }
  }
  return words;
}

// How many characters of A and B are the same from where they begin, and how many before they end.
std::pair<size_t, size_t> SameAround(const Characters& a, Part in_a, const Characters& b, Part in_b) {
  const size_t most = std::min(in_a.size(), in_b.size());
  size_t before = 0, after = 0;
  while (before < most && a[in_a.begin + before] == b[in_b.begin + before]) ++before;
  while (after < most - before && a[in_a.end - 1 - after] == b[in_b.end - 1 - after]) ++after;
  return {before, after};
}

class Comparison {
 public:
  Comparison(const Characters& from, const Characters& to) : from_(from), to_(to) {}

  // The edits, in their order; each is as small as it can be.
  std::vector<Edit> Edits() {
    Edit all = Trimmed({{0, from_.size()}, {0, to_.size()}});
    if (all.from.size() == 0 && all.to.size() == 0) return {};
    // Words that were cut by the comparison of characters are whole words again.
    while (all.from.begin > 0 && !Separates(from_[all.from.begin - 1])) --all.from.begin, --all.to.begin;
    while (all.from.end < from_.size() && !Separates(from_[all.from.end])) ++all.from.end, ++all.to.end;
    const std::vector<Part> a = WordsOf(from_, all.from.begin, all.from.end);
    const std::vector<Part> b = WordsOf(to_, all.to.begin, all.to.end);
    if (a.empty() || b.empty() || a.size() * b.size() > kMostPairs) return {Trimmed(all)};
    return Between(all, a, b);
  }

 private:
  bool Same(Part a, Part b) const {
    return a.size() == b.size() &&
           std::equal(from_.begin() + a.begin, from_.begin() + a.end, to_.begin() + b.begin);
  }

  Edit Trimmed(Edit edit) const {
    const auto [before, after] = SameAround(from_, edit.from, to_, edit.to);
    return {{edit.from.begin + before, edit.from.end - after}, {edit.to.begin + before, edit.to.end - after}};
  }

  // Those between the longest list of words that both have.
  std::vector<Edit> Between(Edit all, const std::vector<Part>& a, const std::vector<Part>& b) const {
    const size_t width = b.size() + 1;
    std::vector<uint32_t> longest((a.size() + 1) * width);  // of a[i...] and b[k...]
    for (size_t i = a.size(); i-- > 0;) {
      for (size_t k = b.size(); k-- > 0;) {
        longest[i * width + k] = Same(a[i], b[k])
                                     ? longest[(i + 1) * width + k + 1] + 1
                                     : std::max(longest[(i + 1) * width + k], longest[i * width + k + 1]);
      }
    }
    std::vector<Edit> edits;
    Edit edit{{all.from.begin, all.from.begin}, {all.to.begin, all.to.begin}};
    auto end_edit = [&](size_t from, size_t to) {
      edit.from.end = from;
      edit.to.end = to;
      if (edit.from.size() > 0 || edit.to.size() > 0) edits.push_back(Trimmed(edit));
    };
    for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
      if (Same(a[i], b[k])) {
        end_edit(a[i].begin, b[k].begin);
        edit = {{a[i].end, a[i].end}, {b[k].end, b[k].end}};
        ++i, ++k;
      } else if (longest[(i + 1) * width + k] >= longest[i * width + k + 1]) {
        ++i;
      } else {
        ++k;
      }
    }
    end_edit(all.from.end, all.to.end);
    return edits;
  }

  const Characters& from_;
  const Characters& to_;
};

// How much of MOST characters each of the first N of PARTS gets: all that it has, as long as that leaves the
// others as much.
std::vector<size_t> Shares(const std::vector<Part>& parts, size_t n, size_t most) {
  std::vector<size_t> order(n), shares(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parts[a].size() < parts[b].size(); });
  for (size_t i = 0; i < n; ++i) {
    shares[order[i]] = std::min(parts[order[i]].size(), most / (n - i));
    most -= shares[order[i]];
  }
  return shares;
}

// One side: which of its characters are shown. PARTS are what was edited.
std::string Window(const Characters& text, const std::vector<Part>& parts, size_t most) {
  std::string out;
  auto append = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) out += Shown(text[i]);
  };
  if (text.size() <= most) {
    append(0, text.size());
    return out;
  }
  const size_t shown = std::min(parts.size(), std::max<size_t>(1, most / (2 * kLeast)));
  const std::vector<size_t> cores = Shares(parts, shown, most);
  const size_t left = most - std::accumulate(cores.begin(), cores.end(), size_t{0});
  std::vector<bool> keep(text.size());
  for (size_t n = 0; n < shown; ++n) {
    const Part& part = parts[n];
    // Where they differ first and last, if not all of it has room.
    const size_t head = (cores[n] + 1) / 2;
    std::fill_n(keep.begin() + part.begin, head, true);
    std::fill_n(keep.begin() + part.end - (cores[n] - head), cores[n] - head, true);
    const size_t around = left / (2 * shown);
    const size_t begin = part.begin - std::min(around, part.begin);
    std::fill(keep.begin() + begin, keep.begin() + part.begin, true);
    std::fill(keep.begin() + part.end, keep.begin() + std::min(part.end + around, text.size()), true);
  }
  for (size_t i = 0; i < text.size();) {
    const size_t end = std::find(keep.begin() + i, keep.end(), !keep[i]) - keep.begin();
    if (keep[i] || end - i == 1) {
      append(i, end);
    } else {
      out += kEllipsis;
    }
    i = end;
  }
  return out;
}

}  // namespace

EditedWords ShowEditedWords(absl::string_view from, absl::string_view to, size_t most) {
  const Characters a = CharactersOf(from);
  const Characters b = CharactersOf(to);
  std::vector<Part> in_a, in_b;
  for (const Edit& edit : Comparison(a, b).Edits()) {
    in_a.push_back(edit.from);
    in_b.push_back(edit.to);
  }
  EditedWords words = {Window(a, in_a, most), Window(b, in_b, most)};
  if (words.from == words.to && from != to) {
    absl::StrAppend(&words.from, " (", Count(from.size(), "byte"), ")");
    absl::StrAppend(&words.to, " (", Count(to.size(), "byte"), ")");
  }
  return words;
}

std::vector<std::string> WordsThatCame(absl::string_view from, absl::string_view to) {
  const Characters a = CharactersOf(from);
  const Characters b = CharactersOf(to);
  std::vector<std::string> words;
  for (const Edit& edit : Comparison(a, b).Edits()) {
    Part part = edit.to;
    // A word that only became shorter is one that was changed; what went as a whole is none.
    if (part.size() == 0 && !Joins(a, edit.from.begin) && !Joins(a, edit.from.end)) continue;
    while (part.begin > 0 && !Separates(b[part.begin - 1])) --part.begin;
    while (part.end < b.size() && !Separates(b[part.end])) ++part.end;
    for (const Part& word : WordsOf(b, part.begin, part.end)) {
      if (word.size() == 1 && Separates(b[word.begin])) continue;
      words.emplace_back(b[word.begin].data(), b[word.end - 1].data() + b[word.end - 1].size());
    }
  }
  return words;
}

std::string ShowWordsOf(absl::string_view line, const std::vector<std::string>& words, size_t behind,
                        size_t most) {
  behind = std::min(behind, line.size());
  std::vector<std::pair<size_t, size_t>> found;  // in bytes
  for (const std::string& word : words) {
    const size_t at = line.find(word, found.empty() ? behind : found.back().second);
    if (at != absl::string_view::npos && !word.empty()) found.emplace_back(at, at + word.size());
  }
  if (found.empty()) found.emplace_back(behind, behind);
  const Characters text = CharactersOf(line);
  std::vector<Part> parts;
  for (const auto& [begin, end] : found) {
    auto place_of = [&text, line](size_t byte) {
      return std::partition_point(text.begin(), text.end(),
                                  [&](absl::string_view character) {
                                    return static_cast<size_t>(character.data() - line.data()) < byte;
                                  }) -
             text.begin();
    };
    parts.push_back({static_cast<size_t>(place_of(begin)), static_cast<size_t>(place_of(end))});
  }
  return Window(text, parts, most);
}

}  // namespace kplan
