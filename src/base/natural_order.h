#ifndef KPLAN_BASE_NATURAL_ORDER_H_
#define KPLAN_BASE_NATURAL_ORDER_H_

#include "absl/strings/string_view.h"

namespace kplan {

// Whether A stands before B in the order in which people count: "node-2" before "node-10". Digits in a row
// are a number, however long; where two numbers are equal, "2" and "02", the one with more zeros comes later
// when nothing else tells them apart. Everything else goes by bytes. A strict total order: equal texts alone
// are equal.
bool NaturalLess(absl::string_view a, absl::string_view b);

}  // namespace kplan

#endif  // KPLAN_BASE_NATURAL_ORDER_H_
