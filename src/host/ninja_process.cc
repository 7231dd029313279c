#include "src/host/ninja_process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/disk.h"
#include "src/base/fd.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

// More wrappers than that nobody has; a walk upwards ends anyway, at the first process.
constexpr int kMaxGenerations = 64;

bool IsNinja(const ProcessName& process) {
  const std::string exe = ExeOf(process.pid);
  return absl::StartsWith(process.name, "ninja") ||
         absl::StartsWith(absl::string_view(exe).substr(exe.rfind('/') + 1), "ninja");
}

// Whether the last line of ninja's log is about `gen`. Its fields: start, end, time, output, digest.
bool EndsWithGen(const std::string& log) {
  UniqueFd fd(disk::Open(log.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (!fd.ok() || fstat(fd.get(), &info) != 0) return false;
  char tail[4096];
  const off_t start = std::max<off_t>(0, info.st_size - static_cast<off_t>(sizeof(tail)));
  const ssize_t size = disk::ReadAt(fd.get(), tail, sizeof(tail), start);
  if (size <= 0) return false;
  absl::string_view text(tail, static_cast<size_t>(size));
  if (!absl::ConsumeSuffix(&text, "\n")) return false;
  const absl::string_view line = text.substr(text.rfind('\n') + 1);
  return absl::StrContains(line, absl::StrCat("\t", paths::kGenStamp, "\t"));
}

// A log that is not there has nothing that was missed.
bool ChangedSince(const std::string& log, const Instance& ninja) {
  absl::StatusOr<bool> unchanged = UnchangedSinceStart(log, ninja);
  return unchanged.ok() ? !*unchanged : !absl::IsNotFound(unchanged.status());
}

}  // namespace

std::optional<Instance> FindNinja() {
  pid_t pid = getppid();
  for (int generation = 0; generation < kMaxGenerations && pid > 0; ++generation) {
    const std::optional<ProcessName> process = NameOf(pid);
    if (!process.has_value()) return std::nullopt;
    if (IsNinja(*process)) return FindInstance(pid);
    pid = process->parent;
  }
  return std::nullopt;
}

bool NinjaIsBehind(const Instance& ninja) {
  return ChangedSince(paths::kNinjaDeps, ninja) ||
         (ChangedSince(paths::kNinjaLog, ninja) && !EndsWithGen(paths::kNinjaLog));
}

}  // namespace kplan
