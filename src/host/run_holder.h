#ifndef KPLAN_HOST_RUN_HOLDER_H_
#define KPLAN_HOST_RUN_HOLDER_H_

// Who is at work in a folder: what .kplan/run.lock says beside being locked. The text locks nothing, and
// nobody believes it without asking the kernel: a process that has ended, an id that went to another process,
// and another boot are seen.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "src/host/process_info.h"

namespace kplan {

struct RunHolder {
  std::string what;       // "ninja", "kplan gen"
  Instance process;       // the lock ends with it
  std::string pid_space;  // in which PID namespace that is its id, as the kernel names it: "pid:[4026531836]"
  uid_t uid = 0;
  gid_t gid = 0;
  int64_t since = 0;  // Unix milliseconds

  // One line, its end included; the form of .kplan/run.lock.
  std::string ToText() const;
  // Nothing for what is no such line, also one that is torn.
  static std::optional<RunHolder> Parse(absl::string_view text);

  // For a person: "ninja, process 71 of ops, since 2026-11-30 01:20:11 UTC".
  std::string Describe() const;
};

constexpr size_t kMaxHolderText = 512;

// PROCESS as a holder, which begins now. Its user is ours.
RunHolder HolderNow(absl::string_view what, const Instance& process);

// What can be known of the process of a holder from here.
enum class HolderState {
  kAtWork,
  kGone,
  kUnseen,  // it is of another boot or PID namespace (another machine, a container)
};
HolderState LookAt(const RunHolder& holder);

}  // namespace kplan

#endif  // KPLAN_HOST_RUN_HOLDER_H_
