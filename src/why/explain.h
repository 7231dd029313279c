#ifndef KPLAN_WHY_EXPLAIN_H_
#define KPLAN_WHY_EXPLAIN_H_

// Why a step would run, or last ran: one chain of causes, from its label down to the line of cluster.yaml
// that was edited, or to what was found on the host, or to the clock.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/look/forecast.h"
#include "src/look/spec_history.h"
#include "src/lower/compile.h"
#include "src/why/blame.h"
#include "src/why/spec_edits.h"

namespace kplan {

// What a chain ends with.
struct RootCause {
  enum class Kind : uint8_t {
    kNone,     // it is up to date and never ran, or nobody knows any more
    kEdit,     // cluster.yaml was edited: `edits`
    kFirst,    // it has not been made yet, or was made for the first time: for `place`
    kProgram,  // cluster.yaml is the same: this kplan makes another record of it than the one before
    kSource,   // a file that cluster.yaml names was edited: `text`, for `place`
    kDrift,    // the artifact is not, or was not, as it was left
    kTime,     // the clock
    kFailed,   // the step failed, and runs again
    kStamp,    // kplan's or ninja's own notes are gone
    kAsked,    // they are gone, and the artifact is not what `place` asks for
  };
  Kind kind = Kind::kNone;
  std::vector<SpecEdit> edits;
  std::string text;  // one line for a person: "expires soon, on 2026-12-01"
  // The entry of cluster.yaml that it is made for. Only kFirst, kSource and kAsked have it.
  std::string path;  // "certs.kubernetes"
  int line = 0;
};

const char* RootName(RootCause::Kind kind);  // "edit", "first", ...: for programs

struct Why {
  struct Link {
    StepId step = 0;
    std::string what;  // what the step would do, or did: "SAN + dns worker-2"
  };
  std::vector<Link> links;  // the step asked about first; each is there because of the next
  RootCause root;
};

// A step's differences on one line: "SAN + dns a, expiry 8760h -> 720h"; its reasons where it has none.
std::string WhatChanges(const StepForecast& step);
std::string WhatChanges(const std::vector<Reason>& reasons, const std::vector<Change>& changes);

class Explainer {
 public:
  // All must outlive it. TEXT is the cluster.yaml at PATH that GRAPH was compiled from.
  Explainer(const Graph& graph, const Forecast& forecast, const SpecHistory& history, std::string path,
            std::string text);
  ~Explainer();

  // Why the next ninja would run STEP. Asked of many steps, PrepareAll() first makes it cheaper: the edits
  // are then blamed for all of them at once.
  Why WhyNext(StepId step);
  void PrepareAll();

  // Why STEP last made or changed something.
  Why WhyLast(StepId step);

 private:
  class Versions;

  // The version of cluster.yaml before the edits that STEP would run for; -1: it runs for another cause.
  int OlderVersionOf(StepId step);
  RootCause SpecRoot(StepId step, const std::string& record_before, const std::string& record_now);
  RootCause FirstRoot(StepId step);
  RootCause SourceRoot(StepId step);  // STEP is of the kind kSource

  const Graph& graph_;
  const Forecast& forecast_;
  std::unique_ptr<Versions> versions_;
};

}  // namespace kplan

#endif  // KPLAN_WHY_EXPLAIN_H_
