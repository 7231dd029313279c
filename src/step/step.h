#ifndef KPLAN_STEP_STEP_H_
#define KPLAN_STEP_STEP_H_

// What every kind of step has in common. A step makes one artifact from its record:
//
//   1. look at the artifact; when it is what the record asks for, change nothing (no write, no new mtime);
//   2. otherwise make it again, for a reason that can be named ("missing", "key does not match", "SAN
//   differs: ...");
//   3. return the digest of its public parts and the files that show whether it still stands.
//
// Steps print nothing: what a person should read is in StepResult, what went wrong is in the Status. The
// caller (cli/step.cc) writes the depfile and the stamp. Paths in a record are relative to the working folder
// (DIR), but for those that are paths inside a host's root.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/base/fields.h"
#include "src/step/any_record.h"

namespace kplan {

class HostAccess;

struct StepContext {
  std::string label;             // "cert/kubernetes": for messages
  absl::Time now;                // of the whole step; tests set it
  HostAccess* hosts = nullptr;   // for the steps that are about several hosts (host_access.h)
  Clock* clock = Clock::Real();  // for the steps that wait
  // Given, it is called with a line for the person at once, by the steps that go on for minutes; what it was
  // told is not in StepResult::output again.
  std::function<void(const std::string&)> tell = {};
};

struct StepResult {
  // Lower-case hex SHA-256 over the artifact's public parts: the content of the stamp. Everything that
  // depends on this artifact is stale exactly when this changes.
  std::string digest;
  // The files that are the artifact (and nothing that other steps make): ninja runs the step again when one
  // is gone or newer than the stamp.
  std::vector<std::string> files;
  // Why it was made again, for the person ("missing", "mode was 0644, is 0600"); empty when it was already
  // right.
  std::string reason;
  // Further lines for the person (verify's member line); usually empty.
  std::string output;
  // The file beside its place in which the artifact waits for its service (host/waiting_file.h); "": it is in
  // place. While it waits, what depends on it has to run, though the digest may be the one of before.
  std::string waiting = {};
  // Of a service: what ran before runs on.
  bool runs_on = false;
};

// A step's record is the struct of its kind, which says what is in it.
#define KPLAN_KIND(Name, ...) absl::StatusOr<StepResult> Name##Step(const StepContext&, const Name##Record&);
#define KPLAN_REMOTE_KIND KPLAN_KIND
#include "src/step/kinds.def"

// Any of these, with the record as it is kept. DataLoss when RECORD lacks something.
using StepFunction = absl::StatusOr<StepResult> (*)(const StepContext&, const Json& record);

template <typename R, absl::StatusOr<StepResult> (*step)(const StepContext&, const R&)>
absl::StatusOr<StepResult> RunAs(const StepContext& context, const Json& json) {
  absl::StatusOr<R> record = FromJson<R>(json);
  if (!record.ok()) return record.status();
  return step(context, *record);
}

}  // namespace kplan

#endif  // KPLAN_STEP_STEP_H_
