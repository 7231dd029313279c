#ifndef KPLAN_BASE_DISK_TESTING_H_
#define KPLAN_BASE_DISK_TESTING_H_

// The kernel's disk, with somebody who watches: what was put in place before it was on the disk, which
// folders have names in them that a power cut would take, and in which order things happened. It can also
// fail.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/disk.h"

namespace kplan {

// Stands in for the kernel as long as it lives.
class WatchedDisk : public Disk {
 public:
  // The errno with which CALL ("sync build.ninja", see calls()) is to fail; 0: it is made.
  using Fault = std::function<int(absl::string_view call)>;

  explicit WatchedDisk(Fault fault = nullptr);
  ~WatchedDisk() override;

  // "open NAME" (one that makes a file), "look into NAME" (any other open), "stat NAME", "read NAME", "write
  // NAME", "truncate NAME", "sync NAME", "sync-all", "lock NAME", "rename NAME NAME", "mkdir NAME", in their
  // order; a NAME without its folders, one of a folder with a slash behind it.
  const std::vector<std::string>& calls() const { return calls_; }
  // The names that files got by a rename while some of their content had not been synced.
  const std::vector<std::string>& renamed_unsynced() const { return renamed_unsynced_; }
  // The folders with new names in them since they were last synced.
  std::vector<std::string> unsynced_folders() const;

  int OpenAt(int folder, const char* path, int flags, mode_t mode) override;
  ssize_t Read(int fd, void* to, size_t size) override;
  ssize_t ReadAt(int fd, void* to, size_t size, off_t at) override;
  ssize_t Write(int fd, const void* from, size_t size) override;
  ssize_t WriteAt(int fd, const void* from, size_t size, off_t at) override;
  int Truncate(int fd, off_t size) override;
  int Sync(int fd) override;
  int SyncFileSystem(int fd) override;
  int Lock(int fd, int how) override;
  int Rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) override;
  int MakeFolder(int parent, const char* path, mode_t mode) override;
  int StatAt(int folder, const char* path, struct stat* info, int flags) override;

 private:
  using Inode = std::pair<dev_t, ino_t>;

  bool Fails(const std::string& call);
  void Touch(int fd);
  void Grew(int folder, const char* path);

  Fault fault_;
  std::vector<std::string> calls_, renamed_unsynced_;
  std::set<Inode> unsynced_;
  std::map<Inode, std::string> grown_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_DISK_TESTING_H_
