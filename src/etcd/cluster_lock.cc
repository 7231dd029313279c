#include "src/etcd/cluster_lock.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/etcdctl.h"
#include "src/etcd/lock_holder.h"
#include "src/probe/listening.h"

namespace kplan {
namespace {

constexpr absl::Duration kCommandTime = absl::Seconds(5);
// An election is waited out.
constexpr absl::Duration kPatience = absl::Seconds(30), kPauseAfterError = absl::Milliseconds(100);
constexpr absl::Duration kPauseUntilFree = absl::Milliseconds(500);

bool LeaseIsGone(const absl::Status& status) {
  return absl::StrContains(status.message(), "lease not found");
}

// What no other member would answer otherwise.
bool IsFinal(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) || absl::IsResourceExhausted(status) ||
         LeaseIsGone(status);
}

// The error of etcdctl in the words of this header.
absl::Status Sorted(const absl::Status& status) {
  if (IsForWantOfRights(status.message())) return AsRefusal(status);
  for (const char* alarm : {"database space exceeded", "corrupt cluster"}) {
    if (absl::StrContains(status.message(), alarm))
      return absl::ResourceExhaustedError(absl::StrCat("etcdserver: ", alarm));
  }
  return absl::IsNotFound(status) ? status : absl::UnavailableError(status.message());
}

// TEXT as `etcdctl txn` reads a word: in double quotes, by the rules of Go, which JSON's text follows.
std::string TxnWord(absl::string_view text) {
  std::string word;
  AppendJsonString(text, &word);
  return word;
}

class EtcdLock : public ClusterLock {
 public:
  EtcdLock(const PlannedCluster& cluster, Clock* clock)
      : etcdctl_(cluster.etcdctl), probes_(cluster.probes()), clock_(clock) {}

  ~EtcdLock() override { GiveBack(); }

  absl::StatusOr<bool> Hold(absl::string_view what, const Tell& tell) override {
    if (!lease_.empty()) {
      absl::StatusOr<bool> ours = Retry([this] { return Renew(); });
      if (!ours.ok() || *ours) return ours;
      StopKeeper();
      lease_.clear();
      Say(tell, "the lock of this cluster was lost, and is taken again");
    }
    if (absl::Status status = Take(what, tell); !status.ok()) {
      GiveBack();
      return status;
    }
    return false;
  }

 private:
  // The first answer that a member gives; JSON: it has to be some.
  absl::StatusOr<Json> Ask(std::vector<std::string> words, absl::string_view input = "") {
    words.push_back("--write-out=json");
    absl::Status last = absl::UnavailableError("there is nobody to ask");
    const size_t first = answered_;
    for (size_t tried = 0; tried < probes_.size(); ++tried) {
      const size_t i = (first + tried) % probes_.size();
      // etcdctl takes its whole time to say that nobody listens.
      if (last = CanConnect(probes_[i]); !last.ok()) continue;
      absl::StatusOr<std::string> text = RunEtcdctl(etcdctl_, {probes_[i]}, words, kCommandTime, input);
      if (text.ok()) {
        answered_ = i;
        absl::StatusOr<Json> json = ParseJson(*text);
        // 3.4 to 3.6 say nothing that is JSON of a lease that was revoked.
        return json.ok() && json->is_object() ? *std::move(json) : Json::object();
      }
      last = Sorted(text.status());
      if (IsFinal(last)) return last;
    }
    return last;
  }

  absl::Status CanConnect(const std::string& probe) const {
    absl::StatusOr<HostPort> target = ParseHttpsUrl(probe);
    if (!target.ok()) return target.status();
    Dialer* const dialer = etcdctl_.dialer.get();
    const absl::Status status = dialer == nullptr ? DialFromHere(*target, absl::Now() + kCommandTime).status()
                                                  : dialer->Dial(*target, kCommandTime).status();
    return status.ok() ? status : absl::UnavailableError(status.message());
  }

  template <typename Do>
  auto Retry(const Do& attempt) -> decltype(attempt()) {
    const absl::Time until = clock_->Now() + kPatience;
    for (;;) {
      auto result = attempt();
      if (result.ok() || !absl::IsUnavailable(result.status()) || LeaseIsGone(result.status()) ||
          clock_->Now() >= until)
        return result;
      clock_->SleepFor(kPauseAfterError);
    }
  }

  absl::StatusOr<LockKey> Look() {
    absl::StatusOr<Json> got = Ask({"get", kLockKey});
    if (!got.ok()) return got.status();
    LockKey key;
    const Json::json_pointer at("/kvs/0");
    if (!got->contains(at)) return key;
    const Json& kv = (*got)[at];
    key.there = true;
    if (kv.contains("value") && kv["value"].is_string())
      absl::Base64Unescape(kv["value"].get<std::string>(), &key.value);
    if (kv.contains("lease") && kv["lease"].is_number_integer() && kv["lease"] != 0)
      key.lease = absl::StrCat(absl::Hex(kv["lease"].get<uint64_t>()));
    if (kv.contains("mod_revision") && kv["mod_revision"].is_number_integer())
      key.modified = kv["mod_revision"].get<int64_t>();
    return key;
  }

