#include "src/host/known_digests.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/private_folder.h"

namespace kplan {
namespace {

// More than one host has of large files.
constexpr size_t kMostFiles = 4096;
constexpr size_t kMaxNotes = 2 << 20;

// Several ticks of the clock that the kernel takes ctime from.
constexpr absl::Duration kSettled = absl::Milliseconds(100);

// As the file holds it.
struct Notes {
  struct File {
    std::string name, sha256, stat;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("name", self.name);
      fields.Always("sha256", self.sha256);
      fields.Always("stat", self.stat);
    }
  };
  std::vector<File> files;  // by name

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("files", self.files);
  }
};

std::string StatText(const struct stat& info) {
  return absl::StrCat(info.st_dev, ".", info.st_ino, ".", info.st_size, ".", info.st_mtim.tv_sec, ".",
                      info.st_mtim.tv_nsec, ".", info.st_ctim.tv_sec, ".", info.st_ctim.tv_nsec);
}

}  // namespace

KnownDigests::KnownDigests(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  absl::StatusOr<std::string> text = ReadFile(path_, kMaxNotes);
  absl::StatusOr<Notes> notes = text.ok() ? FromText<Notes>(*text) : text.status();
  if (!notes.ok()) return;
  for (Notes::File& file : notes->files)
    known_[std::move(file.name)] = {std::move(file.stat), std::move(file.sha256)};
}

absl::StatusOr<std::string> KnownDigests::DigestOf(int fd, const std::string& name, absl::Time now) {
  struct stat before, after;
  if (fstat(fd, &before) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", name));
  const std::string from = absl::StrCat("/proc/self/fd/", fd);
  if (path_.empty() || before.st_size < kLarge) return Sha256HexOfFile(from);
  const std::string stat = StatText(before);
  auto found = known_.find(name);
  if (found != known_.end() && found->second.stat == stat) {
    found->second.asked = true;
    return found->second.sha256;
  }
  absl::StatusOr<std::string> digest = Sha256HexOfFile(from);
  if (!digest.ok()) return digest;
  const bool settled = absl::TimeFromTimespec(before.st_ctim) < now - kSettled && fstat(fd, &after) == 0 &&
                       StatText(after) == stat;
  if (settled) {
    known_[name] = {stat, *digest, /*asked=*/true};
    changed_ = true;
  }
  return digest;
}

absl::Status KnownDigests::Keep() const {
  Notes notes;
  for (const auto& [name, known] : known_) {
    if (known.asked && notes.files.size() < kMostFiles)
      notes.files.push_back({name, known.sha256, known.stat});
  }
  if (path_.empty() || (!changed_ && notes.files.size() == known_.size())) return absl::OkStatus();
  std::sort(notes.files.begin(), notes.files.end(),
            [](const Notes::File& a, const Notes::File& b) { return a.name < b.name; });
  return WriteScratchFile(path_, ToText(notes), kPrivateFile);
}

}  // namespace kplan
