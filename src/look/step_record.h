#ifndef KPLAN_LOOK_STEP_RECORD_H_
#define KPLAN_LOOK_STEP_RECORD_H_

// What is to be known of a step of a graph. There may be a hundred thousand of them: what the graph says is
// taken from there, and no record is parsed for it.

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "src/base/fields.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"

namespace kplan {

// Whether STEP is done by an agent: on a host over ssh, or by root on this one. What such a step says of
// paths is about what the agent sees, and nothing is to be looked for here. Steps that ask hosts from here
// are none.
bool IsDoneOverSsh(const Step& step);

// The host over ssh on which STEP is done, or, of StepKind::kHost, which it is about; "" for all others.
std::string SshHostOf(const Graph& graph, const Step& step);

// Whether ENTRY, the last run of STEP (null: none), did it by the record that it has now.
inline bool WasDone(const Step& step, const JournalEntry* entry) {
  return entry != nullptr && !entry->failed && !entry->digest.empty() && entry->record == step.digest();
}

// The record of STEP, which is of the kind of R; one that says nothing when it is not.
template <typename R>
R RecordOf(const Step& step) {
  absl::StatusOr<R> record = FromText<R>(step.record);
  return record.ok() ? *std::move(record) : R();
}

}  // namespace kplan

#endif  // KPLAN_LOOK_STEP_RECORD_H_
