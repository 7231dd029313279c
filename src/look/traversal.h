#ifndef KPLAN_LOOK_TRAVERSAL_H_
#define KPLAN_LOOK_TRAVERSAL_H_

// One walk over the steps of a graph, in its order: what has become of each artifact, and what its step would
// do about it. Who makes stale before a build (look.h) and who says what a build would do (forecast.h) are
// two sinks of it; so they cannot disagree.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/contact.h"
#include "src/look/forecast.h"
#include "src/look/notes.h"

namespace kplan {

// What is seen of a step without asking it. Cheap: no content is read but that of certificates that may be
// due.
struct StepSight {
  struct Finding {
    const Watch* watch;
    std::string reason;  // "mode is 0644, should be 0600"
    bool time;           // the clock says so
  };

  const JournalEntry* entry = nullptr;  // the last run; null: it never ran
  std::vector<Finding> findings;        // what its watches say
  bool files_differ = false;            // a file is another one than the last run, which did not fail, left
  // What its hosts over ssh said is not as the last run left it; never null.
  const Drift* drift = nullptr;
  std::string unknown;  // why nobody knows how it is there ("etcd-2 does not answer"); else empty
  std::vector<Cause> causes;
};

// A stamp is not synced, so a power cut can leave an empty one (or none, or an older one). To ninja that is
// as good as any, since it looks at times alone; to kplan it is none.
//
// One that is younger than the run that wrote it lies in a folder that was copied (`cp -r`). Ninja's own
// notes do not fit it, and take two runs of everything until they do; without it one is enough.
enum class StampSeen { kNone, kEmpty, kCopied, kWhole };

class TraversalSink {
 public:
  virtual ~TraversalSink() = default;

  // Whether STEP is looked at. It was done before when its stamp is whole.
  virtual bool Wants(StepId step, StampSeen stamp) = 0;
  // Whether STEP is asked what it would do: it reads what it reads when it runs.
  virtual bool Asks(StepId step, const StepSight& sight) = 0;
  // Called for each step that is looked at, after those before it. Where the step was not asked, FORECAST is
  // fresh, and has causes alone.
  virtual void Take(StepId step, const StepSight& sight, StepForecast forecast) = 0;
};

// Looks at everything below the current folder and on this machine, and at what the hosts over ssh have said;
// changes nothing. JOURNALS: those of the shards, as Graph::shards(). NOTES: what a step without a line
// there, and without a stamp, is taken for.
void Traverse(const Graph& graph, const std::vector<Journal>& journals, const HostSights& sights,
              absl::Time now, TraversalSink* sink, Notes notes = Notes::kKept);

std::vector<Journal> ReadJournals(const Graph& graph);

// Whether STEP's services run on this machine: whoever wants to know all asks it what they run with, whether
// or not anything was seen.
bool RunsServicesHere(const Step& step);

}  // namespace kplan

#endif  // KPLAN_LOOK_TRAVERSAL_H_
