#ifndef KPLAN_HOST_KNOWN_DIGESTS_H_
#define KPLAN_HOST_KNOWN_DIGESTS_H_

// Digests of large files, kept from one look at a host to the next: a program of tens of megabytes is read
// once, and then again only when fstat(2) says that it may be another one. Small files are read each time,
// which costs less than keeping anything of them.
//
// What counts is device, inode, size, mtime and ctime. The last is set by the kernel at every change, also of
// who gives a file back the size and mtime that it had; only who sets the clock back can hide one. A file
// that was changed a moment ago may change again within one tick of the clock by which its ctime is kept, and
// is not kept.

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace kplan {

class KnownDigests {
 public:
  // What is known is kept in the file PATH, which nobody else may read; nothing is known where it is missing,
  // or damaged. PATH "": nothing is kept.
  explicit KnownDigests(std::string path = "");

  // The lower-case hex SHA-256 of the regular file FD, open for reading, called NAME.
  absl::StatusOr<std::string> DigestOf(int fd, const std::string& name, absl::Time now = absl::Now());

  // Writes what was asked for since the beginning, if it is not what is there.
  absl::Status Keep() const;

  // In bytes, from when on a file is large.
  static constexpr int64_t kLarge = 64 << 10;

 private:
  struct Known {
    std::string stat, sha256;
    bool asked = false;
  };

  std::string path_;
  absl::flat_hash_map<std::string, Known> known_;  // by name
  bool changed_ = false;
};

}  // namespace kplan

#endif  // KPLAN_HOST_KNOWN_DIGESTS_H_
