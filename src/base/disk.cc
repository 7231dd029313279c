#include "src/base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

namespace kplan {

int Disk::OpenAt(int folder, const char* path, int flags, mode_t mode) {
  return openat(folder, path, flags, mode);
}
ssize_t Disk::Read(int fd, void* to, size_t size) { return read(fd, to, size); }
ssize_t Disk::ReadAt(int fd, void* to, size_t size, off_t at) { return pread(fd, to, size, at); }
ssize_t Disk::Write(int fd, const void* from, size_t size) { return write(fd, from, size); }
ssize_t Disk::WriteAt(int fd, const void* from, size_t size, off_t at) { return pwrite(fd, from, size, at); }
int Disk::Truncate(int fd, off_t size) { return ftruncate(fd, size); }
int Disk::Sync(int fd) { return fsync(fd); }
int Disk::SyncFileSystem(int fd) { return syncfs(fd); }
int Disk::Lock(int fd, int how) { return flock(fd, how); }
int Disk::Rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return renameat2(from_folder, from, to_folder, to, flags);
}
int Disk::MakeFolder(int parent, const char* path, mode_t mode) { return mkdirat(parent, path, mode); }
int Disk::StatAt(int folder, const char* path, struct stat* info, int flags) {
  return fstatat(folder, path, info, flags);
}

namespace disk {
namespace {

Disk* Kernel() {
  static Disk* const kernel = new Disk;
  return kernel;
}

Disk* replacement = nullptr;

Disk* Current() { return replacement != nullptr ? replacement : Kernel(); }

// CALL's result, once no signal comes in between.
template <typename Call>
auto Uninterrupted(Call call) {
  for (;;) {
    auto result = call(Current());
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

void Replace(Disk* disk) { replacement = disk; }

int Open(const char* path, int flags, mode_t mode) { return OpenAt(AT_FDCWD, path, flags, mode); }

int OpenAt(int folder, const char* path, int flags, mode_t mode) {
  return Uninterrupted([&](Disk* disk) { return disk->OpenAt(folder, path, flags, mode); });
}

ssize_t Read(int fd, void* to, size_t size) {
  return Uninterrupted([&](Disk* disk) { return disk->Read(fd, to, size); });
}

ssize_t ReadAt(int fd, void* to, size_t size, off_t at) {
  return Uninterrupted([&](Disk* disk) { return disk->ReadAt(fd, to, size, at); });
}

ssize_t Write(int fd, const void* from, size_t size) {
  return Uninterrupted([&](Disk* disk) { return disk->Write(fd, from, size); });
}

ssize_t WriteAt(int fd, const void* from, size_t size, off_t at) {
  return Uninterrupted([&](Disk* disk) { return disk->WriteAt(fd, from, size, at); });
}

int Truncate(int fd, off_t size) {
  return Uninterrupted([&](Disk* disk) { return disk->Truncate(fd, size); });
}

int Sync(int fd) {
  return Uninterrupted([&](Disk* disk) { return disk->Sync(fd); });
}

int SyncFileSystem(int fd) {
  return Uninterrupted([&](Disk* disk) { return disk->SyncFileSystem(fd); });
}

int Lock(int fd, int how) {
  return Uninterrupted([&](Disk* disk) { return disk->Lock(fd, how); });
}

int Rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return Uninterrupted([&](Disk* disk) { return disk->Rename(from_folder, from, to_folder, to, flags); });
}

int MakeFolder(int parent, const char* path, mode_t mode) {
  return Uninterrupted([&](Disk* disk) { return disk->MakeFolder(parent, path, mode); });
}

int StatAt(int folder, const char* path, struct stat* info, int flags) {
  return Uninterrupted([&](Disk* disk) { return disk->StatAt(folder, path, info, flags); });
}

}  // namespace disk
}  // namespace kplan
