#include "src/archive/archive_stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr size_t kInBlock = 64 * 1024;
constexpr size_t kOutBlock = 256 * 1024;
constexpr int kGzipOnly = 16;  // zlib's inflateInit2: added to the window bits

}  // namespace

ArchiveStream::ArchiveStream(int fd, const ArchiveLimits& limits)
    : fd_(fd), limits_(limits), in_(kInBlock, '\0'), out_(kOutBlock, '\0') {}

ArchiveStream::~ArchiveStream() {
  if (began_) inflateEnd(&zlib_);
}

absl::Status ArchiveStream::Fill() {
  while (zlib_.avail_in == 0 && !file_ended_) {
    ssize_t n = disk::Read(fd_, &in_[0], in_.size());
    if (n < 0) return ErrnoStatus(errno, "cannot read the archive");
    file_ended_ = n == 0;
    packed_ += n;
    zlib_.next_in = reinterpret_cast<Bytef*>(&in_[0]);
    zlib_.avail_in = static_cast<uInt>(n);
  }
  return absl::OkStatus();
}

absl::Status ArchiveStream::Inflate() {
  if (member_ended_) {
    int result = began_ ? inflateReset(&zlib_) : inflateInit2(&zlib_, kGzipOnly + MAX_WBITS);
    if (result != Z_OK) return absl::InternalError("zlib cannot start");
    began_ = true;
    member_ended_ = false;
  }
  int result = inflate(&zlib_, Z_NO_FLUSH);
  if (result == Z_STREAM_END) {
    member_ended_ = true;
    ++members_;
    return absl::OkStatus();
  }
  if (result == Z_OK || result == Z_BUF_ERROR) return absl::OkStatus();
  // What inflate says when the two bytes that every gzip member starts with are not there.
  if (zlib_.msg != nullptr && strcmp(zlib_.msg, "incorrect header check") == 0) {
    return absl::DataLossError(members_ == 0 ? "no gzip file"
                                             : "bytes follow the end of the compressed data");
  }
  if (result == Z_MEM_ERROR) return absl::ResourceExhaustedError("no memory to unpack it");
  return absl::DataLossError(absl::StrCat("damaged: ", zlib_.msg != nullptr ? zlib_.msg : "gzip data error"));
}

absl::Status ArchiveStream::CheckLimits() const {
  if (unpacked_ > limits_.total_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("unpacks to more than ", limits_.total_bytes, " bytes: a decompression bomb"));
  }
  if (unpacked_ > limits_.ratio_from_bytes && unpacked_ / limits_.ratio > packed_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("unpacks to more than ", limits_.ratio, " times its size: a decompression bomb"));
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> ArchiveStream::Next() {
  zlib_.next_out = reinterpret_cast<Bytef*>(&out_[0]);
  zlib_.avail_out = static_cast<uInt>(out_.size());
  for (;;) {
    if (absl::Status status = Fill(); !status.ok()) return status;
    if (zlib_.avail_in == 0) {  // the end of the file
      if (!began_) return absl::DataLossError("empty");
      if (!member_ended_) return absl::DataLossError("truncated");
      break;
    }
    if (absl::Status status = Inflate(); !status.ok()) return status;
    if (zlib_.avail_out == 0 || (member_ended_ && zlib_.avail_out < out_.size())) break;
  }
  absl::string_view block(out_.data(), out_.size() - zlib_.avail_out);
  size_t last = block.find_last_not_of('\0');
  if (last != absl::string_view::npos) content_end_ = unpacked_ + static_cast<int64_t>(last) + 1;
  unpacked_ += static_cast<int64_t>(block.size());
  if (absl::Status status = CheckLimits(); !status.ok()) return status;
  return block;
}

}  // namespace kplan
