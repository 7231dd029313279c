#include "src/host/service_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

constexpr char kLogFolder[] = "/var/log";
constexpr absl::string_view kSection = "---- kplan starts ";
constexpr off_t kMaxLogTail = 1 << 20;

}  // namespace

std::string LogPath(absl::string_view root, absl::string_view name) {
  return PathFromHere(root, absl::StrCat(kLogFolder, "/", name, ".log"));
}

absl::Status BeginLogSection(const std::string& root, const std::string& name) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, kLogFolder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  const std::string path = LogPath(root, name);
  UniqueFd log(disk::OpenAt(folder->get(), absl::StrCat(name, ".log").c_str(),
                            O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0640));
  if (!log.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the log ", path));
  struct stat info;
  if (fstat(log.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a plain file"));
  std::string line = absl::StrCat(
      kSection, name, " at ", absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()), "\n");
  return WriteAll(log.get(), line, absl::StrCat("the log ", path));
}

std::string LogOfThisStart(const std::string& root, const std::string& name) {
  UniqueFd log(disk::Open(LogPath(root, name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!log.ok() || fstat(log.get(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  std::string tail(static_cast<size_t>(std::min(info.st_size, kMaxLogTail)), '\0');
  ssize_t size =
      disk::ReadAt(log.get(), tail.data(), tail.size(), info.st_size - static_cast<off_t>(tail.size()));
  tail.resize(std::max<ssize_t>(size, 0));
  size_t section = tail.rfind(kSection.data(), std::string::npos, kSection.size());
  if (section == std::string::npos) return tail;
  size_t line_end = tail.find('\n', section);
  return line_end == std::string::npos ? "" : tail.substr(line_end + 1);
}

}  // namespace kplan
