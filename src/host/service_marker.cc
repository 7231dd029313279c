#include "src/host/service_marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/host/content_digest.h"
#include "src/host/host_file.h"
#include "src/host/waiting_file.h"

namespace kplan {
namespace {

constexpr char kMarkerFolder[] = "/run/kplan";
constexpr size_t kMaxMarkerBytes = 1 << 20;

std::string StatText(const struct stat& info) {
  return absl::StrCat(info.st_dev, " ", info.st_ino, " ", info.st_size, " ",
                      absl::ToUnixNanos(absl::TimeFromTimespec(info.st_mtim)), " ",
                      absl::ToUnixNanos(absl::TimeFromTimespec(info.st_ctim)));
}

// A file that changed a moment ago can change again without its times moving (their clock has steps), and a
// file system that keeps whole seconds has steps too coarse to rely on: such a stat says nothing about the
// content later.
bool StatCanBeTrusted(const struct stat& info) {
  return info.st_ctim.tv_nsec != 0 &&
         absl::TimeFromTimespec(info.st_ctim) + absl::Milliseconds(100) < absl::Now();
}

absl::StatusOr<FileSeen> LookAtFile(const std::string& path, const FileSeen* known) {
  // A file that is being replaced while it is read is looked at again.
  for (int tries = 0; tries < 10; ++tries) {
    struct stat before, after;
    if (stat(path.c_str(), &before) != 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    FileSeen seen;
    seen.stat = StatText(before);
    seen.open = (before.st_mode & S_IROTH) != 0;
    if (known != nullptr && !known->stat.empty() && known->stat == seen.stat) {
      seen.sha256 = known->sha256;
      return seen;
    }
    absl::StatusOr<std::string> digest = DigestForMarker(path, seen.open);
    if (!digest.ok()) return digest.status();
    seen.sha256 = *std::move(digest);
    if (stat(path.c_str(), &after) != 0 || StatText(after) != seen.stat) continue;
    if (!StatCanBeTrusted(before)) seen.stat.clear();
    return seen;
  }
  return absl::AbortedError(absl::StrCat(path, " keeps changing"));
}

// As it stands in the file.
struct MarkerFile {
  int64_t begun_ticks = 0;
  std::string boot, command, exe, instance, replaces;
  StringPairs digests, stats;  // by path inside the root

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("begun-ticks", self.begun_ticks);
    fields.Always("boot", self.boot);
    fields.Always("command", self.command);
    fields.Always("exe", self.exe);
    fields.Always("files", self.digests);
    fields.Always("instance", self.instance);
    fields.Always("replaces", self.replaces);
    fields.Always("stats", self.stats);
  }
};

}  // namespace

absl::StatusOr<std::string> RealRoot(const std::string& root) {
  std::unique_ptr<char, void (*)(void*)> real(realpath(root.c_str(), nullptr), free);
  if (real != nullptr) return std::string(real.get());
  return absl::FailedPreconditionError(absl::StrCat("the host's root ", root, ": ", strerror(errno)));
}

bool ServiceMarker::IsAbout(const Instance& running) const {
  if (!instance.empty()) return instance == running.ToString();
  return running.boot == boot && running.start_ticks >= begun_ticks && running.ToString() != replaces;
}

std::string MarkerPath(absl::string_view root, absl::string_view name) {
  return PathFromHere(root, absl::StrCat(kMarkerFolder, "/", name, ".started"));
}

std::string PidFilePath(absl::string_view root, absl::string_view name) {
  return PathFromHere(root, absl::StrCat("/run/", name, ".pid"));
}

std::optional<ServiceMarker> ReadMarker(const std::string& root, const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(MarkerPath(root, name), kMaxMarkerBytes);
  if (!text.ok()) return std::nullopt;
  absl::StatusOr<MarkerFile> file = FromText<MarkerFile>(*text);
  if (!file.ok()) return std::nullopt;
  ServiceMarker marker;
  marker.begun_ticks = static_cast<uint64_t>(file->begun_ticks);
  marker.boot = file->boot;
  marker.command = file->command;
  marker.exe = file->exe;
  marker.instance = file->instance;
  marker.replaces = file->replaces;
  for (const auto& [path, digest] : file->digests) marker.files[path].sha256 = digest;
  for (const auto& [path, stat] : file->stats) marker.files[path].stat = stat;
  return marker;
}

absl::Status WriteMarker(const std::string& root, const std::string& name, const ServiceMarker& marker) {
  MarkerFile content;
  content.begun_ticks = static_cast<int64_t>(marker.begun_ticks);
  content.boot = marker.boot;
  content.command = marker.command;
  content.exe = marker.exe;
  content.instance = marker.instance;
  content.replaces = marker.replaces;
  for (const auto& [path, seen] : marker.files) {
    content.digests.emplace_back(path, seen.sha256);
    content.stats.emplace_back(path, seen.stat);
  }
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, kMarkerFolder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  const bool open = std::all_of(marker.files.begin(), marker.files.end(),
                                [](const auto& file) { return file.second.open; });
  absl::StatusOr<PendingFile> file =
      PendingFile::Create(folder->get(), absl::StrCat(name, ".started"), open ? 0644 : 0600);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(absl::StrCat(ToText(content), "\n")); !status.ok()) return status;
  return file->Commit();
}

