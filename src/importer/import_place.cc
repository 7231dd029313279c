#include "src/importer/import_place.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

std::string Below(const std::string& dir, const std::string& path) { return absl::StrCat(dir, "/", path); }

// Whether PATH is a file with these bytes; NotFound when nothing is there.
absl::StatusOr<bool> Holds(const std::string& path, absl::string_view bytes) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) != bytes.size()) return false;
  absl::StatusOr<std::string> old = ReadFile(path, bytes.size());
  if (!old.ok()) return old.status();
  return *old == bytes;
}

}  // namespace

std::vector<std::string> WhatIsInTheWay(const std::string& dir, const std::vector<ImportedFile>& files) {
  std::vector<std::string> found;
  for (const ImportedFile& file : files) {
    const std::string path = Below(dir, file.path);
    absl::StatusOr<bool> same = Holds(path, file.bytes);
    if (absl::IsNotFound(same.status())) continue;
    if (!same.ok()) {
      found.emplace_back(same.status().message());
    } else if (!*same) {
      found.push_back(absl::StrCat(path, " is there, and is another file; an import replaces nothing"));
    }
  }
  return found;
}

absl::Status PutInPlace(const std::string& dir, const std::vector<ImportedFile>& files) {
  std::vector<std::string> placed;
  std::vector<std::string> made;  // folders
  absl::Status status;
  for (const ImportedFile& file : files) {
    const std::string path = Below(dir, file.path);
    absl::StatusOr<bool> same = Holds(path, file.bytes);
    if (same.ok() && *same) continue;
    const std::string folder = FolderOf(path);
    struct stat info;
    if (lstat(folder.c_str(), &info) != 0 && errno == ENOENT) made.push_back(folder);
    status = WriteFile(path, file.bytes, file.mode, Overwrite::kNo);
    // After an error of the folder's fsync the file is there all the same.
    same = Holds(path, file.bytes);
    if (status.ok() || (!absl::IsAlreadyExists(status) && same.ok() && *same)) placed.push_back(path);
    if (!status.ok()) break;
  }
  if (status.ok()) return status;
  for (const std::string& path : placed) unlink(path.c_str());
  for (const std::string& folder : made) rmdir(folder.c_str());
  return status;
}

}  // namespace kplan
