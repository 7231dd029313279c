#ifndef KPLAN_LOOK_ROLLOUT_LOOK_H_
#define KPLAN_LOOK_ROLLOUT_LOOK_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/contact.h"
#include "src/look/notes.h"
#include "src/look/old_records.h"
#include "src/step/any_record.h"
#include "src/step/outlook.h"

namespace kplan {

// What differs between the commands and environments that two records start a service with.
std::vector<Change> CommandChangesOf(const ServiceRecord& from, const ServiceRecord& to);

// What becomes of the services over ssh that the rollout STEP is about: what their hosts say in SIGHTS that
// would be done to them as they are, and what the files bring that are going to be written before. Of a
// service whose host was not asked, or did not answer, this is known: it is restarted when a file that it is
// restarted for is going to be another one, or has become another one since the last rollout that came to its
// end; it is started when none of kplan's rollouts ever started it.
//
// FORESEEN has the files that the steps before will deliver, by "HOST:/path". STAMP_TIMES: when the stamp of
// each step became what it is, Unix milliseconds, by StepId. ENTRY: the last run of STEP; null: none.
// OUTLOOK is that of the step itself, with the services of this machine: theirs stay, and those over ssh are
// put in their places. NOTES: where there are none, a rollout of which nothing is known is taken for one that
// was done; with Notes::kElsewhere no service is this machine's. FailedPrecondition, as the step, when one
// would be started at an address that another process of its host has.
absl::Status LookAtServicesOverSsh(const Graph& graph, StepId step, const HostSights& sights,
                                   const Foreseen& foreseen, const std::vector<int64_t>& stamp_times,
                                   const JournalEntry* entry, Notes notes, OldRecords* old, Outlook* outlook);

// The same of a service or a unit over ssh with a step of its own.
absl::StatusOr<Outlook> LookAtServiceOverSsh(const Graph& graph, StepId step, const HostSights& sights,
                                             const Foreseen& foreseen,
                                             const std::vector<int64_t>& stamp_times,
                                             const JournalEntry* entry, Notes notes, OldRecords* old);

}  // namespace kplan

#endif  // KPLAN_LOOK_ROLLOUT_LOOK_H_
