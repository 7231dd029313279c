#include "src/host/pair_swap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "src/base/disk.h"
#include "src/host/hold_readers.h"

namespace kplan {
namespace {

// How long to try for a moment in which nobody has the certificate open; at a handshake it is for 20 us.
constexpr absl::Duration kPatience = absl::Seconds(1);

constexpr int kOpenFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

absl::Status NotOurs(const std::string& name) {
  return absl::FailedPreconditionError(
      absl::StrCat("there is a ", name,
                   " that is not this user's kplan's, where the new files are prepared; move it away"));
}

// The text of the link NAME; empty when it is none of this user's.
std::string TextOfOurLink(int folder, const std::string& name) {
  struct stat info;
  char text[PATH_MAX];
  if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(info.st_mode) ||
      info.st_uid != geteuid()) {
    return "";
  }
  ssize_t size = readlinkat(folder, name.c_str(), text, sizeof(text));
  return size < 0 ? "" : std::string(text, size);
}

// What cannot be looked at is there: whoever wants it away, or wants to know more of it, fails for that
// reason.
bool Exists(int folder, const std::string& name) {
  struct stat info;
  return fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

// PendingFile's.
std::string TemporaryOf(const std::string& name) { return absl::StrCat(".", name, ".kplan-tmp"); }

absl::Status Sync(int folder) {
  return disk::Sync(folder) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "cannot sync the folder");
}

absl::Status Remove(int folder, const std::string& name, int flags = 0) {
  if (unlinkat(folder, name.c_str(), flags) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot remove ", name));
}

// The content of the regular file NAME, empty when there is none.
absl::StatusOr<Secret> ReadIn(int folder, const std::string& name) {
  UniqueFd fd(disk::OpenAt(folder, name.c_str(), O_RDONLY | kOpenFlags));
  if (!fd.ok() && errno == ENOENT) return Secret();
  struct stat info;
  if (!fd.ok() || fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", name));
  // A file that is too large is read only in part: enough to tell that it is no certificate of ours.
  std::string text(std::min<uint64_t>(info.st_size, kMaxPairFile), '\0');
  absl::StatusOr<size_t> n = ReadBlock(fd.get(), 0, &text);
  if (n.ok()) text.resize(*n);
  Secret content(std::move(text));
  if (!n.ok()) return InFront(name, n.status());
  return content;
}

// In place, for a file that nobody can read meanwhile.
absl::Status WriteInPlace(int fd, absl::string_view content) {
  for (size_t done = 0; done < content.size();) {
    ssize_t n = disk::WriteAt(fd, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n < 0) return ErrnoStatus(errno, "cannot overwrite the old certificate");
    done += n;
  }
  if (disk::Truncate(fd, static_cast<off_t>(content.size())) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "cannot cut the old certificate");
}

}  // namespace

PairSwap::PairSwap(InstallTarget certificate, InstallTarget key, PairSwapOptions options)
    : certificate_(std::move(certificate)),
      key_(std::move(key)),
      options_(options),
      lock_(absl::StrCat(certificate_.split.name, ".kplan-pair")),
      link_(absl::StrCat(".", lock_)),
      unfinished_link_(absl::StrCat(link_, ".link")),
      old_stage_(absl::StrCat(link_, ".old")),
      new_stage_(absl::StrCat(link_, ".new")) {}

std::string PairSwap::LinkText(const InstallTarget& target) const {
  return absl::StrCat(link_, "/", target.split.name);
}

absl::StatusOr<UniqueFd> PairSwap::OpenFolder(bool create) const {
  return OpenFolderBelow(certificate_.root, certificate_.split.folder, create);
}

absl::StatusOr<UniqueFd> PairSwap::OpenStage(int folder, const std::string& name) const {
  UniqueFd stage(disk::OpenAt(folder, name.c_str(), O_RDONLY | O_DIRECTORY | kOpenFlags));
  if (!stage.ok() && (errno == ELOOP || errno == ENOTDIR)) return NotOurs(name);
  if (!stage.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", name));
  struct stat info;
  if (fstat(stage.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", name));
  if (info.st_uid != geteuid() || (info.st_mode & 022) != 0) return NotOurs(name);
  return stage;
}

absl::StatusOr<UniqueFd> PairSwap::OpenLinkedStage(int folder) const {
  std::string text = TextOfOurLink(folder, link_);
  if (text == old_stage_ || text == new_stage_) return OpenStage(folder, text);
  if (Exists(folder, link_)) return NotOurs(link_);
  return absl::NotFoundError(absl::StrCat("there is no ", link_));
}

absl::StatusOr<PairSwap::State> PairSwap::Look() const {
  State state;
  absl::StatusOr<UniqueFd> folder = OpenFolder(/*create=*/false);
  if (absl::IsNotFound(folder.status())) return state;
  if (!folder.ok()) return folder.status();
  auto look = [&](const InstallTarget& target, HostFileState* file, bool* linked) {
    absl::StatusOr<HostFileState> found = LookAtHostFile(target.root, target.path);
    if (!found.ok()) return found.status();
    *file = *std::move(found);
    *linked = file->link && TextOfOurLink(folder->get(), target.split.name) == LinkText(target);
    return *linked ? absl::OkStatus() : InFront(target.shown(), MayReplace(*file));
  };
  absl::Status status = look(certificate_, &state.certificate, &state.certificate_linked);
  status.Update(look(key_, &state.key, &state.key_linked));
  for (const std::string& name : {old_stage_, new_stage_}) {
    absl::Status stage = OpenStage(folder->get(), name).status();
    if (stage.ok()) state.left_over = true;
    if (!absl::IsNotFound(stage)) status.Update(stage);
  }
  // That the link leads nowhere is no obstacle, that it leads elsewhere is.
  if (Exists(folder->get(), link_)) {
    state.left_over = true;
    absl::Status stage = OpenLinkedStage(folder->get()).status();
    if (!absl::IsNotFound(stage)) status.Update(stage);
  }
  if (Exists(folder->get(), unfinished_link_)) {
    state.left_over = true;
    if (TextOfOurLink(folder->get(), unfinished_link_).empty()) status.Update(NotOurs(unfinished_link_));
  }
  for (const InstallTarget* target : {&certificate_, &key_}) {
    if (Exists(folder->get(), TemporaryOf(target->split.name))) state.left_over = true;
  }
  state.locked = Exists(folder->get(), TemporaryOf(lock_));
  if (!status.ok()) return status;
  return state;
}

absl::StatusOr<PairContent> PairSwap::Read(const State& state) const {
  PairContent pair;
  if (!state.certificate.exists && !state.key.exists) return pair;
  absl::StatusOr<UniqueFd> folder = OpenFolder(/*create=*/false);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<UniqueFd> stage = absl::NotFoundError("");
  if (state.linked()) stage = OpenLinkedStage(folder->get());
  if (!stage.ok() && !absl::IsNotFound(stage.status())) return stage.status();
  auto read = [&](const InstallTarget& target, bool linked, Secret* content) {
    if (linked && !stage.ok()) return absl::OkStatus();  // somebody took the folder away
    absl::StatusOr<Secret> text = ReadIn(linked ? stage->get() : folder->get(), target.split.name);
    if (text.ok()) *content = *std::move(text);
    return text.status();
  };
  absl::Status status = read(certificate_, state.certificate_linked, &pair.certificate);
  status.Update(read(key_, state.key_linked, &pair.key));
  if (!status.ok()) return status;
  return pair;
}

absl::StatusOr<PendingFile> PairSwap::Lock() const {
  absl::StatusOr<UniqueFd> folder = OpenFolder(/*create=*/true);
  if (!folder.ok()) return folder.status();
  return PendingFile::Create(folder->get(), lock_, 0600);
}

absl::StatusOr<PendingFile> PairSwap::Fill(int folder, const InstallTarget& target,
                                           const Secret& content) const {
  absl::StatusOr<PendingFile> file = StageFile(folder, target.split.name, target);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(content.view()); !status.ok()) return status;
  return file;
}

absl::Status PairSwap::Put(const InstallTarget& target, const Secret& content) const {
  absl::StatusOr<UniqueFd> folder = OpenFolder(/*create=*/true);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file = Fill(folder->get(), target, content);
  return file.ok() ? file->Commit() : file.status();
}

absl::Status PairSwap::MakeStage(int folder, const std::string& name, const PairContent& pair,
                                 UniqueFd* stage) const {
  if (disk::MakeFolder(folder, name.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", name));
  }
  absl::StatusOr<UniqueFd> opened = OpenStage(folder, name);
  if (!opened.ok()) return opened.status();
  *stage = *std::move(opened);
  if (fchmod(stage->get(), 0711) != 0) return ErrnoStatus(errno, "cannot set the mode of a new folder");
  absl::StatusOr<PendingFile> certificate = Fill(stage->get(), certificate_, pair.certificate);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<PendingFile> key = Fill(stage->get(), key_, pair.key);
  if (!key.ok()) return key.status();
  absl::Status status = certificate->Commit();
  if (status.ok()) status = key->Commit();
  return status;
}

absl::Status PairSwap::MakeLink(int folder, const std::string& text, const std::string& name) const {
  if (absl::Status status = Remove(folder, unfinished_link_); !status.ok()) return status;
  if (symlinkat(text.c_str(), folder, unfinished_link_.c_str()) != 0 ||
      disk::Rename(folder, unfinished_link_.c_str(), folder, name.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot make the link ", name));
  }
  return absl::OkStatus();
}

absl::Status PairSwap::Flip(int folder, int old_stage, const PairContent& new_pair,
                            Progress* progress) const {
  UniqueFd old(disk::OpenAt(old_stage, certificate_.split.name.c_str(), O_WRONLY | kOpenFlags));
  if (!old.ok()) return ErrnoStatus(errno, "cannot open the old certificate");
  std::optional<HoldReaders> hold;
  if (options_.hold_readers) hold.emplace(old.get(), kPatience, options_.clock);
  const bool held = hold.has_value() && hold->held();
  // There is nothing that would tell when a reader goes on from one file to the next.
  if (held) options_.clock->SleepFor(options_.drain);
  if (absl::Status status = MakeLink(folder, new_stage_, link_); !status.ok()) return status;
  *progress = Progress::kFlipped;
  // Before the old folder has something else in it: after a power cut the link may not lead there.
  if (absl::Status status = Sync(folder); !status.ok()) return status;
  return held ? WriteInPlace(old.get(), new_pair.certificate.view()) : absl::OkStatus();
}

absl::Status PairSwap::TrySwap(int folder, const PairContent& old_pair, const PairContent& new_pair,
                               Stages* stages, Progress* progress) const {
  // First all that takes room on the disk.
  absl::StatusOr<PendingFile> certificate = Fill(folder, certificate_, new_pair.certificate);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<PendingFile> key = Fill(folder, key_, new_pair.key);
  if (!key.ok()) return key.status();
  absl::Status status = MakeStage(folder, old_stage_, old_pair, &stages->old_one);
  if (status.ok()) status = MakeStage(folder, new_stage_, new_pair, &stages->new_one);
  if (status.ok()) status = MakeLink(folder, old_stage_, link_);
  if (status.ok()) status = Sync(folder);
  if (!status.ok()) return status;

  *progress = Progress::kLinked;
  status = MakeLink(folder, LinkText(certificate_), certificate_.split.name);
  if (status.ok()) status = MakeLink(folder, LinkText(key_), key_.split.name);
  if (status.ok()) status = Sync(folder);
  if (status.ok()) status = Flip(folder, stages->old_one.get(), new_pair, progress);
  if (status.ok()) status = certificate->Commit();
  if (status.ok()) status = key->Commit();
  return status;
}

absl::Status PairSwap::Swap(const PairContent& old_pair, const PairContent& new_pair) const {
  absl::StatusOr<UniqueFd> folder = OpenFolder(/*create=*/false);
  if (!folder.ok()) return folder.status();
  Progress progress = Progress::kPrepared;
  Stages stages;
  absl::Status status = TrySwap(folder->get(), old_pair, new_pair, &stages, &progress);
  if (!status.ok() && progress != Progress::kPrepared) {
    const PairContent& now = progress == Progress::kFlipped ? new_pair : old_pair;
    absl::Status put = Put(certificate_, now.certificate);
    if (put.ok()) put = Put(key_, now.key);
    // Then the links stay. They lead to a pair, and the next run goes on from there.
    if (!put.ok()) return status;
  }
  // Whoever is inside open(2) may have followed the first link and not yet arrived.
  if (progress != Progress::kPrepared) options_.clock->SleepFor(options_.drain);
  status.Update(Clean(folder->get(), stages));
  return status;
}

absl::Status PairSwap::Settle(const State& state, const PairContent& now) const {
  absl::Status status;
  if (state.certificate_linked && !now.certificate.view().empty())
    status = Put(certificate_, now.certificate);
  if (status.ok() && state.key_linked && !now.key.view().empty()) status = Put(key_, now.key);
  if (!status.ok()) return status;
  if (state.linked()) options_.clock->SleepFor(options_.drain);  // as in Swap
  absl::StatusOr<UniqueFd> folder = OpenFolder(/*create=*/false);
  return folder.ok() ? Clean(folder->get(), Stages()) : folder.status();
}

absl::Status PairSwap::RemoveStage(int folder, const std::string& name, const UniqueFd& known) const {
  absl::StatusOr<UniqueFd> opened;
  if (!known.ok()) {
    opened = OpenStage(folder, name);
    if (absl::IsNotFound(opened.status())) return absl::OkStatus();
    if (!opened.ok()) {
      // One that was made and could not be opened is empty.
      return unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 ? absl::OkStatus() : opened.status();
    }
  }
  const int stage = known.ok() ? known.get() : opened->get();
  absl::Status status;
  for (const std::string& file : {key_.split.name, certificate_.split.name}) {
    status.Update(Remove(stage, file));
    status.Update(Remove(stage, TemporaryOf(file)));
  }
  status.Update(Remove(folder, name, AT_REMOVEDIR));
  return status;
}

absl::Status PairSwap::Clean(int folder, const Stages& known) const {
  absl::Status status = Remove(folder, TemporaryOf(certificate_.split.name));
  status.Update(Remove(folder, TemporaryOf(key_.split.name)));
  status.Update(Remove(folder, unfinished_link_));
  status.Update(Remove(folder, link_));
  status.Update(RemoveStage(folder, old_stage_, known.old_one));
  status.Update(RemoveStage(folder, new_stage_, known.new_one));
  status.Update(Sync(folder));  // a copy of the old key must not come back
  return status;
}

}  // namespace kplan
