#ifndef KPLAN_BASE_FD_H_
#define KPLAN_BASE_FD_H_

// A file descriptor that closes itself, and the errors of the system.

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// "MESSAGE: strerror", with the canonical code that fits ERROR (NotFound for ENOENT, and so on). Never OK:
// for an ERROR of 0 the message says that the system gave no reason.
absl::Status ErrnoStatus(int error, absl::string_view message);

// flock(2) of FD with HOW (LOCK_EX or LOCK_SH), however long that takes. PATH is for the error.
absl::Status AwaitLock(int fd, int how, absl::string_view path);

// All of BYTES to FD, in as many calls as it takes. NAME is for the error.
absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_BASE_FD_H_
