#include "src/base/fd.h"

#include <errno.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"

namespace kplan {

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

absl::Status ErrnoStatus(int error, absl::string_view message) {
  if (error == 0) return absl::UnknownError(absl::StrCat(message, ": the system gave no reason"));
  return absl::ErrnoToStatus(error, message);
}

absl::Status AwaitLock(int fd, int how, absl::string_view path) {
  if (disk::Lock(fd, how) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot lock ", path));
}

absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view name) {
  while (!bytes.empty()) {
    const ssize_t n = disk::Write(fd, bytes.data(), bytes.size());
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", name));
    // POSIX lets it take nothing, and never twice for a file; without this it could go on for ever.
    if (n == 0) return ErrnoStatus(0, absl::StrCat("cannot write ", name));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace kplan
