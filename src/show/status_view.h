#ifndef KPLAN_SHOW_STATUS_VIEW_H_
#define KPLAN_SHOW_STATUS_VIEW_H_

// What `kplan status` says: how every artifact stands now, by host, and of services and certificates what a
// person wants to know.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/graph/graph.h"
#include "src/host/process_info.h"
#include "src/look/contact.h"
#include "src/look/forecast.h"

namespace kplan {

// How many steps stand how, indexed by StepState.
using StateCounts = std::array<size_t, kStepStates>;

struct StatusRow {
  StepId step = 0;
  StepState state = StepState::kFresh;
  std::string detail;  // on one line; may be empty
};

struct StatusHost {
  std::string name;  // of the shard
  StateCounts counts = {};
  std::vector<StatusRow> rows;  // in the order of the graph
  // Of one over ssh that a step has been done on: whether it answered, how long ago (kEarlier), and why it
  // did not (kSilent).
  std::optional<HostVisit::Answer> answer;
  absl::Duration age;
  std::string problem;
};

struct StatusService {
  StepId step = 0;            // the service's own, or the rollout that it is one of
  std::string label;          // "service/etcd-2/etcd"
  std::string host, manager;  // the name of the host's shard; as in the record
  bool managed = true;
  bool by_unit = false;  // another unit starts it: that it does not run is right
  bool running = false;
  int64_t process = 0;               // its id, on its host
  std::optional<Instance> instance;  // of one that runs on this machine
  absl::Time since;
  std::vector<std::string> older;  // files that it was started with, and that are others now
  std::string problem;             // why it cannot be told
  // Over ssh, and its host was not asked: nothing of the above but label, host and manager is known, only
  // that it ran at `last_seen` (InfinitePast: it was never seen).
  bool unasked = false;
  absl::Time last_seen = absl::InfinitePast();
};

// A certificate or a CRL that is there.
struct StatusCertificate {
  StepId step = 0;
  std::string file;
  int64_t not_after = 0;  // Unix seconds
  size_t names = 0;       // SANs
};

struct StatusReport {
  std::vector<StatusHost> hosts;  // "shared" first; none without steps
  StateCounts counts = {};
  std::vector<StatusService> services;
  std::vector<StatusCertificate> certificates;  // the one that ends first in front
  std::vector<std::string> leftovers;           // keys
  // When something is going to be said otherwise because of the clock alone; InfiniteFuture when never.
  absl::Time next_change = absl::InfiniteFuture();

  std::string unasked;  // of hosts of which nothing new is known (HostSights::Summary)

  // Nothing is to be done, and nobody who was asked is silent. What was not asked on purpose does not count.
  bool all_fresh() const;
  bool any_failed() const;
  bool any_silent() const;
};

// Reads files and asks after services of this machine; changes nothing. LEFTOVERS are their keys. SIGHTS:
// what the hosts over ssh said; FORECAST was made with them.
StatusReport MakeStatusReport(const Graph& graph, const Forecast& forecast,
                              std::vector<std::string> leftovers, absl::Time now, const HostSights& sights);

struct StatusStyle {
  bool all = false;    // every step, however many hosts there are
  bool color = false;  // for a terminal
};

// For people; ends in a newline.
std::string StatusText(const Graph& graph, const StatusReport& report, const StatusStyle& style,
                       absl::Time now);

// docs/commands.md describes it. On one line when COMPACT.
std::string StatusJson(const Graph& graph, const Forecast& forecast, const StatusReport& report,
                       absl::Time now, bool compact);

// "3 stale, 1 failed, 13 fresh"; "17 fresh"
std::string CountsText(const StateCounts& counts);

}  // namespace kplan

#endif  // KPLAN_SHOW_STATUS_VIEW_H_
