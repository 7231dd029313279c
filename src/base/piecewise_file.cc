#include "src/base/piecewise_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {
namespace {

// Whether the next bytes of FD are those of TEXT. A short read is no match when it is the file's end.
bool NextAre(int fd, absl::string_view text) {
  char block[16 * 1024];
  while (!text.empty()) {
    const ssize_t n = disk::Read(fd, block, std::min(sizeof(block), text.size()));
    if (n <= 0 || text.substr(0, n) != absl::string_view(block, n)) return false;
    text.remove_prefix(n);
  }
  return true;
}

}  // namespace

bool FileHolds(const std::string& path, TextWriter write) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hang us
  struct stat info;
  // What cannot be read is not the same; writing it then says why.
  bool same = fd.ok() && disk::StatAt(fd.get(), "", &info, AT_EMPTY_PATH) == 0 && S_ISREG(info.st_mode);
  uint64_t size = 0;
  write([&](absl::string_view piece) {
    size += piece.size();
    same = same && NextAre(fd.get(), piece);
  });
  return same && size == static_cast<uint64_t>(info.st_size);
}

absl::Status WritePiecewise(const std::string& path, TextWriter write, mode_t mode) {
  absl::StatusOr<UniqueFd> folder = OpenFolder(FolderOf(path));
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file =
      PendingFile::Create(folder->get(), path.substr(path.rfind('/') + 1), mode);
  absl::Status status = file.status();
  if (status.ok()) {
    write([&](absl::string_view piece) {
      if (status.ok()) status = file->Append(piece);
    });
  }
  if (status.ok()) status = file->Commit();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace kplan
