#include "src/etcd/host_claims.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/etcd/lock_holder.h"
#include "src/step/claim_question.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

constexpr absl::Duration kPauseUntilFree = absl::Milliseconds(500);

class HostClaims : public ClusterLock {
 public:
  HostClaims(const PlannedCluster& cluster, HostAccess* hosts, absl::Duration lasts, Clock* clock)
      : cluster_id_(cluster.cluster_id), hosts_(hosts), lasts_(lasts), clock_(clock) {
    for (const PlannedMember& member : cluster.members) places_.emplace_back(member.host, member.root);
  }

  // What cannot be given back ends by itself.
  ~HostClaims() override { GiveBack().IgnoreError(); }

  absl::StatusOr<bool> Hold(absl::string_view what, const Tell& tell) override {
    if (holder_.empty()) holder_ = LockHolderNow(what).ToText();
    std::string told;
    for (;;) {
      std::string other;
      absl::StatusOr<bool> had = TakeAll(&other);
      if (!had.ok() || other.empty()) return had;
      if (absl::Status status = GiveBack(); !status.ok()) return status;
      const std::optional<LockHolder> who = LockHolder::Parse(other);
      if (who.has_value() && LookAt(who->run) == HolderState::kGone) {
        gone_ = other;
        continue;
      }
      if (told != other && tell != nullptr) {
        tell(absl::StrCat("somebody else takes members of this cluster away: ",
                          who.has_value() ? who->Describe() : "somebody unknown", "; waits for that"));
      }
      told = other;
      clock_->SleepFor(kPauseUntilFree);
    }
  }

 private:
  absl::StatusOr<ClaimAnswer> Ask(size_t place, absl::Duration lasts) {
    ClaimQuestion question;
    question.cluster = cluster_id_;
    question.root = places_[place].second;
    question.holder = holder_;
    question.seconds = absl::ToInt64Seconds(lasts);
    question.gone = gone_;
    return ReadAnswer<ClaimAnswer>(hosts_->Ask(places_[place].first, ToJson(question)));
  }

  // Until one is *OTHER's. True: all were ours already.
  absl::StatusOr<bool> TakeAll(std::string* other) {
    bool had = true;
    for (size_t place = 0; place < places_.size(); ++place) {
      absl::StatusOr<ClaimAnswer> answer = Ask(place, lasts_);
      if (!answer.ok()) return answer.status();
      if (!answer->granted) {
        *other = answer->holder.empty() ? "?" : answer->holder;
        return false;
      }
      had = had && answer->had;
    }
    return had;
  }

  absl::Status GiveBack() {
    absl::Status status;
    for (size_t place = 0; !holder_.empty() && place < places_.size(); ++place)
      status.Update(Ask(place, absl::ZeroDuration()).status());
    return status;
  }

  const std::string cluster_id_;
  std::vector<std::pair<std::string, std::string>> places_;  // host, root
  HostAccess* const hosts_;
  const absl::Duration lasts_;
  Clock* const clock_;
  std::string holder_;  // this process; "": nothing was asked for yet
  std::string gone_;    // who has ended, as it was seen on this machine
};

}  // namespace

std::unique_ptr<ClusterLock> MakeHostClaims(const PlannedCluster& cluster, HostAccess* hosts,
                                            absl::Duration lasts, Clock* clock) {
  return std::make_unique<HostClaims>(cluster, hosts, lasts, clock);
}

}  // namespace kplan
