#ifndef KPLAN_ETCD_SNAPSHOT_FILE_H_
#define KPLAN_ETCD_SNAPSHOT_FILE_H_

// A snapshot of etcd as a file: its database (bbolt), and behind it the SHA-256 of that, as
// `etcdctl snapshot save` leaves it (etcd 3.4 to 3.6, clientv3/snapshot).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kplan {

// What `snapshot status` says of one, and what it is.
struct SnapshotInfo {
  std::string path;
  std::string sha256;    // of the database: what the file itself says
  int64_t size = 0;      // bytes
  int64_t revision = 0;  // of the store
  // That there are at the revision: what a client counts that reads them all. Nothing where only the file was
  // looked at: the number of `snapshot status` is one of revisions from one program, and of keys from
  // another.
  std::optional<int64_t> keys;
  uint32_t hash = 0;

  // "revision 100001, 99990 keys, 24 MB"; without keys where they are not known
  std::string Describe() const;
};

// The program that looks at snapshots and restores them, where ETCDCTL is the one that asks members: the
// etcdutl beside it when there is one (3.5 and later; 3.6's etcdctl can do neither any more), else ETCDCTL.
std::string SnapshotProgram(const std::string& etcdctl);

// Runs `PROGRAM WORDS...` in FOLDER ("": here), which asks no member. What it prints; the error is the
// program's own, without its log.
absl::StatusOr<std::string> RunSnapshotProgram(const std::string& program,
                                               const std::vector<std::string>& words, absl::Duration timeout,
                                               const std::string& folder = "");

// ERROR of an etcdctl with what it logged taken out of its message: "exit 1: no space left on device".
absl::Status WithoutLog(const absl::Status& error);

// JSON is the output of `snapshot status --write-out=json`: revision, size and hash of it. DataLoss
// when it is none.
absl::StatusOr<SnapshotInfo> ParseSnapshotStatus(absl::string_view json);

// What `PROGRAM snapshot status`, run in FOLDER ("": here), says of PATH. It need not end in its SHA-256:
// that of a member is fine, too.
absl::StatusOr<SnapshotInfo> AskSnapshotStatus(const std::string& program, const std::string& path,
                                               const std::string& folder = "");

// That PATH is a whole snapshot: a file, and no link, that ends in the SHA-256 of the rest, and that PROGRAM
// can read. (`snapshot status` itself says nothing of a byte that was changed.) DataLoss when it is damaged
// or none.
absl::StatusOr<SnapshotInfo> CheckSnapshot(const std::string& program, const std::string& path);

// How long may be worked on BYTES of a snapshot, on a slow disk or over a slow network: a minute, and 4 MB a
// second.
absl::Duration TimeForSnapshot(int64_t bytes);

}  // namespace kplan

#endif  // KPLAN_ETCD_SNAPSHOT_FILE_H_
