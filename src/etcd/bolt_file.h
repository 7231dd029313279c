#ifndef KPLAN_ETCD_BOLT_FILE_H_
#define KPLAN_ETCD_BOLT_FILE_H_

// A database of bbolt, as etcd 3.4 to 3.6 have them (go.etcd.io/bbolt: db.go, page.go, bucket.go, format
// version 2), to look up single keys in. It is a row of pages of one size:
//
//   page         8 bytes its number, 2 flags (1 branch, 2 leaf, 4 meta), 2 number of elements, 4 overflow:
//   how
//                many pages more it has; then the elements, then what they point to
//   meta         pages 0 and 1; the one with a right checksum and the higher transaction counts. It says the
//                size of a page, and which page the root is: a bucket of buckets
//   branch       16 bytes an element: where its key is (from the element on), how long, the number of a page
//                with keys from that one on
//   leaf         16 bytes an element: flags (1: a bucket), where its key is, how long that and its value are
//   bucket       a value of 16 bytes: the number of its root page, and a sequence; where the number is 0 that
//                page follows right behind
//
// Numbers have their least significant byte first.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

class BoltFile {
 public:
  // Copies at most N bytes from OFFSET on, and returns how many it could.
  using ReadAt = std::function<size_t(uint64_t offset, char* to, size_t n)>;

  // DataLoss when it does not begin as such a database does. Nothing in it is believed: a page is at most 16
  // MiB, and a look-up goes down 32 levels at most.
  static absl::StatusOr<BoltFile> Open(ReadAt read_at);

  // The value of KEY in BUCKET, one of the root's; nothing when there is no such bucket or key. DataLoss.
  absl::StatusOr<std::optional<std::string>> Find(absl::string_view bucket, absl::string_view key) const;

 private:
  struct Entry {
    bool bucket = false;
    std::string value;
  };

  explicit BoltFile(ReadAt read_at) : read_at_(std::move(read_at)) {}

  absl::StatusOr<std::string> ReadPage(uint64_t number) const;
  // KEY below the page NUMBER, or, where that is 0, below PAGE itself.
  absl::StatusOr<std::optional<Entry>> Descend(uint64_t number, std::string page,
                                               absl::string_view key) const;

  ReadAt read_at_;
  uint32_t page_size_ = 0;
  uint64_t root_ = 0;
};

}  // namespace kplan

#endif  // KPLAN_ETCD_BOLT_FILE_H_
