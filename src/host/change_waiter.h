#ifndef KPLAN_HOST_CHANGE_WAITER_H_
#define KPLAN_HOST_CHANGE_WAITER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/files.h"
#include "src/host/process_info.h"

namespace kplan {

// Waits until something happens that somebody who watches would want to see: a file changes (inotify), a
// process ends (pidfd), a moment comes (timerfd). Only what nobody reports is asked for from time to time.
//
// In a loop: WatchFiles(), look, WatchProcesses() and the like, Wait(). What changes during the look is not
// missed.
class ChangeWaiter {
 public:
  enum class Event {
    kChange,
    kEnd,  // SIGINT or SIGTERM came, or nobody reads stdout any more
  };

  // From here on SIGINT and SIGTERM only end Wait().
  static absl::StatusOr<std::unique_ptr<ChangeWaiter>> Create();

  // Paths of files and folders, whether or not they are there. A path that ends in "/" stands for everything
  // in that folder. Once watched, a path stays so.
  void WatchFiles(const std::vector<std::string>& paths);

  // In place of those before. One that has ended already is a change.
  void WatchProcesses(const std::vector<Instance>& instances);

  // By kplan's clock; InfiniteFuture for never. That somebody sets the clock is a change, too.
  absl::Status WakeAt(absl::Time when);

  // Whether there is something that has to be looked at again every few seconds.
  void Poll(bool poll) { poll_ = poll; }

  // After the first change it waits until there is quiet for a moment: a run of ninja is many changes.
  absl::StatusOr<Event> Wait();

 private:
  ChangeWaiter() = default;
  void WatchFile(absl::string_view path);
  bool ReadFileEvents();
  absl::StatusOr<bool> AwaitOne(int timeout_ms, bool* end);

  UniqueFd inotify_, signals_, timer_;
  // What is of interest in a watched folder; "" for everything.
  absl::flat_hash_map<int, absl::flat_hash_set<std::string>> names_;
  std::vector<UniqueFd> processes_;
  bool process_ended_ = false, too_many_ = false, poll_ = false;
};

}  // namespace kplan

#endif  // KPLAN_HOST_CHANGE_WAITER_H_
