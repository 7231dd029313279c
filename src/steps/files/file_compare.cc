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
#include "src/host/may_write.h"
#include "src/host/service_marker.h"
#include "src/host/waiting_file.h"
#include "src/pki/pem_public.h"
#include "src/step/host_outlook.h"
#include "src/steps/files/delivery.h"
#include "src/steps/files/file_checked.h"
#include "src/steps/files/service_seen.h"
#include "src/systemd/unit_files.h"

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

// What is at one of the two names that the file may have.
struct Sight {
  HostFileState state;
  UniqueFd fd;         // none when nothing is there
  std::string digest;  // of the content, when that is right
  std::vector<AttributeDifference> attributes;

  PlacementFacts::Place AsPlace() const {
    if (!state.exists) return PlacementFacts::Place::kMissing;
    if (digest.empty()) return PlacementFacts::Place::kOther;
    return attributes.empty() ? PlacementFacts::Place::kRight : PlacementFacts::Place::kAttributes;
  }
  PlacementFacts::Waiting AsWaiting() const {
    if (!state.exists) return PlacementFacts::Waiting::kNothing;
    return digest.empty() || !attributes.empty() ? PlacementFacts::Waiting::kOther
                                                 : PlacementFacts::Waiting::kRight;
  }
};

absl::StatusOr<Sight> See(const InstallTarget& target, const NewContent& content) {
  Sight sight;
  absl::StatusOr<HostFileState> state = LookAtHostFile(target.root, target.path);
  if (!state.ok()) return state.status();
  if (absl::Status status = CheckPlaceNotMasked(target.root, target.path); !status.ok()) return status;
  if (absl::Status status = MayReplace(*state); !status.ok()) return status;
  sight.state = *std::move(state);
  if (!sight.state.exists) return sight;
  absl::StatusOr<UniqueFd> fd = OpenTarget(target);
  if (!fd.ok()) return fd.status();
  sight.fd = *std::move(fd);
  absl::StatusOr<std::string> digest = content.DigestIfSame(sight.fd.get());
  if (!digest.ok()) return digest.status();
  sight.digest = *std::move(digest);
  sight.attributes = AttributeDifferences(sight.state, target.mode, target.owner);
  return sight;
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

absl::StatusOr<std::string> NewContent::DigestForMarker(bool open) const {
  if (source.has_value())
    return kplan::DigestForMarker(absl::StrCat("/proc/self/fd/", source->fd.get()), open);
  return public_digest.empty() ? DigestOf(*foreseen).value_or("") : public_digest;
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

InstallTarget BesideOf(const InstallTarget& target) {
  InstallTarget beside = target;
  beside.path = WaitingPath(target.path);
  beside.split.name = WaitingPath(target.split.name);
  return beside;
}

absl::Status CheckMayPlace(const FileFields& record, const InstallTarget& target,
                           const Placement& placement) {
  if (placement.where == Placement::kLeave) return absl::OkStatus();
  absl::Status status = CheckMayWrite(WriteDeed::kReplace, target.root, target.path, target.owner);
  return status.ok() ? status : ExplainHostError(status, DoingInstall(record));
}

absl::StatusOr<FoundFile> CompareFile(const FileFields& record, const InstallTarget& target,
                                      const NewContent& content) {
  auto fail = [&](const absl::Status& status) { return ExplainHostError(status, DoingInstall(record)); };
  absl::StatusOr<Sight> place = See(target, content);
  if (!place.ok()) return fail(place.status());
  absl::StatusOr<Sight> beside = Sight();
  // What else may have that name concerns those only who put something there.
  if (record.waits_for.has_value() || HasWaiting(target.root, target.path))
    beside = See(BesideOf(target), content);
  if (!beside.ok()) return fail(beside.status());

  PlacementFacts facts;
  facts.place = place->AsPlace();
  facts.waiting = beside->AsWaiting();
  facts.program = (target.mode & 0111) != 0;
  facts.waits_for = record.waits_for.has_value();
  if (facts.ServiceMatters()) {
    absl::StatusOr<PlacementFacts::Service> service =
        SeeService(*record.waits_for, target.root, target.path,
                   [&] { return content.DigestForMarker((target.mode & S_IROTH) != 0); });
    if (!service.ok()) return fail(service.status());
    facts.service = *service;
  }

  FoundFile found;
  found.placement = DecidePlacement(facts);
  found.waits = found.placement.where == Placement::kLeave && facts.place != PlacementFacts::Place::kRight;
  found.digest = found.waits ? std::move(beside->digest) : std::move(place->digest);
  found.fd = std::move(place->fd);
  if (found.waits) return found;
  if (!place->state.exists) {
    found.reasons.push_back({"missing", "missing"});
    return found;
  }
  if (found.digest.empty()) found.reasons.push_back({"content", "content differs"});
  AddAttributes(place->attributes, "", &found.reasons, &found.changes);
  if (found.reasons.empty() && found.placement.take_away)
    found.reasons.push_back({"waiting", "a change that waited for a restart is taken back"});
  return found;
}

}  // namespace kplan
