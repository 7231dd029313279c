#include "src/remote/source_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/host/install_file.h"

namespace kplan {

absl::StatusOr<SentFile> LookAtSource(const std::string& path, const std::string& target) {
  absl::StatusOr<InstallSource> source = InstallSource::Open(path);
  if (!source.ok()) return source.status();
  SentFile file;
  file.path = path;
  file.target = target;
  file.size = source->size;
  if (file.size > kMaxSourceSize)
    return absl::OutOfRangeError(absl::StrCat(path, " has more than 16 GiB, which is too much to send"));
  absl::StatusOr<std::string> digest = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", source->fd.get()));
  if (!digest.ok())
    return absl::Status(digest.status().code(), absl::StrCat(path, ": ", digest.status().message()));
  file.sha256 = *std::move(digest);
  return file;
}

}  // namespace kplan
