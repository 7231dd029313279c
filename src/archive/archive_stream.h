#ifndef KPLAN_ARCHIVE_ARCHIVE_STREAM_H_
#define KPLAN_ARCHIVE_ARCHIVE_STREAM_H_

#include <zlib.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// Where unpacking stops, however well the archive compresses. A release of etcd has 59 MB in 20 entries, 2.7
// to 1.
struct ArchiveLimits {
  int64_t total_bytes = int64_t{4} << 30;   // unpacked, headers included
  int64_t member_bytes = int64_t{1} << 30;  // of one wanted member
  int64_t entries = 100000;
  int64_t ratio = 100;                           // unpacked to packed, counted from the following on
  int64_t ratio_from_bytes = int64_t{64} << 20;  // unpacked
};

// The tar inside a gzip file (RFC 1952), strictly: a wrong CRC-32 or length, a truncated file and bytes
// behind the last gzip member are errors. libarchive's own gzip filter checks none of the three.
class ArchiveStream {
 public:
  // Reads FD, which must outlive this, from its current offset.
  ArchiveStream(int fd, const ArchiveLimits& limits);
  ~ArchiveStream();
  ArchiveStream(const ArchiveStream&) = delete;
  ArchiveStream& operator=(const ArchiveStream&) = delete;

  // The next bytes, valid until the next call; empty at the end. DataLoss for what is damaged,
  // ResourceExhausted for what is beyond a limit.
  absl::StatusOr<absl::string_view> Next();

  int64_t unpacked() const { return unpacked_; }
  // The offset behind the last byte that is not zero: what comes after it can only be padding.
  int64_t content_end() const { return content_end_; }

 private:
  absl::Status Fill();
  absl::Status Inflate();
  absl::Status CheckLimits() const;

  int fd_;
  ArchiveLimits limits_;
  z_stream zlib_ = {};
  std::string in_, out_;
  bool file_ended_ = false;
  bool member_ended_ = true;  // between two gzip members, or before the first
  bool began_ = false;
  int64_t members_ = 0;  // whole ones so far
  int64_t packed_ = 0, unpacked_ = 0, content_end_ = 0;
};

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_ARCHIVE_STREAM_H_
