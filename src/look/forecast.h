#ifndef KPLAN_LOOK_FORECAST_H_
#define KPLAN_LOOK_FORECAST_H_

// What the next `ninja` would do, step by step, and why: the looks of the steps (step/outlook.h) in the
// order of the graph, each with what those before it will have written.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/contact.h"
#include "src/look/notes.h"
#include "src/step/outlook.h"

namespace kplan {

// What ninja would do with a step.
enum class Fate : uint8_t {
  kFresh,    // not run it
  kUnknown,  // not run it, as far as is known here; on its host nobody has looked
  kCheck,    // run it, and it would find everything right: nothing changes
  kChange,   // run it, and it would make or change something
  kFail,     // run it, and it would fail for what is known already
  kWait,     // run it, and it would wait for somebody's hand, or for a step that fails
};

// Whether ninja would run it.
inline bool Runs(Fate fate) { return fate != Fate::kFresh && fate != Fate::kUnknown; }

const char* FateName(Fate fate);  // "fresh", "unknown", "check", "change", "fail", "wait": for programs

// Why a step would run. A step may have several.
struct Cause {
  enum class Kind : uint8_t {
    kFirst,   // it never ran
    kSpec,    // its record is another one: cluster.yaml was edited (or kplan makes other records now)
    kInput,   // `input` changes, or has changed since it ran
    kDrift,   // the artifact is not as it was left
    kTime,    // it expires, or is due
    kFailed,  // it failed the last time
    kStamp,   // kplan's or ninja's own notes are gone
    kAsked,   // there are no notes, and the artifact is not what cluster.yaml asks for
  };
  Kind kind = Kind::kFirst;
  StepId input = 0;  // of kInput
};

struct StepForecast {
  Fate fate = Fate::kFresh;
  std::vector<Cause> causes;    // empty when fresh
  std::vector<Reason> reasons;  // of kChange: the step's own
  std::vector<Change> changes;  // of kChange
  bool starts = false, restarts = false, reloads = false;
  std::vector<ServiceOutlook> services;  // of a step about several services: those that it would touch
  bool changes_digest = false;           // of the stamp: what depends on it runs, too
  bool behind = false;                   // of kWait: ninja does not come to it, for one before it
  // Of kCheck where there are no notes (notes.h): what its step would find on its host is not known, and
  // taken for right. Of kUnknown: likewise.
  bool unseen = false;
  std::vector<std::string> needs;  // of kChange: the private keys that it takes, and that are elsewhere
  std::string failure;             // of kFail, kWait; of kUnknown, why it is
  std::string note;
};

// How a step stands, for people: the colours of `graph`, the words of `status`.
enum class StepState : uint8_t { kFresh, kStale, kFailed, kWaiting, kUnknown };
inline constexpr size_t kStepStates = 5;
const char* StateName(StepState state);  // "fresh", "stale", "failed", "waiting", "unknown"

struct Forecast {
  std::vector<StepForecast> steps;  // as Graph::steps()
  std::vector<Journal> journals;    // as Graph::shards()
  Notes notes = Notes::kKept;       // by which it was made

  // Null when the step never ran.
  const JournalEntry* EntryOf(const Graph& graph, StepId step) const;
  // Failed: the last run of it failed, and it has not been done since. Waiting: stale, and behind one that
  // failed or waits for a hand.
  StepState StateOf(const Graph& graph, StepId step) const;
};

// Looks at everything below the current folder and on this machine, and at what the hosts over ssh have said
// (SIGHTS, made with JOURNALS, contact.h); changes nothing.
Forecast MakeForecast(const Graph& graph, std::vector<Journal> journals, const HostSights& sights,
                      absl::Time now, Notes notes = Notes::kKept);
// The same where there are no hosts over ssh, or nobody wants to know how they are.
Forecast MakeForecast(const Graph& graph, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_LOOK_FORECAST_H_
