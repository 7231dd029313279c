#ifndef KPLAN_BASE_STRING_PAIRS_H_
#define KPLAN_BASE_STRING_PAIRS_H_

#include <string>
#include <utility>
#include <vector>

namespace kplan {

// (kind, value), (name, value), (from, to): in an order that means something.
using StringPairs = std::vector<std::pair<std::string, std::string>>;

}  // namespace kplan

#endif  // KPLAN_BASE_STRING_PAIRS_H_
