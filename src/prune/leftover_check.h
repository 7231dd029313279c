#ifndef KPLAN_PRUNE_LEFTOVER_CHECK_H_
#define KPLAN_PRUNE_LEFTOVER_CHECK_H_

// What may be said against removing a leftover. leftovers.json is a file that people can edit, and `kplan
// prune` may run as root: a record is believed only as far as kplan would have written it.

#include <string>

#include "src/prune/leftovers.h"

namespace kplan {

// Why this is no leftover of a kplan: its label is none, or it names files that the step of this label never
// keeps (another name, a place where kplan puts nothing, a path that leads out). "" when nothing is wrong.
std::string WhyNotOurs(const Leftover& leftover);

// Why it is kept for good: a CA's key, its certificate, its CRL; what kplan was given. "" when it may go.
std::string WhyKeptForGood(const Leftover& leftover);

}  // namespace kplan

#endif  // KPLAN_PRUNE_LEFTOVER_CHECK_H_
