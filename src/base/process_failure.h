#ifndef KPLAN_BASE_PROCESS_FAILURE_H_
#define KPLAN_BASE_PROCESS_FAILURE_H_

#include <string>

#include "src/base/process.h"

namespace kplan {

// Why a program failed: what it said on stderr, else on stdout; and how it ended, where it said nothing ("it
// said nothing, exit 3", "it was killed by signal 9", "it did not end in time"). Never empty.
std::string FailureOf(const RunResult& result);

}  // namespace kplan

#endif  // KPLAN_BASE_PROCESS_FAILURE_H_
