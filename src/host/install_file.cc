#include "src/host/install_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"

namespace kplan {

absl::StatusOr<InstallTarget> MakeInstallTarget(const std::string& root, const std::string& path, mode_t mode,
                                                const std::string& owner) {
  InstallTarget target;
  target.root = root;
  target.path = path;
  target.mode = mode;
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return split.status();
  target.split = *std::move(split);
  absl::StatusOr<std::optional<HostOwner>> found = OwnerBelow(root, owner);
  if (!found.ok()) return ExplainHostError(found.status(), target.shown());
  target.owner = *found;
  return target;
}

absl::StatusOr<InstallSource> InstallSource::Open(const std::string& name) {
  InstallSource source;
  source.name = name;
  source.fd = UniqueFd(disk::Open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source.fd.ok() && errno == ELOOP) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " is a symbolic link; it must be the file itself"));
  }
  if (!source.fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", name));
  struct stat info;
  if (fstat(source.fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", name));
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(name, " is no regular file"));
  source.size = info.st_size;
  return source;
}

absl::StatusOr<Secret> InstallSource::ReadAll(size_t max_bytes) const {
  if (static_cast<uint64_t>(size) > max_bytes) {
    return absl::OutOfRangeError(absl::StrCat(name, " has more than ", max_bytes, " bytes"));
  }
  std::string text(static_cast<size_t>(size), '\0');
  absl::StatusOr<size_t> n = ReadBlock(fd.get(), 0, &text);
  if (n.ok()) text.resize(*n);  // shorter when somebody cut it just now
  Secret content(std::move(text));
  if (!n.ok()) return InFront(name, n.status());
  return content;
}

absl::StatusOr<size_t> ReadBlock(int fd, off_t offset, std::string* block) {
  size_t filled = 0;
  while (filled < block->size()) {
    ssize_t n =
        disk::ReadAt(fd, &(*block)[filled], block->size() - filled, offset + static_cast<off_t>(filled));
    if (n < 0) return ErrnoStatus(errno, "cannot read");
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

absl::StatusOr<PendingFile> StageFile(int folder, absl::string_view name, const InstallTarget& target) {
  absl::StatusOr<PendingFile> file = PendingFile::Create(folder, name, target.mode);
  if (!file.ok()) return file.status();
  if (absl::Status status = GiveTo(target.owner, file->fd()); !status.ok()) return status;
  if (fchmod(file->fd(), target.mode) != 0) return ErrnoStatus(errno, "cannot set the mode");
  return file;
}

absl::Status MayReplace(const HostFileState& state) {
  if (!state.exists || state.regular) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("there is a ", state.kind, ", which kplan neither follows nor replaces; move it away"));
}

absl::Status InFront(absl::string_view where, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

}  // namespace kplan
