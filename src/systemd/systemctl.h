#ifndef KPLAN_SYSTEMD_SYSTEMCTL_H_
#define KPLAN_SYSTEMD_SYSTEMCTL_H_

// systemd's units, through systemctl (systemd 252). NAME is the name of a service ("etcd"), or the full one
// of another unit ("backup.timer"; FullUnitName).

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/clock.h"

namespace kplan {

// What `systemctl show` says of a unit, in its words.
struct UnitState {
  std::string load_state;    // loaded, not-found, bad-setting, error, masked
  std::string load_error;    // systemd's own text, when it could not load the unit
  std::string active_state;  // active, reloading, inactive, failed, activating, deactivating
  std::string sub_state;     // running, dead, auto-restart, ...
  std::string result;        // success, exit-code, signal, timeout, start-limit-hit, ...
  std::string invocation;    // a new one each time the unit is started
  std::string fragment;      // the path of its file that systemd has read; empty: it has read none
  // Its file, or its drop-ins, are others than those that systemd has read (unit_files.h).
  bool needs_daemon_reload = false;
  std::vector<std::string> drop_ins;  // paths of those that it has read
  uint64_t began = 0;                 // microseconds after boot, when it was last inactive no more; 0: never
  pid_t main_pid = 0;
  int64_t restarts = 0;     // by Restart=, since somebody started it
  int64_t exit_status = 0;  // of the last run of the main process

  std::string Describe() const;  // "ActiveState=failed SubState=failed Result=exit-code ..."
};

// OUTPUT is what `systemctl show -p ...` prints: NAME=value lines, in any order. DataLoss when one that is
// needed is missing.
absl::StatusOr<UnitState> ParseUnitState(absl::string_view output);

absl::StatusOr<UnitState> ShowUnit(const std::string& name);

// Makes systemd know the unit as it is on disk: daemon-reload, when it is needed. The result is the state
// before the service is touched; needs_daemon_reload says that what runs may be of the unit before. Errors
// carry systemd's own text: the unit is masked, not there, has a bad setting.
absl::StatusOr<UnitState> LoadUnit(const std::string& name);

// As LoadUnit, and has it started at boot: enable, when it is needed.
absl::StatusOr<UnitState> PrepareUnit(const std::string& name);

// Has systemd read the unit again where it has it as it was before; does nothing where systemd does not run,
// and for a template ("worker@.service"), of which systemd has the instances alone.
absl::Status ReadUnitAgain(const std::string& name);

// The state that LoadUnit would find, and nothing done to it. FILE_TO_COME: the unit's file is going to be
// written before, and what is wrong with it now says nothing.
absl::StatusOr<UnitState> LookAtUnit(const std::string& name, bool file_to_come);

// The links by which the unit is enabled (/etc/systemd/system/multi-user.target.wants/NAME.service): what
// `systemctl disable` takes away. Sorted; empty for a unit without [Install].
std::vector<std::string> EnablementLinks(const std::string& name);

// Starts the unit, or restarts it when it runs, without waiting for it: AwaitUnit does, with a bound and a
// reason.
absl::Status RestartUnit(const std::string& name);

// `systemctl reload` and `try-restart`, which does nothing when the unit does not run; both return when
// systemd says that it is done. Aborted with systemd's text (the unit has no ExecReload) and the journal's
// last lines.
absl::Status ReloadUnit(const std::string& name);
absl::Status TryRestartUnit(const std::string& name);

enum class UnitPhase {
  kStarted,  // its main process is there, and may not be ready yet
  kActive,
};

// Waits until the unit is in PHASE in another invocation than OLD_INVOCATION (empty: any). Of one that is
// between two tries (Restart=), that of the try before is passed, and the next one counts. Fails as soon as
// systemd says that the service failed, also when it is going to try again; the message has its state and
// last log lines.
absl::StatusOr<UnitState> AwaitUnit(const std::string& name, const std::string& old_invocation,
                                    UnitPhase phase, absl::Time deadline, Clock* clock = Clock::Real());

// PROPERTIES of the unit by their names, as `systemctl show` shows them; without those that it does not know.
absl::StatusOr<std::map<std::string, std::string>> ShowProperties(const std::string& name,
                                                                  const std::vector<std::string>& properties);

// Starts the unit, or restarts it when it is active, and waits until that is done; for units other than
// services, and services that do something at their start and end. The result is the state after it, which is
// not failed. The services that a socket starts are stopped before.
absl::StatusOr<UnitState> ActivateUnit(const std::string& name);

absl::StatusOr<bool> UnitIsActive(const std::string& name);
// Why the unit is not as it should be when nobody touches it: it is not active, or systemd has not read it as
// it is on disk; else "".
absl::StatusOr<std::string> WhyUnitIsStale(const std::string& name);
absl::Status StopUnit(const std::string& name);

// Takes away what starts the unit at boot, also when its file is gone already.
absl::Status DisableUnit(const std::string& name);

// Whether this machine was booted with systemd (sd_booted(3)).
bool IsBootedWithSystemd();

// systemctl daemon-reload.
absl::Status ReadUnitsAgain();

// To be called when the file of a unit was removed: daemon-reload, and its failure, if it had one, is
// forgotten. Does nothing where systemd does not run (sd_booted(3)).
absl::Status ForgetUnit(const std::string& name);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_SYSTEMCTL_H_
