#ifndef KPLAN_ETCD_LOCK_HOLDER_H_
#define KPLAN_ETCD_LOCK_HOLDER_H_

// What the key of a cluster's lock (cluster_lock.h) says, and what follows from it for whoever wants it: the
// decision alone, without a cluster.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "src/host/run_holder.h"

namespace kplan {

// Who holds it: the value of the key. Anybody whom etcd lets write there can have written it; nothing of it
// is believed but what only makes us wait, or what this machine's kernel confirms.
struct LockHolder {
  RunHolder run;                   // its `what`: "rollout/etcd"
  std::string user, host, folder;  // on which machine, and in which folder of it

  // One line of JSON, without a line end.
  std::string ToText() const;
  // Nothing for what is no such text.
  static std::optional<LockHolder> Parse(absl::string_view text);

  // For a person: "rollout/etcd of ops@laptop (process 71, in /home/ops/prod), since 2026-11-30 01:20:11
  // UTC".
  std::string Describe() const;
};

// This process, which begins WHAT now, in the current folder.
LockHolder LockHolderNow(absl::string_view what);

// The key as it was read through the quorum.
struct LockKey {
  bool there = false;
  std::string value;
  std::string lease;  // hexadecimal; "": it hangs on none
  int64_t modified = 0;
};

enum class LockAction {
  kTake,    // nobody has it: make the key, unless somebody is faster
  kHave,    // it is ours
  kRemove,  // whoever had it is gone, or nobody keeps it alive: take it away, and look again
  kWait,    // somebody has it, and may be at work
};

// OURS: the lease on which ours would hang; "": there is none. HOLDER: what is known of the process that the
// key names, kUnseen where it names none.
LockAction DecideOnLock(const LockKey& key, absl::string_view ours, HolderState holder);

}  // namespace kplan

#endif  // KPLAN_ETCD_LOCK_HOLDER_H_
