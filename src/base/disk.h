#ifndef KPLAN_BASE_DISK_H_
#define KPLAN_BASE_DISK_H_

// The system calls on files that reach the disk or wait for it, in one place, for two reasons. A signal can
// end each of them with EINTR before it has done anything (a debugger, a terminal that is stopped, a network
// file system): here they are made again. And a test can stand in for the kernel (as
// in ninja): it sees in which order things get to the disk, and makes any of them fail.
//
// All of src uses these and not the calls themselves (tests/calls_test.py).

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>

namespace kplan {

// What tests replace. Every function returns what the call of its name in Linux returns, and leaves its
// errno.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual int OpenAt(int folder, const char* path, int flags, mode_t mode);
  virtual ssize_t Read(int fd, void* to, size_t size);
  virtual ssize_t ReadAt(int fd, void* to, size_t size, off_t at);
  virtual ssize_t Write(int fd, const void* from, size_t size);
  virtual ssize_t WriteAt(int fd, const void* from, size_t size, off_t at);
  virtual int Truncate(int fd, off_t size);
  virtual int Sync(int fd);
  virtual int SyncFileSystem(int fd);
  virtual int Lock(int fd, int how);
  virtual int Rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags);
  virtual int MakeFolder(int parent, const char* path, mode_t mode);
  virtual int StatAt(int folder, const char* path, struct stat* info, int flags);
};

namespace disk {

int Open(const char* path, int flags, mode_t mode = 0);                // open(2)
int OpenAt(int folder, const char* path, int flags, mode_t mode = 0);  // openat(2)
ssize_t Read(int fd, void* to, size_t size);                           // read(2): may give less
ssize_t ReadAt(int fd, void* to, size_t size, off_t at);               // pread(2), too
ssize_t Write(int fd, const void* from, size_t size);                  // write(2): may take less
ssize_t WriteAt(int fd, const void* from, size_t size, off_t at);      // pwrite(2), too
int Truncate(int fd, off_t size);                                      // ftruncate(2)
int Sync(int fd);                                                      // fsync(2)
int SyncFileSystem(int fd);                                            // syncfs(2)
int Lock(int fd, int how);                                             // flock(2)
int Rename(int from_folder, const char* from, int to_folder, const char* to,
           unsigned flags = 0);                                          // renameat2(2)
int MakeFolder(int parent, const char* path, mode_t mode);               // mkdirat(2)
int StatAt(int folder, const char* path, struct stat* info, int flags);  // fstatat(2)

// DISK, which has to outlive its use, stands in for the kernel from here on; null: the kernel again. For
// tests.
void Replace(Disk* disk);

}  // namespace disk
}  // namespace kplan

#endif  // KPLAN_BASE_DISK_H_
