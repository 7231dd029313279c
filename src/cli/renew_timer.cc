// kplan renew-timer: a timer of this machine's systemd that runs gen and ninja, so that what is due is
// renewed with nobody there. Only for who asks for it.

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/lower/compile.h"
#include "src/model/renewal_units.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_verify.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr char kUnitFolder[] = "/etc/systemd/system";

absl::StatusOr<std::string> RealPath(const std::string& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot find ", path));
  return real.string();
}

// The plan of FOLDER, which is real, by SPEC; all but the calendar.
absl::StatusOr<RenewalPlan> PlanOf(const std::string& folder, const std::string& spec) {
  RenewalPlan plan;
  plan.folder = folder;
  absl::StatusOr<std::string> spec_folder = RealPath(FolderOf(spec));
  if (!spec_folder.ok()) return spec_folder.status();
  plan.spec = (fs::path(*spec_folder) / fs::path(spec).filename()).lexically_relative(folder).string();
  absl::StatusOr<std::string> self = RealPath("/proc/self/exe");
  if (!self.ok()) return self.status();
  plan.kplan = *std::move(self);
  plan.ninja = FindProgram("ninja");
  if (plan.ninja.empty()) return absl::NotFoundError("there is no ninja in PATH");
  struct stat stat;
  if (::stat(folder.c_str(), &stat) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", folder));
  plan.owner = stat.st_uid;
  return plan;
}

// The first line of what a program said.
std::string FirstLine(const RunResult& result) {
  const std::string& text = result.err.empty() ? result.out : result.err;
  return Shown(text.substr(0, text.find('\n')));
}

absl::Status CheckCalendar(const std::string& calendar) {
  absl::StatusOr<RunResult> result = Run({"systemd-analyze", "calendar", "--", calendar});
  if (!result.ok()) return result.status();
  if (result->ok() && !calendar.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--calendar: ", Quote(calendar),
                   " is no time that systemd knows (systemd.time(7)): for example daily, or Mon 03:00"));
}

absl::Status Verify(const std::string& name, const RenewalUnits& units) {
  absl::StatusOr<std::vector<std::string>> complaints =
      UnitComplaints({{name + ".service", units.service}, {name + ".timer", units.timer}});
  if (!complaints.ok()) return complaints.status();
  if (complaints->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("systemd would not take the units, and none was installed:\n    ",
                   absl::StrJoin(*complaints, "\n    ")));
}

absl::Status CheckMachine() {
  if (access("/run/systemd/system", F_OK) != 0)  // sd_booted(3)
    return absl::FailedPreconditionError("this machine is not run by systemd, whose timer it would be");
  if (geteuid() != 0)
    return absl::PermissionDeniedError("a timer of the machine is root's to install: use sudo");
  return absl::OkStatus();
}

struct Paths {
  std::string service, timer;
};

Paths PathsOf(const std::string& name) {
  const std::string stem = absl::StrCat(kUnitFolder, "/", name);
  return {stem + ".service", stem + ".timer"};
}

absl::Status Install(const std::string& name, const RenewalUnits& units) {
  const std::string timer = name + ".timer";
  if (absl::Status status = Verify(name, units); !status.ok()) return status;
  const Paths paths = PathsOf(name);
  absl::StatusOr<bool> service_changed = WriteFileIfChanged(paths.service, units.service, 0644);
  if (!service_changed.ok()) return service_changed.status();
  absl::StatusOr<bool> timer_changed = WriteFileIfChanged(paths.timer, units.timer, 0644);
  if (!timer_changed.ok()) return timer_changed.status();
  // systemd keeps the service as it was read, also when the timer is not another one.
  if (absl::StatusOr<UnitState> service = LoadUnit(name + ".service"); !service.ok()) return service.status();
  absl::StatusOr<UnitState> state = PrepareUnit(timer);
  if (!state.ok()) return state.status();
  const bool active = state->active_state == "active";
  if (active && !*timer_changed) {
    PrintText(
        absl::StrCat(timer, ": ", *service_changed ? "its service is a new one" : "nothing to do", "\n"));
    return absl::OkStatus();
  }
  if (state = ActivateUnit(timer); !state.ok()) return state.status();
  auto shown = ShowProperties(timer, {"NextElapseUSecRealtime"});
  if (!shown.ok()) return shown.status();
  PrintText(absl::StrCat(timer, ": installed; next ", (*shown)["NextElapseUSecRealtime"], "\n"));
  return absl::OkStatus();
}

