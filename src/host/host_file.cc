#include "src/host/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"

namespace kplan {
namespace {

std::string KindOf(const struct stat& info, int folder_fd, const std::string& name) {
  if (S_ISREG(info.st_mode)) return "file";
  if (S_ISDIR(info.st_mode)) return "folder";
  if (S_ISLNK(info.st_mode)) {
    char target[4096];
    ssize_t n = readlinkat(folder_fd, name.c_str(), target, sizeof(target));
    if (n < 0) return "symbolic link";
    return absl::StrCat("symbolic link to ", absl::string_view(target, n));
  }
  if (S_ISFIFO(info.st_mode)) return "FIFO";
  if (S_ISSOCK(info.st_mode)) return "socket";
  return "device";
}

}  // namespace

absl::StatusOr<HostPath> SplitHostPath(absl::string_view path) {
  absl::Status wrong = absl::InvalidArgumentError(
      absl::StrCat("\"", path, "\" is no absolute path of a file or folder on the host"));
  if (!absl::StartsWith(path, "/") || absl::EndsWith(path, "/")) return wrong;
  for (absl::string_view part : absl::StrSplit(path.substr(1), '/')) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != absl::string_view::npos)
      return wrong;
  }
  return HostPath{FolderOf(path), std::string(path.substr(path.rfind('/') + 1))};
}

std::string PathFromHere(absl::string_view root, absl::string_view path) {
  return absl::StrCat(absl::StripSuffix(root, "/"), path);
}

absl::StatusOr<mode_t> ParseMode(absl::string_view text) {
  bool good = text.size() == 3 || text.size() == 4;
  mode_t mode = 0;
  for (char c : text) {
    good = good && '0' <= c && c <= '7';
    mode = mode * 8 + (c - '0');
  }
  if (!good) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no octal mode such as 0644"));
  return mode;
}

std::string ModeText(mode_t mode) { return absl::StrFormat("%04o", mode & 07777); }

absl::StatusOr<HostFileState> LookAtHostFile(const std::string& root, absl::string_view path) {
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return split.status();
  HostFileState state;
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, split->folder, /*create=*/false);
  if (absl::IsNotFound(folder.status())) return state;
  if (!folder.ok()) return folder.status();
  struct stat info;
  if (fstatat(folder->get(), split->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return state;
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", PathFromHere(root, path)));
  }
  state.exists = true;
  state.mode = info.st_mode & 07777;
  state.uid = info.st_uid;
  state.gid = info.st_gid;
  state.regular = S_ISREG(info.st_mode);
  state.folder = S_ISDIR(info.st_mode);
  state.link = S_ISLNK(info.st_mode);
  state.kind = KindOf(info, folder->get(), split->name);
  return state;
}

absl::Status ExplainHostError(const absl::Status& status, absl::string_view doing) {
  absl::string_view remedy;
  if (absl::StrContains(status.message(), "Read-only file system")) {  // EROFS is PermissionDenied, too
    remedy = "; it is mounted read-only: remount it, or choose another folder";
  } else if (absl::IsPermissionDenied(status)) {
    remedy = "; run as root, or give the host `become: sudo`, or a folder of yours with \"root: FOLDER\"";
  } else if (absl::IsResourceExhausted(status)) {
    remedy = "; make room and run ninja again: what was there is untouched";
  }
  return absl::Status(status.code(), absl::StrCat(doing, ": ", status.message(), remedy));
}

}  // namespace kplan
