#ifndef KPLAN_MODEL_DISTINCT_PAIRS_H_
#define KPLAN_MODEL_DISTINCT_PAIRS_H_

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "src/base/string_pairs.h"

namespace kplan {

// Adds to a list of pairs what is not in it yet. Most lists are short and are looked through; a long one gets
// an index, so that 60,000 names cost no 60,000 x 60,000 comparisons.
class DistinctPairs {
 public:
  // MOST: how many will be added, at the most. LIST is empty, and nobody else changes it.
  DistinctPairs(StringPairs* list, size_t most) : list_(*list), indexed_(most > kSmall) {
    list_.reserve(most);
  }

  // False when it was there.
  bool Add(std::pair<std::string, std::string> pair) {
    if (!indexed_) {
      if (std::find(list_.begin(), list_.end(), pair) != list_.end()) return false;
      list_.push_back(std::move(pair));
      return true;
    }
    if (index_.contains({pair.first, pair.second})) return false;
    list_.push_back(std::move(pair));
    // The list has its room: what is in it does not move.
    index_.emplace(list_.back().first, list_.back().second);
    return true;
  }

 private:
  static constexpr size_t kSmall = 16;

  StringPairs& list_;
  const bool indexed_;
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> index_;
};

}  // namespace kplan

#endif  // KPLAN_MODEL_DISTINCT_PAIRS_H_