  // Whether the key is ours still, with a lease that has all its time again.
  absl::StatusOr<bool> Renew() {
    const absl::Status kept = Ask({"lease", "keep-alive", "--once", lease_}).status();
    if (LeaseIsGone(kept)) return false;
    if (!kept.ok()) return kept;
    absl::StatusOr<LockKey> key = Look();
    if (!key.ok()) return key.status();
    return key->there && key->lease == lease_;
  }

  absl::Status Take(absl::string_view what, const Tell& tell) {
    std::string told;
    const absl::Time begun = clock_->Now();
    for (;;) {
      absl::StatusOr<LockKey> key = Retry([this] { return Look(); });
      if (!key.ok()) return key.status();
      const std::optional<LockHolder> holder = LockHolder::Parse(key->value);
      const HolderState state = holder.has_value() ? LookAt(holder->run) : HolderState::kUnseen;
      absl::Status status;
      switch (DecideOnLock(*key, lease_, state)) {
        case LockAction::kHave:
          if (!told.empty())
            Say(tell, absl::StrCat("it is free, after ", absl::ToInt64Seconds(clock_->Now() - begun), " s"));
          StartKeeper();
          return absl::OkStatus();
        case LockAction::kTake:
          status = Make(what);
          break;
        case LockAction::kRemove:
          status = Remove(*key);
          break;
        case LockAction::kWait:
          GiveBack();  // one that somebody was faster than
          if (const std::string who = holder.has_value() ? holder->Describe() : "somebody unknown";
              told != who) {
            told = who;
            Say(tell,
                absl::StrCat("somebody else takes members of this cluster away: ", who, "; waits for that"));
          }
          clock_->SleepFor(kPauseUntilFree);
      }
      if (!status.ok()) return status;
    }
  }

  // Makes the key, unless it is there; which of the two it was is seen by looking.
  absl::Status Make(absl::string_view what) {
    if (lease_.empty()) {
      absl::StatusOr<Json> granted = Retry([this] {
        return Ask({"lease", "grant", absl::StrCat(kLockSeconds)});
      });
      if (!granted.ok()) return granted.status();
      if (!granted->contains("ID") || !(*granted)["ID"].is_number_integer())
        return absl::UnavailableError("a lease without an id");
      lease_ = absl::StrCat(absl::Hex((*granted)["ID"].get<uint64_t>()));
    }
    const std::string key = TxnWord(kLockKey);
    const std::string txn = absl::StrCat("create(", key, ") = \"0\"\n\nput --lease=", lease_, " ", key, " ",
                                         TxnWord(LockHolderNow(what).ToText()), "\n\nget ", key, "\n\n");
    const absl::Status made = Retry([&] { return Ask({"txn"}, txn); }).status();
    if (LeaseIsGone(made)) {
      lease_.clear();
      return absl::OkStatus();
    }
    return made;
  }

  absl::Status Remove(const LockKey& key) {
    if (!key.lease.empty()) {
      const absl::Status revoked = Retry([&] { return Ask({"lease", "revoke", key.lease}); }).status();
      return LeaseIsGone(revoked) ? absl::OkStatus() : revoked;
    }
    const std::string name = TxnWord(kLockKey);
    const std::string txn =
        absl::StrCat("mod(", name, ") = \"", key.modified, "\"\n\ndel ", name, "\n\nget ", name, "\n\n");
    return Retry([&] { return Ask({"txn"}, txn); }).status();
  }

  // Where no member does it, the lease ends by itself.
  void GiveBack() {
    StopKeeper();
    if (!lease_.empty()) Ask({"lease", "revoke", lease_}).IgnoreError();
    lease_.clear();
  }

  // What the keeper cannot renew, the next Hold() finds out.
  void StartKeeper() {
    over_ = false;
    keeper_ = std::thread([this, lease = lease_] {
      std::unique_lock<std::mutex> hold(mutex_);
      while (!wake_.wait_for(hold, std::chrono::seconds(kLockSeconds / 4), [this] { return over_; })) {
        hold.unlock();
        Ask({"lease", "keep-alive", "--once", lease}).IgnoreError();
        hold.lock();
      }
    });
  }

  void StopKeeper() {
    if (!keeper_.joinable()) return;
    {
      std::lock_guard<std::mutex> hold(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    keeper_.join();
  }

  static void Say(const Tell& tell, const std::string& line) {
    if (tell != nullptr) tell(line);
  }

  const Etcdctl etcdctl_;
  const std::vector<std::string> probes_;
  Clock* const clock_;
  std::atomic<size_t> answered_{0};  // who did last
  std::string lease_;                // hexadecimal; "": there is none
  std::thread keeper_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<ClusterLock> MakeClusterLock(const PlannedCluster& cluster, Clock* clock) {
  return std::make_unique<EtcdLock>(cluster, clock);
}

}  // namespace kplan
