#include "src/host/artifact_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/disk.h"

namespace kplan {
namespace {

constexpr mode_t kPermissions = 07777;

// Opens PATH, follows a link (an operator may keep a key elsewhere), and says what it is. O_PATH would do
// without read permission but takes no fchmod.
absl::StatusOr<UniqueFd> OpenRegular(const std::string& path, struct stat* info) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  if (fstat(fd.get(), info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info->st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  return fd;
}

// A file's attributes as they are and as they have to be.
struct Attributes {
  mode_t was = 0, is = 0;
  bool give = false;  // to the owner of its folder, `uid` and `gid`
  uid_t owner = 0, uid = 0;
  gid_t gid = 0;

  std::vector<FileDifference> Differences() const {
    std::vector<FileDifference> differences;
    auto add = [&differences](absl::string_view name, absl::string_view unit, std::string from,
                              std::string to) {
      std::string text = absl::StrCat(name, " was ", unit, from, ", is ", to);
      differences.push_back({name, std::move(text), std::move(from), std::move(to)});
    };
    if (give) add("owner", "uid ", absl::StrCat(owner), absl::StrCat(uid));
    if (was != is) add("mode", "", absl::StrFormat("%04o", was), absl::StrFormat("%04o", is));
    return differences;
  }
};

absl::StatusOr<Attributes> OfKeyFile(const std::string& path, const struct stat& info) {
  Attributes it;
  it.was = info.st_mode & kPermissions;
  it.is = it.was & 0600;
  it.owner = info.st_uid;
  if (info.st_uid == geteuid()) return it;
  struct stat folder;
  if (stat(FolderOf(path).c_str(), &folder) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", FolderOf(path)));
  it.give = info.st_uid != folder.st_uid;
  it.uid = folder.st_uid;
  it.gid = folder.st_gid;
  return it;
}

absl::StatusOr<Attributes> OfPublicFile(const std::string&, const struct stat& info) {
  Attributes it;
  it.was = info.st_mode & kPermissions;
  it.is = 0644;
  return it;
}

using Rule = absl::StatusOr<Attributes> (*)(const std::string& path, const struct stat& info);

// What RULE finds wrong with PATH; *FD, if given, is the file.
absl::StatusOr<Attributes> Find(const std::string& path, Rule rule, UniqueFd* fd = nullptr) {
  struct stat info;
  absl::StatusOr<UniqueFd> opened = OpenRegular(path, &info);
  if (!opened.ok()) return opened.status();
  absl::StatusOr<Attributes> attributes = rule(path, info);
  if (fd != nullptr) *fd = *std::move(opened);
  return attributes;
}

absl::StatusOr<std::vector<FileDifference>> Differences(const std::string& path, Rule rule) {
  absl::StatusOr<Attributes> attributes = Find(path, rule);
  if (!attributes.ok()) return attributes.status();
  return attributes->Differences();
}

absl::StatusOr<std::string> PutRight(const std::string& path, Rule rule) {
  UniqueFd fd;
  absl::StatusOr<Attributes> it = Find(path, rule, &fd);
  if (!it.ok()) return it.status();
  if (it->give && fchown(fd.get(), it->uid, it->gid) != 0) {
    return ErrnoStatus(
        errno, absl::StrCat(path, " belongs to uid ", it->owner, ", who can read it, not to uid ", it->uid,
                            " as its folder does; chown it"));
  }
  if (it->was != it->is) {
    if (fchmod(fd.get(), it->is) != 0) {
      return ErrnoStatus(
          errno, absl::StrFormat("%s: cannot change the mode from %04o to %04o", path, it->was, it->is));
    }
    if (disk::Sync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", path));
  }
  std::string reason;
  for (const FileDifference& difference : it->Differences()) {
    reason = JoinReasons(reason, difference.text);
  }
  return reason;
}

}  // namespace

absl::StatusOr<std::string> ProtectKeyFile(const std::string& path) { return PutRight(path, OfKeyFile); }

absl::StatusOr<std::string> PublishFile(const std::string& path) { return PutRight(path, OfPublicFile); }

absl::StatusOr<std::vector<FileDifference>> KeyFileDifferences(const std::string& path) {
  return Differences(path, OfKeyFile);
}

absl::StatusOr<std::vector<FileDifference>> PublicFileDifferences(const std::string& path) {
  return Differences(path, OfPublicFile);
}

absl::StatusOr<std::string> SetAside(const std::string& path) {
  for (int n = 1; n < 1000; ++n) {
    std::string name = absl::StrCat(path, ".damaged", n == 1 ? "" : absl::StrCat("-", n));
    if (disk::Rename(AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) return name;
    if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("cannot rename ", path, " to ", name));
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("there are 999 damaged copies of ", path, " already; look into it"));
}

absl::StatusOr<FolderLock> FolderLock::Acquire(const std::string& path) {
  std::string folder = FolderOf(path);
  if (absl::Status status = MakeFolders(folder); !status.ok()) return status;
  absl::StatusOr<UniqueFd> fd = OpenFolder(folder);
  if (!fd.ok()) return fd.status();
  if (absl::Status status = AwaitLock(fd->get(), LOCK_EX, absl::StrCat("the folder ", folder)); !status.ok())
    return status;
  return FolderLock(*std::move(fd));
}

std::string JoinReasons(const std::string& a, const std::string& b) {
  return absl::StrCat(a, a.empty() || b.empty() ? "" : "; ", b);
}

}  // namespace kplan