absl::StatusOr<UniqueFd> LockService(const std::string& root, const std::string& name) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, kMarkerFolder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  for (;;) {
    UniqueFd lock(disk::OpenAt(folder->get(), absl::StrCat(name, ".lock").c_str(),
                               O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!lock.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the lock of ", name));
    // Its holder is a step, and those end by their own timeouts.
    if (absl::Status status = AwaitLock(lock.get(), LOCK_EX, name); !status.ok()) return status;
    // Whoever had it may have retired the service, and the lock's name with it.
    struct stat info;
    if (fstat(lock.get(), &info) != 0) return ErrnoStatus(errno, "cannot look at a lock");
    if (info.st_nlink > 0) return lock;
  }
}

absl::StatusOr<std::string> DigestForMarker(const std::string& path, bool open) {
  return open ? Sha256HexOfFile(path) : ContentDigest(path);
}

absl::StatusOr<std::map<std::string, FileSeen>> LookAtFiles(const std::string& root,
                                                            const std::vector<std::string>& paths,
                                                            const std::map<std::string, FileSeen>& known) {
  std::map<std::string, FileSeen> files;
  for (const std::string& path : paths) {
    auto it = known.find(path);
    const std::string file = HasWaiting(root, path) ? WaitingPath(path) : path;
    absl::StatusOr<FileSeen> seen =
        LookAtFile(PathFromHere(root, file), it == known.end() ? nullptr : &it->second);
    if (!seen.ok()) return seen.status();
    files[path] = *std::move(seen);
  }
  return files;
}

std::optional<Instance> InstanceOfPidFile(const std::string& root, const std::string& name,
                                          absl::string_view exe) {
  absl::StatusOr<std::string> text = ReadFile(PidFilePath(root, name), 64);
  pid_t pid = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &pid) || pid <= 0)
    return std::nullopt;
  std::optional<Instance> instance = FindInstance(pid);
  if (!instance.has_value() || exe.empty() || ExeOf(pid) != exe) return std::nullopt;
  // Even then the number may have gone from our process to another one of the same program. The marker knows
  // its instance; and a pid file is written after its process was started, so a process that is younger is
  // not its own.
  std::optional<ServiceMarker> marker = ReadMarker(root, name);
  if (marker.has_value() && marker->instance == instance->ToString()) return instance;
  absl::StatusOr<bool> younger = UnchangedSinceStart(PidFilePath(root, name), *instance);
  if (!younger.ok() || *younger) return std::nullopt;
  return instance;
}

}  // namespace kplan
