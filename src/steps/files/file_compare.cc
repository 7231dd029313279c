#include "src/steps/files/file_compare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/wipe.h"
#include "src/pki/pem_public.h"
#include "src/step/host_outlook.h"
#include "src/steps/files/delivery.h"

namespace kplan {
namespace {

constexpr off_t kMaxBlock = 256 * 1024;

// No more than it needs: touching 256 KiB costs more than comparing a certificate.
size_t BlockSize(const InstallSource& source) {
  return static_cast<size_t>(std::min(kMaxBlock, source.size + 1));
}

// The digest of SOURCE when FD has the same content, empty when it has not: one pass over both.
absl::StatusOr<std::string> DigestIfSame(const InstallSource& source, int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  if (info.st_size != source.size) return std::string();
  Sha256Stream digest;
  std::string other(BlockSize(source), '\0');
  const WipeAtEnd wipe(&other);
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

// A stamp must not be derived from a private key's bytes: the digest of what is public in it instead.
absl::StatusOr<std::string> PublicDigest(const InstallSource& source) {
  if (source.size > kMaxSecretFile) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.name, " holds no private key: it has more than 1 MiB"));
  }
  absl::StatusOr<Secret> pem = source.ReadAll(kMaxSecretFile);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<std::string> part = PublicPartOfPem(pem->view());
  if (!part.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source.name, " ", part.status().message()));
  }
  return Sha256Hex(*part);
}

}  // namespace

absl::Status ForEachBlock(
    const InstallSource& source,
    absl::FunctionRef<absl::StatusOr<bool>(absl::string_view block, off_t offset)> sink) {
  std::string block(BlockSize(source), '\0');
  const WipeAtEnd wipe(&block);
  for (off_t offset = 0;;) {
    absl::StatusOr<size_t> n = ReadBlock(source.fd.get(), offset, &block);
    if (!n.ok()) return InFront(source.name, n.status());
    if (*n == 0) return absl::OkStatus();
    absl::StatusOr<bool> more = sink(absl::string_view(block.data(), *n), offset);
    if (!more.ok() || !*more) return more.status();
    offset += static_cast<off_t>(*n);
  }
}

std::string DoingInstall(const FileFields& record) {
  return absl::StrCat("cannot install ", record.from, " as ", PathFromHere(record.root, record.path));
}

absl::StatusOr<InstallTarget> InstallTargetOf(const FileFields& record) {
  absl::StatusOr<mode_t> mode = ParseMode(record.mode);
  if (!mode.ok()) return mode.status();
  return MakeInstallTarget(record.root, record.path, *mode, record.owner);
}

absl::StatusOr<std::string> NewContent::DigestIfSame(int fd) const {
  if (source.has_value()) return kplan::DigestIfSame(*source, fd);
  std::optional<std::string> digest = DigestOf(*foreseen);
  if (!digest.has_value()) return std::string();
  absl::StatusOr<std::string> there = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", fd));
  if (!there.ok()) return there.status();
  return *there == *digest ? *digest : std::string();
}

absl::StatusOr<NewContent> NewContent::Open(const FileFields& record, const ForeseenFile* foreseen) {
  NewContent content;
  content.foreseen = foreseen;
  if (foreseen != nullptr) {
    if (record.secret && !foreseen->spki.empty()) content.public_digest = Sha256Hex(foreseen->spki);
    return content;
  }
  absl::StatusOr<InstallSource> source = InstallSource::Open(record.from);
  if (!source.ok()) return InFront(DoingInstall(record), source.status());
  if (record.secret) {
    absl::StatusOr<std::string> digest = PublicDigest(*source);
    if (!digest.ok()) return InFront(DoingInstall(record), digest.status());
    content.public_digest = *std::move(digest);
  }
  content.source = *std::move(source);
  return content;
}

absl::StatusOr<UniqueFd> OpenTarget(const InstallTarget& target) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(target.root, target.split.folder, /*create=*/false);
  if (!folder.ok()) return folder.status();
  UniqueFd fd(
      disk::OpenAt(folder->get(), target.split.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot read what is there");
  return fd;
}

absl::StatusOr<FoundFile> CompareFile(const FileFields& record, const InstallTarget& target,
                                      const NewContent& content) {
  auto fail = [&](const absl::Status& status) { return ExplainHostError(status, DoingInstall(record)); };
  FoundFile found;
  absl::StatusOr<HostFileState> state = LookAtHostFile(target.root, target.path);
  if (!state.ok()) return fail(state.status());
  if (absl::Status status = MayReplace(*state); !status.ok()) return InFront(DoingInstall(record), status);
  if (!state->exists) {
    found.reasons.push_back({"missing", "missing"});
    return found;
  }
  absl::StatusOr<UniqueFd> fd = OpenTarget(target);
  if (!fd.ok()) return fail(fd.status());
  found.fd = *std::move(fd);
  absl::StatusOr<std::string> digest = content.DigestIfSame(found.fd.get());
  if (!digest.ok()) return fail(digest.status());
  found.digest = *std::move(digest);
  if (found.digest.empty()) found.reasons.push_back({"content", "content differs"});
  AddAttributes(AttributeDifferences(*state, target.mode, target.owner), "", &found.reasons, &found.changes);
  return found;
}

}  // namespace kplan
