#ifndef KPLAN_ETCD_RESTORE_STAGE_H_
#define KPLAN_ETCD_RESTORE_STAGE_H_

// A data folder that is being replaced by one that was restored from a snapshot, on its host:
//
//   /var/lib/etcd                              what etcd runs with
//   /var/lib/.etcd.kplan-restore/new           what will take its place: it is made here, whole, before
//   /var/lib/.etcd.kplan-restore/state.json    anything else is touched
//   /var/lib/etcd.before-restore-20261122T205905.123Z    what was in its place: nothing is ever deleted
//
// The two are exchanged in one step (renameat2(2), RENAME_EXCHANGE). A data folder that is a mount point
// cannot be renamed; then it is its folder "member" that is exchanged, and all of this lies inside of it:
//
//   /var/lib/etcd/member    /var/lib/etcd/.kplan-restore/new/member /var/lib/etcd/member.before-restore-...
//
// A log that is apart (--wal-dir) lies in a folder of its own, and that has a stage of its own, by the same
// rule.
//
// Members of which some have restored data and some their own are one cluster by their ids, and none by
// their data. So before the first exchange every host is told to hold (state.json), and until the last is
// over the survey and the rollout start nobody who has data there (EtcdData::held).

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/etcd/facts/etcd_layout.h"
#include "src/host/host_file.h"

namespace kplan {

// What state.json says.
struct RestoreState {
  std::string restore;  // which restore prepared `new`; empty: none did yet
  ino_t fresh = 0;      // the inode of what it prepared: wherever it is, it is that
  std::string time;     // when it was prepared: of the names of what was replaced ("20261122T205905.123Z")
  bool held = false;    // some members may have restored data by now
  std::string file;     // the snapshot, for a person

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    auto inode = static_cast<int64_t>(self.fresh);
    fields.Always("restore", self.restore);
    fields.Always("fresh", inode);
    fields.Always("time", self.time);
    fields.Always("held", self.held);
    fields.Always("file", self.file);
    if constexpr (!std::is_const_v<Self>) self.fresh = static_cast<ino_t>(inode);
  }
};

class RestoreStage {
 public:
  // The stage of the folder PATH inside ROOT, as it is; CREATE: made when missing, and locked for as long as
  // the object lives (Aborted when another kplan works there). INNER: what is exchanged of a mount point: of
  // the data folder its folder "member", of one around a log apart "wal". NotFound when there is none, or no
  // place for one. Links are followed as of any folder (base/followed_path.h).
  static absl::StatusOr<RestoreStage> Open(const std::string& root, const std::string& path, bool create,
                                           const char* inner = etcd_layout::kMember);

  const RestoreState& state() const { return state_; }
  absl::Status SetState(RestoreState state);  // durable when it returns

  // The open folder of the stage, and how it is called here.
  int folder() const { return stage_.get(); }
  const std::string& shown() const { return shown_; }
  const std::string& path() const { return path_; }  // inside the root

  // Gives the folder NAME in the stage the name "new".
  absl::Status SetNew(const std::string& name);

  // The inode of what is in place, and of what lies in the stage for it; 0: nothing.
  absl::StatusOr<ino_t> InPlace() const;
  absl::StatusOr<ino_t> Fresh() const;

  // Puts what was prepared in its place, if it is not there yet, and what was there aside; *ASIDE: as what,
  // inside the root; "" when there was nothing worth keeping. A kill at any moment leaves one or the other in
  // place, and doing it again completes it.
  absl::Status Exchange(std::string* aside);

  // What an exchange that was cut off left in the stage is data of somebody: puts it aside. Then removes all
  // but the state, so that another `new` can be made.
  absl::Status ClearNew();

  // Ends it: the stage is removed. FailedPrecondition while it holds and its own is not in place.
  absl::Status Remove();

 private:
  RestoreStage() = default;
  absl::Status ReadState();
  absl::Status PutAside(std::string* aside);

  std::string shown_, path_;
  bool inside_ = false;  // of a mount point
  UniqueFd outer_;       // the folder that the stage lies in
  UniqueFd stage_;
  HostPath target_;  // the folder (as seen inside the root) and name of what is exchanged
  std::string stage_name_;
  RestoreState state_;
};

}  // namespace kplan

#endif  // KPLAN_ETCD_RESTORE_STAGE_H_