absl::Status Remove(const std::string& name) {
  const Paths paths = PathsOf(name);
  const std::string timer = name + ".timer";
  bool there = false;
  for (const std::string& path : {paths.timer, paths.service})
    there = there || access(path.c_str(), F_OK) == 0;
  if (!there) {
    PrintText(absl::StrCat(timer, ": is not installed\n"));
    return absl::OkStatus();
  }
  if (access(paths.timer.c_str(), F_OK) == 0) {
    if (absl::Status status = StopUnit(timer); !status.ok()) return status;
    if (absl::Status status = DisableUnit(timer); !status.ok()) return status;
    // When it ran last, which Persistent keeps.
    absl::StatusOr<RunResult> cleaned = Run({"systemctl", "clean", "--what=state", timer});
    if (!cleaned.ok()) return cleaned.status();
    if (!cleaned->ok()) return absl::InternalError(absl::StrCat("systemctl clean: ", FirstLine(*cleaned)));
  }
  // A run that is at work is let to its end.
  for (const std::string& path : {paths.timer, paths.service}) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", path));
  }
  for (const std::string& unit : {timer, name + ".service"}) {
    if (absl::Status status = ForgetUnit(unit); !status.ok()) return status;
  }
  PrintText(absl::StrCat(timer, ": removed\n"));
  return absl::OkStatus();
}

// Whether PATH has TEXT, in a word.
absl::string_view StateOf(const std::string& path, const std::string& text) {
  if (access(path.c_str(), F_OK) != 0) return "not installed";
  absl::StatusOr<std::string> content = ReadFile(path);
  return content.ok() && *content == text ? "installed" : "another one is installed";
}

void Show(const std::string& name, const RenewalUnits& units) {
  const Paths paths = PathsOf(name);
  for (const auto& [path, text] :
       {std::make_pair(paths.service, units.service), std::make_pair(paths.timer, units.timer)}) {
    PrintText(
        absl::StrCat(path == paths.timer ? "\n" : "", "# ", path, " (", StateOf(path, text), ")\n", text));
  }
}

}  // namespace

int RenewTimerCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("renew-timer", arguments)) return kExitUsage;
  const std::string& what = options.operands()[0];
  const std::vector<absl::string_view> words = {"install", "remove", "show"};
  if (std::find(words.begin(), words.end(), what) == words.end()) {
    return WrongUsage("renew-timer", absl::StrCat("it is install, remove or show, not ", Quote(what),
                                                  OrDidYouMean(what, words)));
  }
  const bool remove = what == "remove";
  if (remove == (options.operands().size() == 2))
    return WrongUsage("renew-timer", remove ? "remove takes no cluster.yaml" : "cluster.yaml is missing");
  if (what != "show") {
    if (absl::Status status = CheckMachine(); !status.ok()) return Fail(status.message());
  }
  absl::StatusOr<std::string> folder = RealPath(options.Value("-C").empty() ? "." : options.Value("-C"));
  if (!folder.ok()) return Fail(folder.status().message());
  absl::StatusOr<std::string> name = RenewalUnitName(*folder);
  if (!name.ok()) return Fail(name.status().message());
  if (remove) {
    absl::Status status = Remove(*name);
    return status.ok() ? kExitDone : Fail(status.message());
  }

  const std::string& spec = options.operands()[1];
  absl::StatusOr<SpecFile> file = SpecFile::Compile(spec);
  if (!file.ok()) return Fail(file.status().message());
  if (file->compiled() == nullptr) {
    Print(file->diagnostics());
    return kExitBadSpec;
  }
  absl::StatusOr<RenewalPlan> plan = PlanOf(*folder, spec);
  if (!plan.ok()) return Fail(plan.status().message());
  plan->calendar = options.Has("--calendar") ? options.Value("--calendar") : "daily";
  if (what == "install" || options.Has("--calendar")) {
    if (absl::Status status = CheckCalendar(plan->calendar); !status.ok()) return Fail(status.message());
  }
  absl::StatusOr<RenewalUnits> units = MakeRenewalUnits(*plan);
  if (!units.ok()) return Fail(units.status().message());
  if (what == "show") {
    Show(*name, *units);
    return kExitDone;
  }
  absl::Status status = Install(*name, *units);
  return status.ok() ? kExitDone : Fail(status.message());
}

}  // namespace kplan
