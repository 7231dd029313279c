#ifndef KPLAN_ETCD_ROLLOUT_REPORT_H_
#define KPLAN_ETCD_ROLLOUT_REPORT_H_

// What a rollout did so far, and how it says that to a person.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "src/etcd/rollout_order.h"

namespace kplan {

class RolloutReport {
 public:
  enum Deed {
    kStarted,
    kRestarted,
    kPutRight,  // it runs on
  };

  using Tell = std::function<void(const std::string& line)>;

  // TELL, where it is given, hears of each deed when it is begun and when it is done.
  explicit RolloutReport(Tell tell = {}) : tell_(std::move(tell)) {}

  // MEMBER is, or was just, started, restarted or put right for REASONS; LED: it led the cluster until then.
  void Add(Deed deed, const std::string& member, const std::vector<std::string>& reasons, bool led);
  // MEMBER, which was added before, serves, after TOOK.
  void AddServes(const std::string& member, absl::Duration took);

  // A snapshot was taken: TEXT says where and what it holds.
  void AddSnapshot(std::string text);

  // For StepResult::reason: "restarted etcd-2, etcd-3, etcd-1: flags changed".
  std::string Reason() const;
  // For StepResult::output: "etcd-2: restarted (flags changed), serves after 1.2 s", a line a member; without
  // those of which it was told.
  std::string Lines() const;

  // Why a rollout ended early, with the state that it leaves: MEMBERS as last seen.
  //   WHY
  //     serving:  etcd-1 and etcd-2, 2 of 3 members: a quorum
  //     done:     restarted etcd-2
  //     left:     etcd-1 needs a restart, and was not touched
  //     next:     ADVICE; then run ninja again: it goes on from here
  std::string StopText(const std::string& why, const std::string& advice,
                       const std::vector<MemberState>& members) const;

 private:
  struct Entry {
    Deed deed;
    std::string member;
    std::vector<std::string> reasons;
    bool led = false;
    absl::Duration took = absl::InfiniteDuration();  // infinite: it did not come to serve yet

    bool serves() const { return took != absl::InfiniteDuration(); }
  };
  static std::string LineOf(const Entry& entry);

  std::string Names(Deed deed, const char* separator) const;

  Tell tell_;
  std::string snapshot_;        // "": none was taken
  std::vector<Entry> entries_;  // in the order of the deeds
};

}  // namespace kplan

#endif  // KPLAN_ETCD_ROLLOUT_REPORT_H_
