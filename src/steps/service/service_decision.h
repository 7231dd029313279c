#ifndef KPLAN_STEPS_SERVICE_SERVICE_DECISION_H_
#define KPLAN_STEPS_SERVICE_SERVICE_DECISION_H_

// Whether a service has to be started, or started again, and why: what the step acts on and its look tells.
// How it is known what a service was started with is described in service.cc.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/reason.h"
#include "src/host/process_manager.h"
#include "src/host/service_marker.h"
#include "src/step/service_records.h"

namespace kplan {

struct ServiceSpec {
  std::string manager, root, unit;
  StringPairs argv;  // as in the record
  std::vector<std::string> answers;
  // Paths inside the root: it is started again, or told to read them again, when one of them changed.
  std::vector<std::string> restart_on, reload_on;
  absl::Duration timeout;
  // Only started, and not waited for: the first members of a cluster answer when there is a quorum of them.
  bool await_start = false;
  // Another unit starts it (a timer, a socket): it is neither started nor enabled here.
  bool by_unit = false;
  ProcessSpec process;  // root, name, the real argv, environment
  // A file with more of the environment (systemd/environment_file.h), on this machine; empty: none.
  std::string environment_file;

  // ROOT_TO_COME: the root need not be there yet, because a step before will make it; then `process` has it
  // as it is in the record.
  static absl::StatusOr<ServiceSpec> From(const ServiceRecord& record, bool root_to_come = false);

  // restart_on, then reload_on.
  std::vector<std::string> Watched() const;
};

struct RunningService {
  std::optional<Instance> instance;
  // systemd only:
  std::string invocation;
  bool active = false;
  bool unit_changed = false;  // the unit on disk is newer than the one that systemd had
  // Of one without a main process that is on its way up by itself: it does what comes before that
  // (ExecStartPre=), or is between two tries (Restart=). When it began (unit_beginning.h).
  std::optional<Instance> coming_up;
  bool between_tries = false;  // the second
};

// What a start now would write into the marker. FILES: those of Watched(); an empty digest is one that is not
// known yet, and other than every other.
ServiceMarker WantedMarker(const ServiceSpec& service, std::map<std::string, FileSeen> files);

// That PATH, a file of a service, changed, in the words of what it is to the service with ARGV and UNIT.
Reason FileChanged(const StringPairs& argv, const std::string& unit, const std::string& path);

// A program that writes its title where its arguments were ("nginx: master process ...") cannot be asked what
// it was started with. ARGV: as it is now; WANTED: as the record has it.
bool IsTitle(const std::vector<std::string>& argv, const std::vector<std::string>& wanted);

struct ServiceDecision {
  // Why it is started, or started again; empty: what runs stays, and what is on its way up is waited for.
  std::vector<Reason> reasons;
  std::vector<Reason> reload;       // why one that stays has to read files again
  std::vector<std::string> unread;  // which: those of reload_on that it may have read as they were before
  bool known = false;               // the marker is about what runs
};

// REWRITTEN: the files of Watched() that a step before is going to write, or that wait to be put in place.
// Errors: what runs cannot be looked at.
absl::StatusOr<ServiceDecision> DecideOnService(const ServiceSpec& service, const RunningService& running,
                                                const std::optional<ServiceMarker>& marker,
                                                const ServiceMarker& wanted,
                                                const std::set<std::string>& rewritten = {});

// The same for ServiceRecord::only: WANTED has these files alone. What else the instance was started with
// does not matter, and one that does not run is started with what is there.
absl::StatusOr<ServiceDecision> DecideOnPart(const ServiceSpec& service, const RunningService& running,
                                             const std::optional<ServiceMarker>& marker,
                                             const ServiceMarker& wanted);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_DECISION_H_
