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
#include "src/steps/install_file.h"
#include "src/steps/pem_public.h"
#include "src/steps/step.h"

namespace kplan {
namespace {

constexpr off_t kMaxBlock = 256 * 1024;
constexpr off_t kMaxSecret = 1 << 20;

// No more than it needs: touching 256 KiB costs more than comparing a certificate.
size_t BlockSize(const InstallSource& source) {
  return static_cast<size_t>(std::min(kMaxBlock, source.size + 1));
}

// Hands the content of SOURCE to SINK, block by block, until it returns false or an error.
template <typename Sink>
absl::Status ForEachBlock(const InstallSource& source, Sink sink) {
  std::string block(BlockSize(source), '\0');
  for (off_t offset = 0;;) {
    absl::StatusOr<size_t> n = ReadBlock(source.fd.get(), offset, &block);
    if (!n.ok()) return InFront(source.name, n.status());
    if (*n == 0) return absl::OkStatus();
    absl::StatusOr<bool> more = sink(absl::string_view(block.data(), *n), offset);
    if (!more.ok() || !*more) return more.status();
    offset += static_cast<off_t>(*n);
  }
}

// The digest of SOURCE when FD has the same content, empty when it has not: one pass over both.
absl::StatusOr<std::string> DigestIfSame(const InstallSource& source, int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  if (info.st_size != source.size) return std::string();
  Sha256Stream digest;
  std::string other(BlockSize(source), '\0');
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
absl::StatusOr<std::string> Put(const InstallSource& source, const InstallTarget& target) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(target.root, target.split.folder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file = StageFile(folder->get(), target.split.name, target);
  if (!file.ok()) return file.status();
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
absl::StatusOr<std::string> Compare(const InstallSource& source, const InstallTarget& target,
                                    const HostFileState& state, std::string* reason) {
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
absl::StatusOr<std::string> PublicDigest(const InstallSource& source) {
  if (source.size > kMaxSecret) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.name, " holds no private key: it has more than 1 MiB"));
  }
  absl::StatusOr<Secret> pem = source.ReadAll(kMaxSecret);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<std::string> part = PublicPartOfPem(pem->view());
  if (!part.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source.name, " ", part.status().message()));
  }
  return Sha256Hex(*part);
}

absl::StatusOr<InstallTarget> ReadTarget(const Record& record) {
  std::string mode_text = record.String("mode");
  std::string owner = record.StringOr("owner", "");
  std::string path = record.String("path");
  std::string root = record.String("root");
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<mode_t> mode = ParseMode(mode_text);
  if (!mode.ok()) return mode.status();
  return MakeInstallTarget(root, path, *mode, owner);
}

}  // namespace

absl::StatusOr<StepResult> InstallStep(const StepContext&, const Record& record) {
  std::string from = record.String("from");
  bool secret = record.BoolOr("secret", false);
  absl::StatusOr<InstallTarget> target = ReadTarget(record);
  if (!target.ok()) return target.status();
  const std::string shown = target->shown();
  const std::string doing = absl::StrCat("cannot install ", from, " as ", shown);

  absl::StatusOr<InstallSource> source = InstallSource::Open(from);
  if (!source.ok()) return InFront(doing, source.status());
  StepResult result;
  result.files = {shown};
  std::string public_digest;
  if (secret) {
    absl::StatusOr<std::string> digest = PublicDigest(*source);
    if (!digest.ok()) return InFront(doing, digest.status());
    public_digest = *digest;
  }
  absl::StatusOr<HostFileState> state = LookAtHostFile(target->root, target->path);
  if (!state.ok()) return ExplainHostError(state.status(), doing);
  if (absl::Status status = MayReplace(*state); !status.ok()) return InFront(doing, status);
  absl::StatusOr<std::string> digest = std::string();
  result.reason = "missing";
  if (state->exists) digest = Compare(*source, *target, *state, &result.reason);
  if (digest.ok() && !result.reason.empty()) digest = Put(*source, *target);
  if (!digest.ok()) return ExplainHostError(digest.status(), doing);
  result.digest = secret ? public_digest : *digest;
  return result;
}

}  // namespace kplan
