#ifndef KPLAN_PRUNE_LEFTOVER_STATE_H_
#define KPLAN_PRUNE_LEFTOVER_STATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/host/pair_swap.h"
#include "src/prune/leftovers.h"

namespace kplan {

// What there still is of a leftover's artifact.
struct LeftoverState {
  std::vector<std::string> what;  // for people, a file or a service each; empty: nothing
  // Why it is not what the step left behind: it was edited, or something else is in its place. A mode or an
  // owner that was changed, and a copy with other times, are no edit: what counts is the content.
  std::string edited;
  std::string occupied;  // why it cannot be removed whoever asks: a folder with something in it
};

// Errors: what is in the way of looking. LEFTOVER must be one that kplan wrote (WhyNotOurs), and of this
// machine.
absl::StatusOr<LeftoverState> LookAtLeftover(const Leftover& leftover);

// The two files of a leftover of the kind PairRecord, which may be in the middle of a swap.
absl::StatusOr<PairSwap> PairOf(const Leftover& leftover);

}  // namespace kplan

#endif  // KPLAN_PRUNE_LEFTOVER_STATE_H_
