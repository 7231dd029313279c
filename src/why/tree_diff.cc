#include "src/why/tree_diff.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

using Kind = YamlNode::Kind;

// A text that two trees share exactly when they are equal, the order of keys aside.
void AppendCanonical(const YamlNode& node, std::string* out) {
  switch (node.kind) {
    case Kind::kNull:
      out->push_back('0');
      return;
    case Kind::kScalar:
      absl::StrAppend(out, "=", node.text.size(), ":", node.text);
      return;
    case Kind::kList:
      out->push_back('[');
      for (const YamlNode* item : node.items) AppendCanonical(*item, out);
      out->push_back(']');
      return;
    case Kind::kMap: {
      std::vector<const YamlNode::Entry*> sorted;
      for (const YamlNode::Entry& entry : node.entries) sorted.push_back(&entry);
      std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
      out->push_back('{');
      for (const YamlNode::Entry* entry : sorted) {
        absl::StrAppend(out, entry->key.size(), ":", entry->key);
        AppendCanonical(*entry->value, out);
      }
      out->push_back('}');
      return;
    }
  }
}

// An entry of a list, ready to be compared with many others.
struct Item {
  std::string whole;
  std::vector<std::string> parts;  // of a map: its keys with their values, sorted
};

std::vector<Item> ItemsOf(const YamlNode& list) {
  std::vector<Item> items(list.items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    AppendCanonical(*list.items[i], &items[i].whole);
    for (const YamlNode::Entry& entry : list.items[i]->entries) {
      std::string part = absl::StrCat(entry.key, "=");
      AppendCanonical(*entry.value, &part);
      items[i].parts.push_back(std::move(part));
    }
    std::sort(items[i].parts.begin(), items[i].parts.end());
  }
  return items;
}

bool SameItem(const Item& a, const Item& b) { return a.whole == b.whole; }

bool IsPermutation(const std::vector<Item>& a, const std::vector<Item>& b) {
  if (a.size() != b.size()) return false;
  absl::flat_hash_map<std::string, int> count;
  for (const Item& item : a) ++count[item.whole];
  for (const Item& item : b) {
    if (--count[item.whole] < 0) return false;
  }
  return true;
}

// How much speaks for A having become B: more than any number of pairs that are merely alike when they are
// equal.
int Likeness(const Item& a, const Item& b) {
  constexpr int kEqual = 1'000'000;
  if (SameItem(a, b)) return kEqual;
  int shared = 0;
  for (size_t i = 0, j = 0; i < a.parts.size() && j < b.parts.size();) {
    int order = a.parts[i].compare(b.parts[j]);
    shared += order == 0 ? 1 : 0;
    i += order <= 0 ? 1 : 0;
    j += order >= 0 ? 1 : 0;
  }
  return 1 + 2 * shared;
}

using Pair = std::pair<std::optional<size_t>, std::optional<size_t>>;

// Which entry of BEFORE became which of AFTER, in order; one that has no partner was removed or added. What
// is equal at both ends is paired first; between, the pairing of the greatest likeness in all.
std::vector<Pair> Align(const std::vector<Item>& before, const std::vector<Item>& after) {
  // Larger ones (two long lists with nothing in common at their ends) are paired by position.
  constexpr size_t kMaxCells = 250'000;
  size_t head = 0, tail = 0;
  size_t shorter = std::min(before.size(), after.size());
  while (head < shorter && SameItem(before[head], after[head])) ++head;
  while (tail < shorter - head &&
         SameItem(before[before.size() - 1 - tail], after[after.size() - 1 - tail])) {
    ++tail;
  }
  std::vector<Pair> pairs;
  for (size_t i = 0; i < head; ++i) pairs.push_back({i, i});
  size_t rows = before.size() - head - tail, columns = after.size() - head - tail;
  size_t i = 0, j = 0;
  if (rows * columns <= kMaxCells) {
    // best[i][j]: the likeness of the rests that begin at i and j.
    std::vector<std::vector<int64_t>> best(rows + 1, std::vector<int64_t>(columns + 1, 0));
    for (size_t r = rows; r-- > 0;) {
      for (size_t c = columns; c-- > 0;) {
        int64_t paired = best[r + 1][c + 1] + Likeness(before[head + r], after[head + c]);
        best[r][c] = std::max({paired, best[r + 1][c], best[r][c + 1]});
      }
    }
    while (i < rows && j < columns) {
      if (best[i][j] == best[i + 1][j + 1] + Likeness(before[head + i], after[head + j])) {
        pairs.push_back({head + i++, head + j++});
      } else if (best[i][j] == best[i + 1][j]) {
        pairs.push_back({head + i++, std::nullopt});
      } else {
        pairs.push_back({std::nullopt, head + j++});
      }
    }
  } else {
    for (; i < rows && j < columns; ++i, ++j) pairs.push_back({head + i, head + j});
  }
  for (; i < rows; ++i) pairs.push_back({head + i, std::nullopt});
  for (; j < columns; ++j) pairs.push_back({std::nullopt, head + j});
  for (size_t t = tail; t > 0; --t) pairs.push_back({before.size() - t, after.size() - t});
  return pairs;
}

