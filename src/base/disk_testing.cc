#include "src/base/disk_testing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

// The path of an open file or folder; one that is called by a path relative to FD is below it.
std::string PathOf(int fd, absl::string_view below = "") {
  char path[PATH_MAX];
  const std::string link = fd == AT_FDCWD ? "/proc/self/cwd" : absl::StrCat("/proc/self/fd/", fd);
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  const std::string folder(path, size < 0 ? 0 : static_cast<size_t>(size));
  if (below.empty() || below == ".") return folder;
  return below[0] == '/' ? std::string(below) : absl::StrCat(folder, "/", below);
}

std::string Base(absl::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

// With a slash behind that of a folder.
std::string NameOf(int fd) {
  struct stat info;
  const bool folder = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
  return absl::StrCat(Base(PathOf(fd)), folder ? "/" : "");
}

}  // namespace

WatchedDisk::WatchedDisk(Fault fault) : fault_(std::move(fault)) { disk::Replace(this); }

WatchedDisk::~WatchedDisk() { disk::Replace(nullptr); }

std::vector<std::string> WatchedDisk::unsynced_folders() const {
  std::vector<std::string> names;
  for (const auto& [inode, name] : grown_) names.push_back(name);
  return names;
}

bool WatchedDisk::Fails(const std::string& call) {
  calls_.push_back(call);
  const int error = fault_ == nullptr ? 0 : fault_(call);
  if (error != 0) errno = error;
  return error != 0;
}

void WatchedDisk::Touch(int fd) {
  struct stat info;
  if (fstat(fd, &info) == 0) unsynced_.insert({info.st_dev, info.st_ino});
}

// The folder of PATH, as seen from FOLDER, has a new name in it.
void WatchedDisk::Grew(int folder, const char* path) {
  std::string parent = PathOf(folder, path);
  parent.resize(parent.rfind('/'));
  struct stat info;
  if (stat(parent.c_str(), &info) == 0) grown_[{info.st_dev, info.st_ino}] = Base(parent);
}

int WatchedDisk::OpenAt(int folder, const char* path, int flags, mode_t mode) {
  if (Fails(absl::StrCat((flags & O_CREAT) != 0 ? "open " : "look into ", Base(path)))) return -1;
  return Disk::OpenAt(folder, path, flags, mode);
}

ssize_t WatchedDisk::Read(int fd, void* to, size_t size) {
  return Fails(absl::StrCat("read ", NameOf(fd))) ? -1 : Disk::Read(fd, to, size);
}

ssize_t WatchedDisk::ReadAt(int fd, void* to, size_t size, off_t at) {
  return Fails(absl::StrCat("read ", NameOf(fd))) ? -1 : Disk::ReadAt(fd, to, size, at);
}

ssize_t WatchedDisk::Write(int fd, const void* from, size_t size) {
  if (Fails(absl::StrCat("write ", NameOf(fd)))) return -1;
  Touch(fd);
  return Disk::Write(fd, from, size);
}

ssize_t WatchedDisk::WriteAt(int fd, const void* from, size_t size, off_t at) {
  if (Fails(absl::StrCat("write ", NameOf(fd)))) return -1;
  Touch(fd);
  return Disk::WriteAt(fd, from, size, at);
}

int WatchedDisk::Truncate(int fd, off_t size) {
  if (Fails(absl::StrCat("truncate ", NameOf(fd)))) return -1;
  Touch(fd);
  return Disk::Truncate(fd, size);
}

int WatchedDisk::Sync(int fd) {
  if (Fails(absl::StrCat("sync ", NameOf(fd)))) return -1;
  struct stat info;
  if (fstat(fd, &info) == 0) {
    unsynced_.erase({info.st_dev, info.st_ino});
    grown_.erase({info.st_dev, info.st_ino});
  }
  return Disk::Sync(fd);
}

int WatchedDisk::SyncFileSystem(int fd) {
  if (Fails("sync-all")) return -1;
  unsynced_.clear();
  grown_.clear();
  return Disk::SyncFileSystem(fd);
}

int WatchedDisk::Lock(int fd, int how) {
  return Fails(absl::StrCat("lock ", NameOf(fd))) ? -1 : Disk::Lock(fd, how);
}

int WatchedDisk::Rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  if (Fails(absl::StrCat("rename ", Base(from), " ", Base(to)))) return -1;
  struct stat info;
  const bool known = fstatat(from_folder, from, &info, AT_SYMLINK_NOFOLLOW) == 0;
  const int result = Disk::Rename(from_folder, from, to_folder, to, flags);
  if (result != 0) return result;
  if (known && unsynced_.count({info.st_dev, info.st_ino}) > 0)
    renamed_unsynced_.push_back(PathOf(to_folder, to));
  Grew(to_folder, to);
  return result;
}

int WatchedDisk::MakeFolder(int parent, const char* path, mode_t mode) {
  if (Fails(absl::StrCat("mkdir ", Base(path)))) return -1;
  const int result = Disk::MakeFolder(parent, path, mode);
  if (result == 0) Grew(parent, path);
  return result;
}

int WatchedDisk::StatAt(int folder, const char* path, struct stat* info, int flags) {
  const std::string name = *path == '\0' ? NameOf(folder) : Base(path);
  return Fails(absl::StrCat("stat ", name)) ? -1 : Disk::StatAt(folder, path, info, flags);
}

}  // namespace kplan
