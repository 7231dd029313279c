#ifndef KPLAN_HOST_HOST_CLAIM_H_
#define KPLAN_HOST_HOST_CLAIM_H_

// Who takes members of a cluster away, as a note on the host of each member, for the time in which the
// cluster itself takes no lock (etcd/cluster_lock.h). ROOT/run/kplan/etcd-CLUSTER.claim has the holder, and
// until when: in seconds since the boot of that host, so that no two clocks are compared, and a reboot ends
// it. It is read and written under a lock of its own.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct HostClaim {
  std::string holder, boot;
  int64_t until = 0;  // seconds since that boot

  friend bool operator==(const HostClaim& a, const HostClaim& b) {
    return a.holder == b.holder && a.boot == b.boot && a.until == b.until;
  }
};

// What becomes of CLAIM when HOLDER wants it at NOW in BOOT.
enum class ClaimState {
  kFree,   // it is nobody's, or its time is over, or it is that of GONE
  kOurs,   // HOLDER's, and its time is not over
  kTaken,  // somebody else's
};
ClaimState StateOfClaim(const std::optional<HostClaim>& claim, absl::string_view holder,
                        absl::string_view gone, absl::string_view boot, int64_t now);

struct ClaimResult {
  ClaimState before = ClaimState::kFree;  // kTaken: HOLDER did not get it
  std::string holder;                     // whose it is then
};

// Takes the claim on CLUSTER below ROOT for HOLDER, for SECONDS from now on, unless it is somebody else's.
absl::StatusOr<ClaimResult> TakeHostClaim(const std::string& root, const std::string& cluster,
                                          const std::string& holder, const std::string& gone,
                                          int64_t seconds);
// Gives it back, where it is HOLDER's.
absl::Status DropHostClaim(const std::string& root, const std::string& cluster, const std::string& holder);

}  // namespace kplan

#endif  // KPLAN_HOST_HOST_CLAIM_H_
