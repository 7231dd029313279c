#ifndef KPLAN_SHOW_GRAPH_VIEW_H_
#define KPLAN_SHOW_GRAPH_VIEW_H_

// What `kplan graph` shows: the steps, how each stands and why, laid out by host and stage. The writers
// (graph_dot.h, graph_mermaid.h, graph_json.h, graph_html.h) take it from here.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "src/graph/graph.h"
#include "src/look/forecast.h"
#include "src/step/kinds.h"

namespace kplan {

// Where a step stands between the first key and the last verdict (Stage): the columns of the graph. What a
// step is made from is never in a later stage.
inline constexpr int kStages = static_cast<int>(Stage::kVerdicts) + 1;
const char* StageName(int stage);  // "key", "request", "certificate", ... "verdict"

// What a step would do to a service that is, or is to be, in use; of several the one that is felt most.
enum class Effect : uint8_t { kNone, kStart, kReload, kRestart };
const char* EffectName(Effect effect);  // "", "start", "reload", "restart"

// One service that a step about several would touch.
struct GraphTouch {
  std::string service;  // "etcd on etcd-2"
  Effect effect = Effect::kNone;
};

struct GraphNode {
  absl::string_view label;   // of the graph
  absl::string_view record;  // canonical JSON, without what is secret in it (shown_record.h)
  StepKind kind = StepKind::kKey;
  uint32_t host = 0;  // index into GraphView::hosts
  int stage = 0;
  StepState state = StepState::kFresh;
  Effect effect = Effect::kNone;
  std::vector<GraphTouch> touches;  // of a step about several services, in its order
  // Why it is not fresh, a sentence each, as UTF-8 without control characters but line ends and tabs.
  std::vector<std::string> reasons;
  // Indices into GraphView::nodes, of what is shown: before this one, ascending.
  std::vector<uint32_t> inputs, after;
  // Whole days to the end of a certificate, rounded down. Null when there is none that can be read.
  std::optional<int64_t> days_left;
  int64_t last_run = 0;         // Unix milliseconds; 0: none is known
  std::string last_run_result;  // "done", what it made and why, or what went wrong
};

struct GraphView {
  absl::Time now;
  std::string title;                // what the plan is called; "": nobody said
  std::string around;               // the label or group that is shown with what is around it; "": everything
  std::vector<std::string> hosts;   // paths::kSharedShard first; those of which something is shown
  std::vector<std::string> roles;   // as hosts: the services of each, "etcd" or "etcd, metrics"; "": none
  std::vector<GraphNode> nodes;     // in the order of the graph
  std::deque<std::string> records;  // those that are shown in another form than they have in the graph
};

// The steps that LABEL names: that artifact, or the members of that group, ascending. NotFound, with a
// suggestion, when there is neither.
absl::StatusOr<std::vector<StepId>> FindSteps(const Graph& graph, absl::string_view label);

// STEPS, all they are made from and all that is made from them, order-only inputs included; ascending.
std::vector<StepId> StepsAround(const Graph& graph, absl::Span<const StepId> steps);

// The view of SHOWN, which is ascending; it points into GRAPH. Reads the certificates among them for the days
// they have left.
GraphView MakeGraphView(const Graph& graph, const Forecast& forecast, absl::Span<const StepId> shown,
                        absl::Time now);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_VIEW_H_