bool HasMapsOnly(const YamlNode& list) {
  return std::all_of(list.items.begin(), list.items.end(),
                     [](const YamlNode* item) { return item->kind == Kind::kMap; });
}

TreeDiff::Side SideOf(const YamlNode::Entry& entry) { return {entry.value, &entry, 0}; }

class Differ {
 public:
  size_t edits() const { return edits_; }

  TreeDiff Diff(TreeDiff::Side before, TreeDiff::Side after) {
    TreeDiff diff;
    diff.before = before;
    diff.after = after;
    const YamlNode* a = before.node;
    const YamlNode* b = after.node;
    if (a == b) return diff;
    if (a == nullptr || b == nullptr || a->kind != b->kind ||
        (a->kind == Kind::kScalar && a->text != b->text)) {
      return Edit(std::move(diff));
    }
    if (a->kind == Kind::kMap) return DiffMaps(std::move(diff));
    if (a->kind == Kind::kList) return DiffLists(std::move(diff));
    return diff;
  }

 private:
  TreeDiff Edit(TreeDiff diff) {
    diff.kind = TreeDiff::Kind::kEdit;
    diff.edit = edits_++;
    return diff;
  }

  // Keeps the children only where they say something.
  static TreeDiff Settle(TreeDiff diff) {
    bool same = std::all_of(diff.children.begin(), diff.children.end(),
                            [](const TreeDiff& child) { return child.kind == TreeDiff::Kind::kSame; });
    if (same) {
      diff.children.clear();
    } else {
      diff.kind = TreeDiff::Kind::kInside;
    }
    return diff;
  }

  TreeDiff DiffMaps(TreeDiff diff) {
    const absl::Span<const YamlNode::Entry> before = diff.before.node->entries;
    const absl::Span<const YamlNode::Entry> after = diff.after.node->entries;
    absl::flat_hash_map<absl::string_view, size_t> in_before, in_after;
    for (size_t i = 0; i < before.size(); ++i) in_before.emplace(before[i].key, i);
    for (size_t i = 0; i < after.size(); ++i) in_after.emplace(after[i].key, i);
    // What is gone from behind the old entry at BEGIN.
    auto gone_from = [&](size_t begin) {
      for (size_t i = begin; i < before.size() && !in_after.contains(before[i].key); ++i) {
        diff.children.push_back(Diff(SideOf(before[i]), {}));
      }
    };
    gone_from(0);
    for (const YamlNode::Entry& entry : after) {
      auto found = in_before.find(entry.key);
      if (found == in_before.end()) {
        diff.children.push_back(Diff({}, SideOf(entry)));
      } else {
        diff.children.push_back(Diff(SideOf(before[found->second]), SideOf(entry)));
        gone_from(found->second + 1);
      }
    }
    return Settle(std::move(diff));
  }

  TreeDiff DiffLists(TreeDiff diff) {
    const YamlNode& a = *diff.before.node;
    const YamlNode& b = *diff.after.node;
    std::vector<Item> before = ItemsOf(a), after = ItemsOf(b);
    if (std::equal(before.begin(), before.end(), after.begin(), after.end(), SameItem)) return diff;
    if (!HasMapsOnly(a) || !HasMapsOnly(b) || IsPermutation(before, after)) return Edit(std::move(diff));
    for (const auto& [i, j] : Align(before, after)) {
      TreeDiff::Side old_side, new_side;
      if (i.has_value()) old_side = {a.items[*i], nullptr, *i};
      if (j.has_value()) new_side = {b.items[*j], nullptr, *j};
      diff.children.push_back(Diff(old_side, new_side));
    }
    return Settle(std::move(diff));
  }

  size_t edits_ = 0;
};

}  // namespace

TreeDiff DiffTrees(const YamlNode& before, const YamlNode& after, size_t* edits) {
  Differ differ;
  TreeDiff diff = differ.Diff({&before, nullptr, 0}, {&after, nullptr, 0});
  *edits = differ.edits();
  return diff;
}

}  // namespace kplan
