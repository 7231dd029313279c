#ifndef KPLAN_ETCD_SNAPSHOT_FOLDER_H_
#define KPLAN_ETCD_SNAPSHOT_FOLDER_H_

// Where snapshots are kept, under names that sort by time:
//
//   snapshots/cdf818194e3a8c32-20261122T205905.123Z-r100001.db                  by `kplan snapshot`
//   snapshots/cdf818194e3a8c32-20261122T205905.123Z-r100001-before-restart.db   by a rollout
//   snapshots/.saving-pAx93k/                                                   one that is being taken
//
// A snapshot holds every secret of its cluster: the folder is 0700, the files are 0600. A file has its final
// name only when it is whole, checked and on the disk.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/files.h"

namespace kplan {

struct SnapshotName {
  std::string cluster_id;  // as etcdctl prints it
  absl::Time taken;        // to the millisecond
  int64_t revision = 0;
  bool before_restart = false;  // taken by a rollout

  std::string ToString() const;
};

// Nothing when NAME is no such name, to the letter.
std::optional<SnapshotName> ParseSnapshotName(absl::string_view name);

// A folder of one's own to save a snapshot in, beside where it is going to be. Removed with the object, with
// what is in it; one whose kplan was killed is removed by the next that is made with the same prefix.
class SavingFolder {
 public:
  // In the folder PARENT, which is there. PREFIX begins with a dot.
  static absl::StatusOr<SavingFolder> Make(const std::string& parent, const std::string& prefix);
  SavingFolder(SavingFolder&&) = default;
  SavingFolder& operator=(SavingFolder&&) = delete;
  ~SavingFolder();

  const std::string& path() const { return path_; }

  // Gives the file NAME in it the name PATH, in the folder beside it, durably: mode 0600, fsync, rename,
  // fsync of the folder. AlreadyExists when PATH is there.
  absl::Status Keep(const std::string& name, const std::string& path) const;

 private:
  SavingFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;  // the folder itself, locked: its kplan lives
};

// Makes FOLDER, 0700, or takes away what others may do there. FailedPrecondition when it is somebody else's,
// or no folder.
absl::Status MakeSnapshotFolder(const std::string& folder);

// The snapshots of CLUSTER_ID in FOLDER, of those that rollouts took or of the others, the oldest first:
// files with such a name, and nothing else.
absl::StatusOr<std::vector<std::string>> ListSnapshots(const std::string& folder,
                                                       const std::string& cluster_id, bool before_restart);

// Removes the oldest of those until KEEP are left; never NEWEST, a name, which was just checked. What was
// removed.
absl::StatusOr<std::vector<std::string>> RemoveOldSnapshots(const std::string& folder,
                                                            const std::string& newest, int keep);

}  // namespace kplan

#endif  // KPLAN_ETCD_SNAPSHOT_FOLDER_H_
