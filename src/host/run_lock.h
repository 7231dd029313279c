#ifndef KPLAN_HOST_RUN_LOCK_H_
#define KPLAN_HOST_RUN_LOCK_H_

// The locks of the current folder, by flock(2). Ninja does not support two runs in one folder, and does not
// notice them either: each repeats what the other does, and both write one log, which damages it.
//
// .kplan/run.lock: who is at work. A ninja begins with `gen`, which takes it for that ninja: a small process
//   stays behind that holds the lock and waits for ninja's end by a pidfd, and does nothing else. So the lock
//   lasts exactly as long as the ninja, however that ends, and no process id that was used again is believed.
//   A second ninja is refused by its own `gen`, before it runs or writes anything. What writes by itself,
//   `gen`, `prune` and `restore`, has the lock while it works.
// .kplan/lock: `gen`, `prune` and `restore` have it for themselves alone, steps share it. A step outlives a
//   ninja that was killed, and nobody may then change what it reads.

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/host/process_info.h"

namespace kplan {

class RunLock {
 public:
  // For this process, until it ends. WHAT: what others are told, "kplan gen". Unavailable, with who it is,
  // when somebody is at work.
  static absl::StatusOr<RunLock> Exclusive(absl::string_view what);

  // The same for the ninja that runs us (FindNinja), until that ends. Where none is found, and where the
  // kernel gives no pidfds (before 5.3; some sandboxes), it is Exclusive.
  static absl::StatusOr<RunLock> ForNinja();

  // For a step. Waits: a `gen` is short.
  static absl::StatusOr<RunLock> Shared();

  // Whether our ninja has to read its logs again (NinjaIsBehind). With ForNinja only.
  bool ninja_is_behind() const { return ninja_is_behind_; }

 private:
  RunLock() = default;
  // For PROCESS, which may have it already.
  static absl::StatusOr<RunLock> Take(absl::string_view what, const Instance& process, bool* taken_before);

  UniqueFd run_, work_;
  bool ninja_is_behind_ = false;
};

}  // namespace kplan

#endif  // KPLAN_HOST_RUN_LOCK_H_
