#ifndef KPLAN_HOST_NINJA_PROCESS_H_
#define KPLAN_HOST_NINJA_PROCESS_H_

// The ninja that runs this process.

#include <optional>

#include "src/host/process_info.h"

namespace kplan {

// The nearest of our ancestors whose program is a ninja: ninja starts /bin/sh, and between that and kplan
// there may be whatever build.ninja's `kplan` is (a wrapper, strace). Known by the name of the process, or of
// its program's file: "ninja", "ninja-build", also started by another name. Nothing where there is none, or
// /proc does not show it.
std::optional<Instance> FindNinja();

// Whether somebody else may have written ninja's logs in the current folder after NINJA, which is at its
// beginning, read them. It would then repeat what another ninja did, and number the files in its log of
// dependencies (its DepsLog) as that one did not, which damages the log. The line that every run with
// nothing to do writes about `gen` does not count: it does no harm, and runs come one after the other.
bool NinjaIsBehind(const Instance& ninja);

}  // namespace kplan

#endif  // KPLAN_HOST_NINJA_PROCESS_H_
