#ifndef KPLAN_BASE_RUN_LOCK_H_
#define KPLAN_BASE_RUN_LOCK_H_

#include "absl/status/statusor.h"
#include "src/base/files.h"

namespace kplan {

// The lock of the current folder (.kplan/lock, flock(2)). Ninja does not support two runs in one folder, and
// does not notice them either; every run begins with `gen`, which takes the lock for itself alone, and steps
// share it. So a second run stops at its beginning while a step of the first is at work. It ends with the
// process.
class RunLock {
 public:
  static absl::StatusOr<RunLock> Exclusive();  // Unavailable when somebody else has it
  static absl::StatusOr<RunLock> Shared();     // waits: a `gen` is short

 private:
  explicit RunLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_RUN_LOCK_H_
