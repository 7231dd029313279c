#include "src/base/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"

namespace kplan {
namespace {

absl::StatusOr<UniqueFd> OpenLock() {
  if (absl::Status status = MakePrivateFolder(paths::kState); !status.ok()) return status;
  UniqueFd fd(open(paths::kLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", paths::kLock));
  return fd;
}

}  // namespace

absl::StatusOr<RunLock> RunLock::Exclusive() {
  absl::StatusOr<UniqueFd> fd = OpenLock();
  if (!fd.ok()) return fd.status();
  if (flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", paths::kLock));
    return absl::UnavailableError(
        "another ninja or kplan is at work in this folder; run this again when it is done");
  }
  return RunLock(*std::move(fd));
}

absl::StatusOr<RunLock> RunLock::Shared() {
  absl::StatusOr<UniqueFd> fd = OpenLock();
  if (!fd.ok()) return fd.status();
  if (absl::Status status = AwaitLock(fd->get(), LOCK_SH, paths::kLock); !status.ok()) return status;
  return RunLock(*std::move(fd));
}

}  // namespace kplan
