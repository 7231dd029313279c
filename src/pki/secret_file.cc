#include "src/pki/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {
namespace {

absl::StatusOr<UniqueFd> Open(const std::string& path, absl::string_view what) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hang us
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot read ", what, " ", path));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", path));
  if (!S_ISREG(info.st_mode))
    return absl::FailedPreconditionError(absl::StrCat(what, " ", path, " is not a regular file"));
  if ((info.st_mode & 07) != 0) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s %s has mode %04o, so that everybody on this machine may use it; chmod 600 it, and "
        "think about changing what is in it",
        what, path, info.st_mode & 07777));
  }
  return fd;
}

}  // namespace

absl::StatusOr<Secret> ReadSecretFile(const std::string& path, absl::string_view what, size_t max) {
  absl::StatusOr<UniqueFd> fd = Open(path, what);
  if (!fd.ok()) return fd.status();
  std::string text(max, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = disk::Read(fd->get(), &text[size], text.size() - size);
    if (n < 0) {
      const int error = errno;
      const Secret wiped(std::move(text));
      return ErrnoStatus(error, absl::StrCat("cannot read ", what, " ", path));
    }
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  const Secret whole(std::move(text));
  return Secret(std::string(whole.view().substr(0, size)));
}

absl::Status CheckSecretFile(const std::string& path, absl::string_view what) {
  const absl::Status status = Open(path, what).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace kplan
