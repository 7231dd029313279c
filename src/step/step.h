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

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/record.h"

namespace kplan {

class HostAccess;

struct StepContext {
  std::string label;            // "cert/kubernetes": for messages
  absl::Time now;               // the clock; tests set it
  HostAccess* hosts = nullptr;  // for the steps that are about several hosts (host_access.h)
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
};

using StepFunction = absl::StatusOr<StepResult> (*)(const StepContext&, const Record&);

// Each in the file of its name; the record's keys are described there.
absl::StatusOr<StepResult> KeyStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> CsrStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> CaCertStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> CertStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> AdoptCaStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> RequestsStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> CrlStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> BundleStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> FetchStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> UnpackStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> RenderStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> DirStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> InstallStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> InstallPairStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> SourceStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> SysusersStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> UnitStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> ActivateStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> ServiceStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> CheckStep(const StepContext&, const Record&);

}  // namespace kplan

#endif  // KPLAN_STEP_STEP_H_
