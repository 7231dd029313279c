#ifndef KPLAN_LOOK_HOST_SIGHTS_H_
#define KPLAN_LOOK_HOST_SIGHTS_H_

// What hosts with an agent said of themselves, host by host and all together, as a traversal (traversal.h)
// needs it.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/base/string_pairs.h"
#include "src/graph/graph.h"
#include "src/step/outlook.h"

namespace kplan {

// An artifact that is not as its step left it.
struct Drift {
  StepId step = 0;
  std::vector<Reason> reasons;
  std::string failure;  // why its step cannot put that right: something else is in its place; else empty

  bool empty() const { return reasons.empty() && failure.empty(); }
  // Both, for people.
  std::string Text() const;
};

// A service as its host sees it.
struct SeenService {
  std::string label;  // "service/etcd-2/etcd"
  bool managed = true, running = false;
  int64_t process = 0, since = 0;  // of one that runs; since: Unix seconds
  std::vector<std::string> older;  // files that it was started with, and that are others now
  // What it was started with, or read last: the digest (Sha256Hex) of each file, by path. Empty when that is
  // not known. Of a file with a private key it is over what is public in it (host/service_marker.h).
  StringPairs started;
  std::string problem;  // why it cannot be told
  std::string digest;   // that its step would return if it left what runs alone; "": it is not known
  std::string taken;    // why it could not be started: another process has an address of it
  // What its step would do on the host as it is now, before anything new gets there.
  ServiceOutlook outlook;
};

// What is in the place of an artifact on a host, where nobody here knows what was delivered (look/notes.h).
struct FoundThere {
  bool missing = false;
  std::string digest;  // that its step would return; "": it is nothing that the step ever put there
};

// One host over ssh that a step has been done on.
struct HostVisit {
  enum class Answer : uint8_t {
    kNow,       // it was asked, and has answered
    kEarlier,   // an answer of before counts still (`contact.every`)
    kSilent,    // it was asked, and `problem` says why there is no answer
    kNotAsked,  // nobody asked
  };

  std::string host;
  Answer answer = Answer::kNotAsked;
  std::string problem;
  absl::Duration age;         // of kEarlier
  size_t asked = 0;           // artifacts that were looked at
  std::vector<Drift> drifts;  // in the order of the graph
  std::vector<SeenService> services;
  std::vector<std::pair<StepId, FoundThere>> standing;
  // Why the steps of artifacts could not put them right, where that is seen: the host's disk is read-only.
  std::vector<std::pair<StepId, std::string>> barred;

  bool known() const { return answer == Answer::kNow || answer == Answer::kEarlier; }
};

// "40 s", "9 min", "3 h".
std::string AgeText(absl::Duration age);

// What all of them said.
class HostSights {
 public:
  // Of a graph without hosts over ssh.
  HostSights() = default;
  HostSights(HostSights&&) = default;  // not copied: services_ points into visits_
  HostSights& operator=(HostSights&&) = default;
  // VISITS: each host over ssh of GRAPH that a step has been done on.
  HostSights(const Graph& graph, const std::vector<Journal>& journals, std::vector<HostVisit> visits,
             absl::flat_hash_map<StepId, std::string> refusals = {});

  // What is not as STEP left it, of all hosts together; empty when nothing is, as far as it was looked at.
  const Drift& DriftOf(StepId step) const;
  // Why it is not known how the artifact of STEP is, which was done before ("etcd-2 was not asked"); ""
  // when it is known, or is not on hosts over ssh.
  std::string WhyUnknown(StepId step) const;
  // What stands on the host of STEP (HostVisit::standing); null when it is not known, or needs not be.
  const FoundThere* StandingOf(StepId step) const;
  // Whether HOST was asked and has answered.
  bool HasAnswered(absl::string_view host) const;
  // Why STEP would go no further, if it ran (refusals.h); "" when that is not known, or it would.
  std::string RefusalOf(StepId step) const;
  // The service LABEL, of a host that has just answered; else null.
  const SeenService* ServiceOf(absl::string_view label) const;

  // Why the service LABEL could not be started on its host, as SeenService::taken; "": nothing is known, or
  // it is not going to be started. STARTS: by what is going to change there it is; what its host says of it
  // as it is now counts in any case.
  std::string WhyTaken(absl::string_view label, bool starts) const;

  // In the order of the shards.
  const std::vector<HostVisit>& visits() const { return visits_; }
  // "2 hosts not asked", "etcd-3 does not answer", "as of 4 min ago": what is to be said of hosts of which
  // nothing, or nothing new, is known; "" when all have answered.
  std::string Summary() const;
  // Of those that are not silent, and of those that nobody asked.
  std::string SummaryOfOthers() const;
  std::string SummaryOfUnasked() const;
  // Whether a host was asked and is silent.
  bool any_silent() const;

 private:
  std::vector<HostVisit> visits_;
  absl::flat_hash_map<StepId, Drift> drifts_;
  absl::flat_hash_map<StepId, FoundThere> standing_;
  absl::flat_hash_map<StepId, std::string> refusals_;
  absl::flat_hash_set<std::string> answered_;    // hosts
  absl::flat_hash_map<StepId, size_t> unknown_;  // into visits_: the first of those of a step
  absl::flat_hash_map<std::string, const SeenService*> services_;
  absl::flat_hash_map<std::string, const SeenService*> taken_;  // by label: those with `taken`
};

}  // namespace kplan

#endif  // KPLAN_LOOK_HOST_SIGHTS_H_
