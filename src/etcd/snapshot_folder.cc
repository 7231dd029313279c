#include "src/etcd/snapshot_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/disk.h"

namespace kplan {
namespace {

constexpr char kTimeFormat[] = "%E4Y%m%dT%H%M%E3SZ";  // 20261122T205905.123Z
constexpr char kBeforeRestart[] = "-before-restart";

UniqueFd OpenOwnFolder(const std::string& path) {
  return UniqueFd(disk::Open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? ErrnoStatus(error.value(), absl::StrCat("cannot remove ", path)) : absl::OkStatus();
}

absl::Status SyncFolder(const std::string& folder) {
  UniqueFd fd = OpenOwnFolder(folder);
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", folder));
  return disk::Sync(fd.get()) == 0 ? absl::OkStatus()
                                   : ErrnoStatus(errno, absl::StrCat("cannot sync the folder ", folder));
}

}  // namespace

std::string SnapshotName::ToString() const {
  return absl::StrCat(cluster_id, "-", absl::FormatTime(kTimeFormat, taken, absl::UTCTimeZone()), "-r",
                      revision, before_restart ? kBeforeRestart : "", ".db");
}

std::optional<SnapshotName> ParseSnapshotName(absl::string_view text) {
  absl::string_view rest = text;
  SnapshotName name;
  if (!absl::ConsumeSuffix(&rest, ".db")) return std::nullopt;
  name.before_restart = absl::ConsumeSuffix(&rest, kBeforeRestart);
  const std::vector<std::string> parts = absl::StrSplit(rest, '-');
  if (parts.size() != 3 || parts[0].empty() || parts[0].size() > 16 || parts[2].empty()) return std::nullopt;
  const bool hex = std::all_of(parts[0].begin(), parts[0].end(),
                               [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
  std::string error;
  if (!hex || !absl::ParseTime(kTimeFormat, parts[1], absl::UTCTimeZone(), &name.taken, &error) ||
      !absl::SimpleAtoi(absl::string_view(parts[2]).substr(1), &name.revision)) {
    return std::nullopt;
  }
  name.cluster_id = parts[0];
  // What is read more generously than it is written is somebody else's.
  if (name.ToString() != text) return std::nullopt;
  return name;
}

absl::StatusOr<SavingFolder> SavingFolder::Make(const std::string& parent, const std::string& prefix) {
  absl::StatusOr<std::vector<std::string>> names = ListFolder(parent);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, prefix)) continue;
    const std::string path = absl::StrCat(parent, "/", name);
    UniqueFd old = OpenOwnFolder(path);
    // Whoever saves into it holds the lock.
    if (!old.ok() || disk::Lock(old.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (absl::Status status = RemoveTree(path); !status.ok()) return status;
  }
  for (;;) {
    std::string path = absl::StrCat(parent, "/", prefix, "XXXXXX");
    if (mkdtemp(&path[0]) == nullptr)
      return ErrnoStatus(errno, absl::StrCat("cannot make a folder in ", parent));
    UniqueFd lock = OpenOwnFolder(path);
    // Between the two another kplan may have taken it for one that was left: then it is gone, or locked.
    if (!lock.ok() && errno == ENOENT) continue;
    if (!lock.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", path));
    if (disk::Lock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) continue;
      return ErrnoStatus(errno, absl::StrCat("cannot lock the folder ", path));
    }
    struct stat locked, there;
    if (fstat(lock.get(), &locked) == 0 && lstat(path.c_str(), &there) == 0 && locked.st_ino == there.st_ino)
      return SavingFolder(std::move(path), std::move(lock));
  }
}

SavingFolder::~SavingFolder() {
  if (!lock_.ok()) return;          // moved from
  RemoveTree(path_).IgnoreError();  // what stays is removed by the next
}

absl::Status SavingFolder::Keep(const std::string& name, const std::string& path) const {
  const std::string from = absl::StrCat(path_, "/", name);
  UniqueFd fd(disk::Open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", from));
  if (fchmod(fd.get(), 0600) != 0 || disk::Sync(fd.get()) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot sync ", from));
  if (disk::Rename(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
    // A file system without that flag: no name of ours is taken by chance, and who chose one was asked.
    if (errno != EINVAL) return ErrnoStatus(errno, absl::StrCat("cannot name it ", path));
    if (link(from.c_str(), path.c_str()) != 0)
      return ErrnoStatus(errno, absl::StrCat("cannot name it ", path));
  }
  return SyncFolder(FolderOf(path));
}

absl::Status MakeSnapshotFolder(const std::string& folder) {
  if (absl::Status status = MakeFolders(FolderOf(folder)); !status.ok()) return status;
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", folder));
  UniqueFd fd = OpenOwnFolder(folder);
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat(folder, " has to be a folder for snapshots"));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, folder);
  if (info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " belongs to user ", info.st_uid,
                     ", and snapshots hold every secret of the cluster: give it to ", "user ", geteuid(),
                     ", or move it away"));
  }
  if ((info.st_mode & 077) != 0 && fchmod(fd.get(), 0700) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot make ", folder, " private"));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListSnapshots(const std::string& folder,
                                                       const std::string& cluster_id, bool before_restart) {
  absl::StatusOr<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.status();
  std::vector<std::string> ours;
  for (const std::string& name : *names) {
    std::optional<SnapshotName> parsed = ParseSnapshotName(name);
    if (!parsed.has_value() || parsed->cluster_id != cluster_id || parsed->before_restart != before_restart)
      continue;
    struct stat info;
    if (lstat(absl::StrCat(folder, "/", name).c_str(), &info) == 0 && S_ISREG(info.st_mode))
      ours.push_back(name);
  }
  std::sort(ours.begin(), ours.end());
  return ours;
}

absl::StatusOr<std::vector<std::string>> RemoveOldSnapshots(const std::string& folder,
                                                            const std::string& newest, int keep) {
  std::optional<SnapshotName> name = ParseSnapshotName(newest);
  if (!name.has_value()) return absl::InternalError(absl::StrCat(newest, " is no name of a snapshot"));
  absl::StatusOr<std::vector<std::string>> all =
      ListSnapshots(folder, name->cluster_id, name->before_restart);
  if (!all.ok()) return all.status();
  all->erase(std::remove(all->begin(), all->end(), newest), all->end());
  const size_t others = static_cast<size_t>(std::max(keep, 1)) - 1;
  std::vector<std::string> removed;
  for (size_t i = 0; i + others < all->size(); ++i) {
    const std::string path = absl::StrCat(folder, "/", (*all)[i]);
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", path));
    removed.push_back((*all)[i]);
  }
  return removed;
}

}  // namespace kplan
