#include "src/look/unasked.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/record.h"

namespace kplan {
namespace {

constexpr size_t kMaxUnasked = 4 << 20;

// Older than whatever ninja notes. (0 is for ninja a file that is not there.)
constexpr time_t kOld = 1;

absl::Status SetTime(const char* path, time_t seconds) {
  const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
  if (utimensat(AT_FDCWD, path, times, 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot set the time of ", path));
}

bool IsThere(const char* path) {
  struct stat info;
  return stat(path, &info) == 0;
}

// Whether there is nothing to say already: the time says so, and nothing need be written.
bool SaysNothing() {
  struct stat info;
  return stat(paths::kUnasked, &info) == 0 && info.st_mtim.tv_sec == kOld;
}

}  // namespace

Unasked UnaskedOf(const HostSights& sights) {
  Unasked unasked;
  for (const HostVisit& visit : sights.visits()) {
    if (visit.answer == HostVisit::Answer::kSilent) unasked.silent.push_back({visit.host, visit.problem});
  }
  unasked.rest = sights.SummaryOfUnasked();
  return unasked;
}

absl::Status WriteUnasked(const Unasked& unasked) {
  absl::Status status;
  if (!unasked.empty() || !SaysNothing()) {
    // Scratch: after a power cut the next look writes it again.
    status = WriteScratchFile(paths::kUnasked, ToText(unasked), kPrivateFile);
    if (status.ok() && unasked.empty()) status = SetTime(paths::kUnasked, kOld);
  }
  if (status.ok() && !IsThere(paths::kAsked)) status = MarkAsked();
  return status;
}

absl::Status KeepUnasked() {
  if (!IsThere(paths::kUnasked)) return WriteUnasked({});
  return IsThere(paths::kAsked) ? absl::OkStatus() : MarkAsked();
}

absl::StatusOr<Unasked> ReadUnasked() {
  absl::StatusOr<std::string> text = ReadFile(paths::kUnasked, kMaxUnasked);
  if (!text.ok()) return text.status();
  return FromText<Unasked>(*text);
}

absl::Status MarkAsked() { return WriteScratchFile(paths::kAsked, "", kPrivateFile); }

}  // namespace kplan
