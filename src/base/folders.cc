#include "src/base/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/disk.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// The kernel's own bound (path_resolution(7)).
constexpr size_t kMostLinks = 40;

// Why a link at PLACE, of which JudgeLink says TRUST, is not followed.
std::string WhyDistrusted(LinkTrust trust, const LinkPlace& place) {
  switch (trust) {
    case LinkTrust::kFolderOfAnother:
      return absl::StrCat("lies in a folder of user ", place.folder_owner);
    case LinkTrust::kFolderOpenToOthers:
      return absl::StrFormat("lies in a folder that others may write to (mode %04o)",
                             place.folder_mode & 07777);
    default:
      return absl::StrCat("belongs to user ", place.link_owner);
  }
}

// PATH without the slashes at its end.
absl::string_view Trimmed(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// The way to an anchor, a component at a time.
class AnchorWalk {
 public:
  explicit AnchorWalk(const std::string& path) : path_(path) { Push(path); }

  // The folder at the end, as O_PATH.
  absl::StatusOr<UniqueFd> Go() {
    if (absl::Status status = Start(); !status.ok()) return status;
    while (!parts_.empty()) {
      const std::string part = std::move(parts_.front());
      parts_.pop_front();
      if (absl::Status status = Step(part); !status.ok()) return status;
    }
    return std::move(here_);
  }

 private:
  // The components of PATH come next.
  void Push(absl::string_view path) {
    const std::vector<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
    parts_.insert(parts_.begin(), parts.begin(), parts.end());
    if (absl::StartsWith(path, "/")) here_ = UniqueFd(), shown_ = "/";
  }

  absl::Status Start() {
    if (here_.ok()) return absl::OkStatus();
    here_ = UniqueFd(disk::Open(shown_ == "/" ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return here_.ok() ? absl::OkStatus() : Failed(errno);
  }

  absl::Status Failed(int error) const {
    return ErrnoStatus(error, absl::StrCat("cannot open the folder ", path_));
  }

  absl::Status Step(const std::string& part) {
    UniqueFd next(disk::OpenAt(here_.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info;
    if (!next.ok() || disk::StatAt(next.get(), "", &info, AT_EMPTY_PATH) != 0) return Failed(errno);
    std::string shown =
        shown_.empty() || shown_ == "/" ? absl::StrCat(shown_, part) : absl::StrCat(shown_, "/", part);
    if (S_ISLNK(info.st_mode)) return Follow(next.get(), info, shown);
    if (!S_ISDIR(info.st_mode)) return Failed(ENOTDIR);
    here_ = std::move(next);
    shown_ = std::move(shown);
    return absl::OkStatus();
  }

  absl::Status Follow(int link, const struct stat& info, const std::string& shown) {
    char target[PATH_MAX];
    const ssize_t size = readlinkat(link, "", target, sizeof(target));
    struct stat folder;
    if (size < 0 || disk::StatAt(here_.get(), "", &folder, AT_EMPTY_PATH) != 0) return Failed(errno);
    const absl::string_view text(target, static_cast<size_t>(size));
    const LinkPlace place = {info.st_uid, folder.st_uid, folder.st_gid, folder.st_mode};
    if (const LinkTrust trust = JudgeLink(place, geteuid()); trust != LinkTrust::kTrusted)
      return Distrusted(trust, place, shown, text);
    if (++links_ > kMostLinks) return Failed(ELOOP);
    Push(text);
    return Start();
  }

  absl::Status Distrusted(LinkTrust trust, const LinkPlace& place, const std::string& shown,
                          absl::string_view target) const {
    return absl::FailedPreconditionError(
        absl::StrCat(shown, " is a symbolic link to ", Quote(target), " and ", WhyDistrusted(trust, place),
                     ": whoever can make it could send what kplan writes elsewhere; give the folder itself "
                     "in place of the link",
                     shown == path_ ? "" : absl::StrCat(" (in ", path_, ")")));
  }

  const std::string path_;
  std::deque<std::string> parts_;  // still to go
  UniqueFd here_;
  std::string shown_;  // what `here_` is called
  size_t links_ = 0;
};

// FOLDER, opened with FLAGS.
absl::StatusOr<UniqueFd> OpenAnchor(const std::string& folder, int flags) {
  flags |= O_DIRECTORY | O_CLOEXEC;
  // Nearly always there is no link on the way, and one call says so.
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_NO_SYMLINKS;
  UniqueFd direct(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, folder.c_str(), &how, sizeof(how))));
  if (direct.ok()) return direct;
  if (errno == ENOENT) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", folder));
  absl::StatusOr<UniqueFd> end = AnchorWalk(folder).Go();
  if (!end.ok() || (flags & O_PATH) != 0) return end;
  UniqueFd fd(disk::OpenAt(end->get(), ".", flags));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", folder));
  return fd;
}

absl::Status SyncFolder(int fd, absl::string_view name) {
  if (disk::Sync(fd) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot sync the folder ", name));
}

// The folders that got new ones in them. They are synced at the end, all of them: the first flush takes the
// others along.
class GrownFolders {
 public:
  void Add(UniqueFd folder) { folders_.push_back(std::move(folder)); }

  absl::Status Sync(absl::string_view name) const {
    for (auto it = folders_.rbegin(); it != folders_.rend(); ++it) {
      if (absl::Status status = SyncFolder(it->get(), name); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<UniqueFd> folders_;
};

absl::Status MakeMissing(const std::string& folder, GrownFolders* grown) {
  absl::Status there = OpenAnchor(folder, O_PATH).status();
  if (!absl::IsNotFound(there)) return there;
  const std::string parent = FolderOf(folder);
  if (parent == folder) return there;
  if (absl::Status status = MakeMissing(parent, grown); !status.ok()) return status;
  absl::StatusOr<UniqueFd> fd = OpenAnchor(parent, O_RDONLY);
  if (!fd.ok()) return fd.status();
  const std::string name = folder.substr(folder.rfind('/') + 1);
  if (disk::MakeFolder(fd->get(), name.c_str(), 0777) != 0) {
    if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", folder));
    // Somebody else made it just now; or it is a link that leads nowhere, and that it says.
    return OpenAnchor(folder, O_PATH).status();
  }
  grown->Add(*std::move(fd));
  return absl::OkStatus();
}

absl::Status BelowError(const std::string& shown, int error) {
  return ErrnoStatus(error, absl::StrCat("cannot open the folder ", shown));
}

// The folder NAME in FOLDER, just made. A caller's umask of 077 must not lock a service out of its own
// folder.
absl::StatusOr<UniqueFd> MakeBelow(int folder, const std::string& name, const std::string& shown,
                                   GrownFolders* grown) {
  const bool made = disk::MakeFolder(folder, name.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", shown));
  UniqueFd fd(disk::OpenAt(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.ok()) return BelowError(shown, errno);
  if (!made) return fd;
  if (fchmod(fd.get(), 0755) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot set the mode of the folder ", shown));
  UniqueFd parent(fcntl(folder, F_DUPFD_CLOEXEC, 0));
  if (!parent.ok()) return ErrnoStatus(errno, "cannot duplicate a descriptor");
  grown->Add(std::move(parent));
  return fd;
}

// Whether others than OWNER may write to a folder with GROUP and MODE. A user's own group (user private
// groups, whose umask is 002) has the number of the user.
bool IsOpenToOthers(uid_t owner, gid_t group, mode_t mode) {
  const bool own_group = group == 0 || group == owner;
  return (mode & S_IWOTH) != 0 || ((mode & S_IWGRP) != 0 && !own_group);
}

// The way to a folder below a root, a component at a time (followed_path.h).
class BelowWalk {
 public:
  BelowWalk(const std::string& root, absl::string_view path, bool create)
      : root_(root), create_(create), asked_(path) {
    for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty()))
      parts_.push_back({std::string(part), /*of_link=*/false});
  }

  absl::Status Go() {
    for (const Part& part : parts_) {
      if (part.name == "." || part.name == "..")
        return absl::InvalidArgumentError(
            absl::StrCat(Shown(asked_), ": \"", part.name, "\" is not allowed in a path"));
    }
    if (create_) {
      if (absl::Status status = MakeFolders(root_); !status.ok()) return status;
    }
    if (absl::Status status = Begin(); !status.ok()) return status;
    while (!parts_.empty()) {
      const Part part = std::move(parts_.front());
      parts_.pop_front();
      if (absl::Status status = Step(part); !status.ok()) return status;
    }
    return grown_.Sync(Shown(real_));
  }

  UniqueFd TakeFolder() { return std::move(here_); }

 private:
  struct Part {
    std::string name;
    bool of_link = false;  // a link says it
    bool again = false;    // it was passed on the way, and judged if that was called for
  };

  std::string Shown(absl::string_view path) const {
    return absl::StrCat(root_ == "/" ? "" : root_, path.empty() && root_ == "/" ? "/" : path);
  }

  absl::Status Begin() {
    absl::StatusOr<UniqueFd> anchor = OpenFolder(root_);
    if (!anchor.ok()) return anchor.status();
    here_ = *std::move(anchor);
    real_.clear();
    return absl::OkStatus();
  }

  absl::Status Step(const Part& part) {
    if (part.of_link && part.name == ".") return absl::OkStatus();
    if (part.of_link && part.name == "..") return Up();
    const std::string path = absl::StrCat(real_, "/", part.name), shown = Shown(path);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    // Merged /usr (/bin, /lib), and whatever else root has made there.
    if (real_.empty() && root_ == "/") flags &= ~O_NOFOLLOW;
    UniqueFd next(disk::OpenAt(here_.get(), part.name.c_str(), flags));
    if (!next.ok()) {
      const int error = errno;
      struct stat info;
      if ((error == ELOOP || error == ENOTDIR) &&
          disk::StatAt(here_.get(), part.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(info.st_mode))
        return Follow(part.name, info, shown);
      if (error == ENOENT && part.of_link) return LeadsNowhere(shown);
      if (error != ENOENT || !create_) return BelowError(shown, error);
      absl::StatusOr<UniqueFd> made = MakeBelow(here_.get(), part.name, shown, &grown_);
      if (!made.ok()) return made.status();
      next = *std::move(made);
    }
    if (!links_.empty() && !part.again) {
      if (absl::Status status = JudgeBehind(next.get(), shown); !status.ok()) return status;
    }
    here_ = std::move(next);
    real_ = path;
    return absl::OkStatus();
  }

  // A folder behind a link.
  absl::Status JudgeBehind(int folder, const std::string& shown) const {
    struct stat info;
    if (disk::StatAt(folder, "", &info, AT_EMPTY_PATH) != 0) return BelowError(shown, errno);
    const bool last = parts_.empty();
    std::string why, remedy;
    if (!last && info.st_uid != 0 && info.st_uid != geteuid()) {
      why = absl::StrCat("belongs to user ", info.st_uid);
      remedy = absl::StrCat("chown root ", shown);
    } else if (IsOpenToOthers(info.st_uid, info.st_gid, info.st_mode)) {
      why = absl::StrFormat("may be written to by others (mode %04o)", info.st_mode & 07777);
      remedy = absl::StrCat("chmod go-w ", shown);
    }
    if (why.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(shown, ", to which the symbolic link ", links_.back(), " leads, ", why,
                     ": who may put another folder there could send what kplan writes elsewhere. Let it be "
                     "root's alone (",
                     remedy, "), or name the folder itself in cluster.yaml"));
  }

  absl::Status Follow(const std::string& name, const struct stat& info, const std::string& shown) {
    char target[PATH_MAX];
    const ssize_t size = readlinkat(here_.get(), name.c_str(), target, sizeof(target));
    struct stat folder;
    if (size < 0 || disk::StatAt(here_.get(), "", &folder, AT_EMPTY_PATH) != 0)
      return BelowError(shown, errno);
    const absl::string_view text(target, static_cast<size_t>(size));
    if (root_ != "/") {
      return absl::FailedPreconditionError(absl::StrCat(
          shown,
          " is a symbolic link; kplan follows none inside of a root that is not /: name the folder "
          "itself in cluster.yaml"));
    }
    const LinkPlace place = {info.st_uid, folder.st_uid, folder.st_gid, folder.st_mode};
    if (const LinkTrust trust = JudgeLink(place, geteuid()); trust != LinkTrust::kTrusted) {
      const std::string remedy = trust == LinkTrust::kLinkOfAnother ? absl::StrCat("chown -h root ", shown)
                                 : trust == LinkTrust::kFolderOfAnother
                                     ? absl::StrCat("chown root ", Shown(real_))
                                     : absl::StrCat("chmod go-w ", Shown(real_));
      return absl::FailedPreconditionError(absl::StrCat(
          shown, " is a symbolic link to ", Quote(text), " and ", WhyDistrusted(trust, place),
          ": whoever can make it could send what kplan writes elsewhere. Let it be root's alone (", remedy,
          "), or name the folder itself in cluster.yaml"));
    }
    links_.push_back(absl::StrCat(shown, " -> ", text));
    if (links_.size() > kMostLinks) return BelowError(shown, ELOOP);
    const std::vector<std::string> parts = absl::StrSplit(text, '/', absl::SkipEmpty());
    for (auto it = parts.rbegin(); it != parts.rend(); ++it) parts_.push_front({*it, /*of_link=*/true});
    return absl::StartsWith(text, "/") ? Begin() : absl::OkStatus();
  }

  // To the folder above. No link is on the way so far: it is known by its name.
  absl::Status Up() {
    const std::vector<std::string> parts =
        absl::StrSplit(real_.substr(0, real_.rfind('/') == std::string::npos ? 0 : real_.rfind('/')), '/',
                       absl::SkipEmpty());
    for (auto it = parts.rbegin(); it != parts.rend(); ++it)
      parts_.push_front({*it, /*of_link=*/true, /*again=*/true});
    return Begin();
  }

  absl::Status LeadsNowhere(const std::string& shown) const {
    return absl::FailedPreconditionError(
        absl::StrCat("the symbolic link ", links_.back(), " leads nowhere: there is no ", shown,
                     ". Is a disk not mounted? Otherwise make the folder (mkdir -p), or remove the link"));
  }

  const std::string root_;
  const bool create_;
  const std::string asked_;
  std::deque<Part> parts_;  // still to go
  UniqueFd here_;
  std::string real_;  // of `here_`, inside the root; "": the root
  std::vector<std::string> links_;
  GrownFolders grown_;
};

}  // namespace

std::string FolderOf(absl::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

LinkTrust JudgeLink(const LinkPlace& place, uid_t user) {
  auto trusted = [user](uid_t owner) { return owner == 0 || owner == user; };
  if (!trusted(place.link_owner)) return LinkTrust::kLinkOfAnother;
  if (!trusted(place.folder_owner)) return LinkTrust::kFolderOfAnother;
  return IsOpenToOthers(place.folder_owner, place.folder_group, place.folder_mode)
             ? LinkTrust::kFolderOpenToOthers
             : LinkTrust::kTrusted;
}

absl::StatusOr<UniqueFd> OpenFolder(const std::string& folder) { return OpenAnchor(folder, O_RDONLY); }

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& folder) {
  UniqueFd fd(disk::Open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot read the folder ", folder));
  return ListFolder(fd, folder);
}

absl::StatusOr<std::vector<std::string>> ListFolder(const UniqueFd& folder, absl::string_view shown) {
  auto failed = [&](int error) { return ErrnoStatus(error, absl::StrCat("cannot read the folder ", shown)); };
  // A descriptor of its own: closedir closes it, and reading moves it.
  UniqueFd reading(disk::OpenAt(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!reading.ok()) return failed(errno);
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(reading.get()), closedir);
  if (stream == nullptr) return failed(errno);
  reading.release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;  // readdir ends at an error as it ends at the end, but for this
    const struct dirent* entry = readdir(stream.get());
    if (entry == nullptr && errno != 0) return failed(errno);
    if (entry == nullptr) break;
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status EnterFolder(const std::string& folder) {
  absl::StatusOr<UniqueFd> fd = OpenAnchor(folder, O_PATH);
  if (!fd.ok()) return fd.status();
  if (fchdir(fd->get()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot enter ", folder));
}

absl::Status MakeFolders(const std::string& folder, Durability durability) {
  if (folder.empty()) return absl::OkStatus();
  GrownFolders grown;
  if (absl::Status status = MakeMissing(std::string(Trimmed(folder)), &grown); !status.ok()) return status;
  return durability == Durability::kSynced ? grown.Sync(FolderOf(folder)) : absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenFolderBelow(const std::string& root, absl::string_view path, bool create) {
  BelowWalk walk(root, path, create);
  if (absl::Status status = walk.Go(); !status.ok()) return status;
  return walk.TakeFolder();
}

}  // namespace kplan
