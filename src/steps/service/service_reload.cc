#include "src/steps/service/service_reload.h"

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

constexpr size_t kMaxUnit = 1 << 20;

// Whether PID has a handler of its own for SIGNAL (proc(5), SigCgt).
absl::StatusOr<bool> Heeds(pid_t pid, int signal_number) {
  absl::StatusOr<std::string> status = ReadFile(absl::StrCat("/proc/", pid, "/status"), size_t{1} << 16);
  if (!status.ok()) return status.status();
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::ConsumePrefix(&line, "SigCgt:")) continue;
    uint64_t caught = 0;
    if (!absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &caught)) break;
    return (caught >> (signal_number - 1) & 1) != 0;
  }
  return absl::DataLossError(absl::StrCat("/proc/", pid, "/status does not say which signals it heeds"));
}

absl::Status HasEnded(const std::string& name) {
  return absl::AbortedError(absl::StrCat(name, " ended before it could be told to read its files again"));
}

}  // namespace

absl::Status HeedsReload(const std::string& name, const Instance& instance) {
  absl::StatusOr<bool> heeds = Heeds(instance.pid, SIGHUP);
  // What was read is about this instance only if that is still there.
  const std::optional<Instance> now = FindInstance(instance.pid);
  if (!now.has_value() || !(*now == instance)) return HasEnded(name);
  if (!heeds.ok()) return heeds.status();
  if (*heeds) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(name, " (process ", instance.pid,
                   ") does not handle SIGHUP, which would end it: it cannot read its files again while it "
                   "runs; write on-change: restart"));
}

absl::Status ReloadProcess(const std::string& name, const Instance& instance) {
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(instance);
  if (absl::IsNotFound(process.status())) return HasEnded(name);
  if (!process.ok()) return process.status();
  if (absl::Status status = HeedsReload(name, instance); !status.ok()) return status;
  return process->Signal(SIGHUP);
}

absl::StatusOr<UnitState> PrepareUnitOfOthers(const ServiceSpec& service) {
  const std::string& name = service.process.name;
  absl::StatusOr<UnitState> state = LoadUnit(name);
  if (!state.ok()) return state;
  // Links of a time when it was started by itself would start it at boot.
  if (EnablementLinks(name).empty()) return state;
  absl::StatusOr<std::string> text = ReadFile(PathFromHere(service.process.root, service.unit), kMaxUnit);
  if (!text.ok()) return text.status();
  if (absl::StrContains(absl::StrCat("\n", *text), "\n[Install]")) return state;
  if (absl::Status status = DisableUnit(name); !status.ok()) return status;
  return state;
}

}  // namespace kplan
