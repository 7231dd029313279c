// install: {"from":"pki/ca.pem","kind":"install","mode":"0644","owner":"etcd:etcd","path":"/etc/etcd/ca.pem",
//           "root":"./rootfs","secret":false}     (owner: see host_owner.h; owner and secret are optional)
// A file of the working folder, put on a host: content, mode and owner. It is replaced whole, by a rename,
// whatever differs: so a running binary is no obstacle, and whoever had the old file open for writing has the
// old file.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/host_file.h"
#include "src/steps/host_owner.h"
#include "src/steps/pem_public.h"
#include "src/steps/step.h"

namespace kplan {
namespace {

constexpr off_t kMaxBlock = 256 * 1024;
constexpr off_t kMaxSecret = 1 << 20;

struct Target {
  std::string root, path;
  HostPath split;
  mode_t mode = 0;
  absl::optional<HostOwner> owner;
};

struct Source {
  std::string name;
  UniqueFd fd;
  off_t size = 0;

  // No more than it needs: touching 256 KiB costs more than comparing a certificate.
  size_t BlockSize() const { return static_cast<size_t>(std::min(kMaxBlock, size + 1)); }
};

absl::StatusOr<Source> OpenSource(const std::string& name) {
  Source source;
  source.name = name;
  source.fd = UniqueFd(open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source.fd.ok() && errno == ELOOP) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " is a symbolic link; it must be the file itself"));
  }
  if (!source.fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", name));
  struct stat info;
  if (fstat(source.fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", name));
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(name, " is no regular file"));
  source.size = info.st_size;
  return source;
}

// Fills BLOCK from OFFSET on, but for the end of the file; the number of bytes read.
absl::StatusOr<size_t> ReadBlock(int fd, off_t offset, std::string* block) {
  size_t filled = 0;
  while (filled < block->size()) {
    ssize_t n = pread(fd, &(*block)[filled], block->size() - filled, offset + static_cast<off_t>(filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "cannot read");
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

// Hands the content of SOURCE to SINK, block by block, until it returns false or an error.
template <typename Sink>
absl::Status ForEachBlock(const Source& source, Sink sink) {
  std::string block(source.BlockSize(), '\0');
  for (off_t offset = 0;;) {
    absl::StatusOr<size_t> n = ReadBlock(source.fd.get(), offset, &block);
    if (!n.ok())
      return absl::Status(n.status().code(), absl::StrCat(source.name, ": ", n.status().message()));
    if (*n == 0) return absl::OkStatus();
    absl::StatusOr<bool> more = sink(absl::string_view(block.data(), *n), offset);
    if (!more.ok() || !*more) return more.status();
    offset += static_cast<off_t>(*n);
  }
}

// The digest of SOURCE when FD has the same content, empty when it has not: one pass over both.
absl::StatusOr<std::string> DigestIfSame(const Source& source, int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  if (info.st_size != source.size) return std::string();
  Sha256Stream digest;
  std::string other(source.BlockSize(), '\0');
  bool same = true;
  absl::Status status =
      ForEachBlock(source, [&](absl::string_view block, off_t offset) -> absl::StatusOr<bool> {
        absl::StatusOr<size_t> n = ReadBlock(fd, offset, &other);
        if (!n.ok()) return n.status();
        same = *n == block.size() && memcmp(other.data(), block.data(), block.size()) == 0;
        digest.Update(block);
        return same;
      });
  if (!status.ok()) return status;
  return same ? digest.FinishHex() : std::string();
}

// Writes the content of SOURCE to TARGET; returns its digest.
absl::StatusOr<std::string> Put(const Source& source, const Target& target) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(target.root, target.split.folder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file = PendingFile::Create(folder->get(), target.split.name, target.mode);
  if (!file.ok()) return file.status();
  if (absl::Status status = GiveTo(target.owner, file->fd()); !status.ok()) return status;
  if (fchmod(file->fd(), target.mode) != 0) return ErrnoStatus(errno, "cannot set the mode");
  Sha256Stream digest;
  absl::Status status = ForEachBlock(source, [&](absl::string_view block, off_t) -> absl::StatusOr<bool> {
    digest.Update(block);
    if (absl::Status status = file->Append(block); !status.ok()) return status;
    return true;
  });
  if (status.ok()) status = file->Commit();
  if (!status.ok()) return status;
  return digest.FinishHex();
}

// Sets *REASON to what differs, empty when nothing does; returns the digest of the content when that is the
// same.
absl::StatusOr<std::string> Compare(const Source& source, const Target& target, const HostFileState& state,
                                    std::string* reason) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(target.root, target.split.folder, /*create=*/false);
  if (!folder.ok()) return folder.status();
  UniqueFd fd(
      openat(folder->get(), target.split.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot read what is there");
  absl::StatusOr<std::string> digest = DigestIfSame(source, fd.get());
  if (!digest.ok()) return digest;
  std::vector<std::string> reasons = AttributeDifferences(state, target.mode, target.owner);
  if (digest->empty()) reasons.insert(reasons.begin(), "content differs");
  *reason = absl::StrJoin(reasons, "; ");
  return digest;
}

// A stamp must not be derived from a private key's bytes: the digest of what is public in it instead.
absl::StatusOr<std::string> PublicDigest(const Source& source) {
  if (source.size > kMaxSecret) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.name, " holds no private key: it has more than 1 MiB"));
  }
  std::string pem(static_cast<size_t>(source.size), '\0');
  absl::StatusOr<size_t> n = ReadBlock(source.fd.get(), 0, &pem);
  if (!n.ok()) return n.status();
  absl::StatusOr<std::string> part = PublicPartOfPem(absl::string_view(pem).substr(0, *n));
  explicit_bzero(&pem[0], pem.size());
  if (!part.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source.name, " ", part.status().message()));
  }
  return Sha256Hex(*part);
}

