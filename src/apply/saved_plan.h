#ifndef KPLAN_APPLY_SAVED_PLAN_H_
#define KPLAN_APPLY_SAVED_PLAN_H_

// A plan in a file (`kplan plan --out FILE`), to be read by somebody, and applied later: exactly that, or
// nothing.
//
// The file has a line a step: what would be done with it, in the words of `plan`, and what that was decided
// from (its record, the files that it has found). When it is applied, the plan is made anew, and compared
// line by line: whatever differs, in cluster.yaml, on a host or in an artifact, is a reason not to begin.
//
//   {"graph":"...","key":"...","kplan":"0.1.0","kplan-plan":1,"limit":[],"offline":false,"spec":"cluster.yaml"}
//   {"label":"ca/key","record":"..."}
//   {"details":["restarts", ...],"label":"service/worker/etcd","record":"...","seen":"...","what":"restarts:
//   ..."}
//   {"end":22}
//
// It holds no secret: contents are in no line, and digests of what not everybody may read are keyed
// (plan_key.h).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/apply/plan_key.h"
#include "src/graph/graph.h"
#include "src/look/forecast.h"

namespace kplan {

struct SavedPlan {
  // Raised when the lines mean something else.
  static constexpr int64_t kVersion = 1;
  // A plan of 10,000 hosts has 140,000 steps, of which each line is below 1 KiB.
  static constexpr size_t kMaxBytes = size_t{256} << 20, kMaxLine = size_t{1} << 20, kMaxSteps = 2'000'000;

  struct Step {
    std::string label, record;
    std::string what;                  // "restarts: flag --max-wals 5 -> 10"; empty: nothing
    std::vector<std::string> details;  // all of it
    std::string seen;                  // keyed digest of the files that were found on this machine

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("label", self.label);
      fields.Always("record", self.record);
      fields.Optional("what", self.what);
      fields.Optional("details", self.details);
      fields.Optional("seen", self.seen);
    }
  };

  // The first line.
  int64_t version = kVersion;
  std::string kplan;               // the version of the kplan that saved it
  std::string spec;                // cluster.yaml as seen from DIR
  std::vector<std::string> limit;  // names; empty: none
  bool offline = false;            // no host was asked
  std::string graph;               // keyed digest of GraphDigest of the whole graph
  std::string key;                 // PlanKey::Id

  std::vector<Step> steps;  // in the order of the graph

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("kplan-plan", self.version);
    fields.Always("kplan", self.kplan);
    fields.Always("spec", self.spec);
    fields.Always("limit", self.limit);
    fields.Always("offline", self.offline);
    fields.Always("graph", self.graph);
    fields.Always("key", self.key);
  }

  bool has_work() const;
};

// Of GRAPH, whole or a part, with what FORECAST says of it; looks at the files of the steps that would be
// done. WHOLE: GraphDigest of the whole graph. `kplan`, `spec`, `limit` and `offline` are for the caller.
SavedPlan MakeSavedPlan(const Graph& graph, const Forecast& forecast, const std::string& whole,
                        const PlanKey& key);

// Whether the file PATH begins as a saved plan does.
bool IsSavedPlan(const std::string& path);

std::string SavedPlanText(const SavedPlan& plan);

// TEXT, the content of PATH. DataLoss, "PATH:LINE: WHAT", when it is no saved plan, is cut short, or has more
// than there can be; Unimplemented when it is of a version that this kplan does not know.
absl::StatusOr<SavedPlan> ParseSavedPlan(const std::string& path, absl::string_view text);
absl::StatusOr<SavedPlan> ReadSavedPlan(const std::string& path);

// Writes PLAN to PATH, whole, 0600. AlreadyExists when something else than a saved plan is there.
absl::Status WriteSavedPlan(const std::string& path, const SavedPlan& plan);

// What is no longer as SAVED has it, a line each, the label first; empty: NOW is that plan.
std::vector<std::string> DifferencesOf(const SavedPlan& saved, const SavedPlan& now);

}  // namespace kplan

#endif  // KPLAN_APPLY_SAVED_PLAN_H_
