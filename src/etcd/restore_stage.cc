#include "src/etcd/restore_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/followed_path.h"

namespace kplan {
namespace {

constexpr char kState[] = "state.json";
constexpr char kNew[] = "new";
constexpr size_t kMaxState = 64 << 10;

UniqueFd OpenFolderAt(int folder, const std::string& name) {
  return UniqueFd(disk::OpenAt(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Whether FD, inside the folder PARENT, cannot be renamed because something is mounted there.
bool IsMountPoint(int parent, int fd) {
  struct statx info = {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info) == 0 &&
      (info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
    if ((info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return true;
  }
  struct stat here, above;
  return fstat(fd, &here) == 0 && fstat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

// The inode of NAME in FOLDER; 0: there is none.
absl::StatusOr<ino_t> InodeOf(int folder, const std::string& name) {
  struct stat info;
  if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return info.st_ino;
  if (errno == ENOENT) return ino_t{0};
  return ErrnoStatus(errno, absl::StrCat("cannot look at ", name));
}

// How the open folder FD can be named by those who take paths.
std::string PathOfFd(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

absl::Status RemoveTreeAt(int folder, const std::string& name) {
  std::error_code error;
  std::filesystem::remove_all(absl::StrCat(PathOfFd(folder), "/", name), error);
  return error ? ErrnoStatus(error.value(), absl::StrCat("cannot remove ", name)) : absl::OkStatus();
}

absl::Status Sync(int folder, absl::string_view what) {
  return disk::Sync(folder) == 0 ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("cannot sync ", what));
}

}  // namespace

absl::StatusOr<RestoreStage> RestoreStage::Open(const std::string& root, const std::string& path, bool create,
                                                const char* inner) {
  // A link to the folder stays: what it leads to is exchanged.
  absl::StatusOr<FollowedPath> real = FollowLinks(root, path);
  if (!real.ok()) return real.status();
  absl::StatusOr<HostPath> split = SplitHostPath(real->path);
  if (!split.ok()) return split.status();
  absl::StatusOr<UniqueFd> parent = OpenFolderBelow(root, split->folder, create);
  if (!parent.ok()) return parent.status();
  RestoreStage stage;
  stage.target_ = *split;
  stage.outer_ = *std::move(parent);
  stage.stage_name_ = absl::StrCat(".", split->name, ".kplan-restore");
  UniqueFd data = OpenFolderAt(stage.outer_.get(), split->name);
  if (data.ok() && IsMountPoint(stage.outer_.get(), data.get())) {
    stage.inside_ = true;
    stage.outer_ = std::move(data);
    stage.target_ = {real->path, inner};
    stage.stage_name_ = ".kplan-restore";
  } else if (!data.ok() && errno != ENOENT) {
    return absl::FailedPreconditionError(
        absl::StrCat(PathFromHere(root, path), " has to be a folder, and is something else"));
  }
  stage.path_ = absl::StrCat(stage.target_.folder == "/" ? "" : stage.target_.folder, "/", stage.stage_name_);
  stage.shown_ = PathFromHere(root, stage.path_);
  if (create && mkdirat(stage.outer_.get(), stage.stage_name_.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", stage.shown_));
  stage.stage_ = OpenFolderAt(stage.outer_.get(), stage.stage_name_);
  if (!stage.stage_.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", stage.shown_));
  struct stat info;
  if (fstat(stage.stage_.get(), &info) != 0) return ErrnoStatus(errno, stage.shown_);
  // Inside of a data folder its user could have put one there.
  if (info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(stage.shown_, " is not kplan's own folder (0700): look at it, and move it away"));
  }
  if (create && disk::Lock(stage.stage_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", stage.shown_));
    return absl::AbortedError(absl::StrCat("another kplan is at work in ", stage.shown_));
  }
  if (absl::Status status = stage.ReadState(); !status.ok()) return status;
  return stage;
}

absl::Status RestoreStage::ReadState() {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(PathOfFd(stage_.get()), "/", kState), kMaxState);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  absl::StatusOr<RestoreState> state = FromText<RestoreState>(*text);
  if (!state.ok()) return absl::DataLossError(absl::StrCat(shown_, "/", kState, " is damaged"));
  state_ = *std::move(state);
  return absl::OkStatus();
}

absl::Status RestoreStage::SetState(RestoreState state) {
  absl::StatusOr<PendingFile> file = PendingFile::Create(stage_.get(), kState, 0600);
  if (!file.ok()) return file.status();
  absl::Status status = file->Append(absl::StrCat(ToText(state), "\n"));
  if (status.ok()) status = file->Commit();
  if (status.ok()) status = Sync(outer_.get(), "the folder of the data folder");
  if (status.ok()) state_ = std::move(state);
  return status;
}

absl::Status RestoreStage::SetNew(const std::string& name) {
  if (disk::Rename(stage_.get(), name.c_str(), stage_.get(), kNew, RENAME_NOREPLACE) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot name it ", shown_, "/", kNew));
  return Sync(stage_.get(), shown_);
}

absl::StatusOr<ino_t> RestoreStage::InPlace() const { return InodeOf(outer_.get(), target_.name); }

absl::StatusOr<ino_t> RestoreStage::Fresh() const {
  if (!inside_) return InodeOf(stage_.get(), kNew);
  UniqueFd made = OpenFolderAt(stage_.get(), kNew);
  if (!made.ok() && errno == ENOENT) return ino_t{0};
  if (!made.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", shown_, "/", kNew));
  return InodeOf(made.get(), target_.name);
}

// What lies in the stage and is not what was prepared was in its place before.
absl::Status RestoreStage::PutAside(std::string* aside) {
  UniqueFd made = inside_ ? OpenFolderAt(stage_.get(), kNew) : UniqueFd(dup(stage_.get()));
  if (!made.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", shown_));
  const std::string name = inside_ ? target_.name : kNew;
  // A folder that kplan made, and in which nobody ever wrote.
  if (unlinkat(made.get(), name.c_str(), AT_REMOVEDIR) == 0) return absl::OkStatus();
  const std::string kept = absl::StrCat(target_.name, ".before-restore-", state_.time);
  if (disk::Rename(made.get(), name.c_str(), outer_.get(), kept.c_str(), RENAME_NOREPLACE) != 0 &&
      (errno != EINVAL || disk::Rename(made.get(), name.c_str(), outer_.get(), kept.c_str()) != 0)) {
    return ErrnoStatus(errno, absl::StrCat("cannot put what was in place aside, as ", kept));
  }
  if (aside != nullptr) *aside = absl::StrCat(target_.folder == "/" ? "" : target_.folder, "/", kept);
  return Sync(outer_.get(), "the folder of the data folder");
}

absl::Status RestoreStage::Exchange(std::string* aside) {
  absl::StatusOr<ino_t> in_place = InPlace();
  if (!in_place.ok()) return in_place.status();
  absl::StatusOr<ino_t> fresh = Fresh();
  if (!fresh.ok()) return fresh.status();
  if (*in_place != state_.fresh) {
    if (state_.fresh == 0 || *fresh != state_.fresh)
      return absl::DataLossError(absl::StrCat("what was prepared in ", shown_, " is gone"));
    UniqueFd made = inside_ ? OpenFolderAt(stage_.get(), kNew) : UniqueFd(dup(stage_.get()));
    if (!made.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", shown_));
    const std::string from = inside_ ? target_.name : kNew;
    const unsigned int how = *in_place != 0 ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (disk::Rename(made.get(), from.c_str(), outer_.get(), target_.name.c_str(), how) != 0) {
      return ErrnoStatus(errno, absl::StrCat("cannot put the restored folder in place, as ",
                                             PathFromHere(target_.folder, "/" + target_.name)));
    }
    absl::Status status = Sync(made.get(), shown_);
    if (status.ok()) status = Sync(outer_.get(), "the folder of the data folder");
    if (!status.ok()) return status;
    fresh = *in_place;
  }
  return *fresh == 0 ? absl::OkStatus() : PutAside(aside);
}

absl::Status RestoreStage::ClearNew() {
  absl::StatusOr<ino_t> in_place = InPlace();
  if (!in_place.ok()) return in_place.status();
  absl::StatusOr<ino_t> fresh = Fresh();
  if (!fresh.ok()) return fresh.status();
  if (*fresh != 0 && state_.fresh != 0 && *in_place == state_.fresh) {
    if (absl::Status status = PutAside(nullptr); !status.ok()) return status;
  }
  // And what one that was killed was about to make, or its etcdctl makes still.
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(PathOfFd(stage_.get()), error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot list ", shown_));
  for (const std::string& name : names) {
    if (name == kState) continue;
    if (absl::Status status = RemoveTreeAt(stage_.get(), name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RestoreStage::Remove() {
  absl::StatusOr<ino_t> in_place = InPlace();
  if (!in_place.ok()) return in_place.status();
  if (state_.held && *in_place != state_.fresh) {
    return absl::FailedPreconditionError(
        absl::StrCat("the restore in ", shown_, " has not put its data in place yet"));
  }
  if (absl::Status status = ClearNew(); !status.ok()) return status;
  // Last what says how far it is: a kill leaves a stage that can be looked at.
  if (absl::Status status = RemoveTreeAt(outer_.get(), stage_name_); !status.ok()) return status;
  return Sync(outer_.get(), "the folder of the data folder");
}

}  // namespace kplan
