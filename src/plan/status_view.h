#ifndef KPLAN_PLAN_STATUS_VIEW_H_
#define KPLAN_PLAN_STATUS_VIEW_H_

// What `kplan status` says: how every artifact stands now, by host, and of services and certificates what a
// person wants to know.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/graph/graph.h"
#include "src/plan/forecast.h"
#include "src/steps/process_info.h"

namespace kplan {

// How many steps stand how, indexed by StepState.
using StateCounts = std::array<size_t, 4>;

struct StatusRow {
  StepId step = 0;
  StepState state = StepState::kFresh;
  std::string detail;  // on one line; may be empty
};

struct StatusHost {
  std::string name;  // of the shard
  StateCounts counts = {};
  std::vector<StatusRow> rows;  // in the order of the graph
};

struct StatusService {
  StepId step = 0;
  bool managed = true;
  std::optional<Instance> instance;  // none: it does not run
  absl::Time since;
  std::vector<std::string> older;  // files that it was started with, and that are others now
  std::string problem;             // why it cannot be told
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

  bool all_fresh() const;
};

// Reads files and asks after services; changes nothing. LEFTOVERS are their keys.
StatusReport MakeStatusReport(const Graph& graph, const Forecast& forecast,
                              std::vector<std::string> leftovers, absl::Time now);

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

#endif  // KPLAN_PLAN_STATUS_VIEW_H_