absl::StatusOr<Target> ReadTarget(const Record& record) {
  Target target;
  std::string mode_text = record.String("mode");
  std::string owner_text = record.StringOr("owner", "");
  target.path = record.String("path");
  target.root = record.String("root");
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<HostPath> split = SplitHostPath(target.path);
  if (!split.ok()) return split.status();
  target.split = *split;
  absl::StatusOr<mode_t> mode = ParseMode(mode_text);
  if (!mode.ok()) return mode.status();
  target.mode = *mode;
  absl::StatusOr<absl::optional<HostOwner>> owner = OwnerBelow(target.root, owner_text);
  if (!owner.ok()) return ExplainHostError(owner.status(), PathFromHere(target.root, target.path));
  target.owner = *owner;
  return target;
}

}  // namespace

absl::StatusOr<StepResult> InstallStep(const StepContext&, const Record& record) {
  std::string from = record.String("from");
  bool secret = record.BoolOr("secret", false);
  absl::StatusOr<Target> target = ReadTarget(record);
  if (!target.ok()) return target.status();
  const std::string shown = PathFromHere(target->root, target->path);
  const std::string doing = absl::StrCat("cannot install ", from, " as ", shown);

  absl::StatusOr<Source> source = OpenSource(from);
  if (!source.ok())
    return absl::Status(source.status().code(), absl::StrCat(doing, ": ", source.status().message()));
  StepResult result;
  result.files = {shown};
  std::string public_digest;
  if (secret) {
    absl::StatusOr<std::string> digest = PublicDigest(*source);
    if (!digest.ok())
      return absl::Status(digest.status().code(), absl::StrCat(doing, ": ", digest.status().message()));
    public_digest = *digest;
  }
  absl::StatusOr<HostFileState> state = LookAtHostFile(target->root, target->path);
  if (!state.ok()) return ExplainHostError(state.status(), doing);
  if (state->exists && !state->regular) {
    return absl::FailedPreconditionError(absl::StrCat(
        doing, ": there is a ", state->kind, ", which kplan neither follows nor replaces; move it away"));
  }
  absl::StatusOr<std::string> digest = std::string();
  result.reason = "missing";
  if (state->exists) digest = Compare(*source, *target, *state, &result.reason);
  if (digest.ok() && !result.reason.empty()) digest = Put(*source, *target);
  if (!digest.ok()) return ExplainHostError(digest.status(), doing);
  result.digest = secret ? public_digest : *digest;
  return result;
}

}  // namespace kplan
