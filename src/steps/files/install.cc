// install: {"from":"pki/ca.pem","kind":"install","mode":"0644","owner":"etcd:etcd","path":"/etc/etcd/ca.pem",
//           "root":"./rootfs","secret":false}     (owner: host/host_owner.h; owner and secret are optional)
// A file of the working folder, put on a host: content, mode and owner. It is replaced whole, by a rename,
// whatever differs: so a running binary is no obstacle, and whoever had the old file open for writing has the
// old file.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/install_file.h"
#include "src/pki/der.h"
#include "src/pki/pem_public.h"
#include "src/step/certificate_changes.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/files/delivery.h"
#include "src/steps/files/install_checked.h"

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

// What of the record is about the working folder.
struct Origin {
  std::string from, path, root;  // path: inside root
  bool secret = false;

  static Origin From(const Record& record) {
    return {record.String("from"), record.String("path"), record.String("root"),
            record.BoolOr("secret", false)};
  }
  std::string Doing() const {
    return absl::StrCat("cannot install ", from, " as ", PathFromHere(root, path));
  }
};

// What the record asks for.
struct Installation {
  Origin origin;
  InstallTarget target;

  static absl::StatusOr<Installation> From(const Record& record);
  std::string Doing() const { return origin.Doing(); }
};

absl::StatusOr<Installation> Installation::From(const Record& record) {
  Installation install;
  install.origin = Origin::From(record);
  std::string mode_text = record.String("mode");
  std::string owner = record.StringOr("owner", "");
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<mode_t> mode = ParseMode(mode_text);
  if (!mode.ok()) return mode.status();
  absl::StatusOr<InstallTarget> target =
      MakeInstallTarget(install.origin.root, install.origin.path, *mode, owner);
  if (!target.ok()) return target.status();
  install.target = *std::move(target);
  return install;
}

// What goes to the host: a file of the working folder as it is, or as a step before this one will leave it.
struct Content {
  absl::optional<InstallSource> source;
  const ForeseenFile* foreseen = nullptr;  // without a source
  std::string public_digest;               // of a secret, where it is known

  static absl::StatusOr<Content> Open(const Origin& origin, const ForeseenFile* foreseen);

  // The digest of this content when the open file FD holds the same, empty when it does not, or when that
  // cannot be told yet.
  absl::StatusOr<std::string> DigestIfSame(int fd) const {
    if (source.has_value()) return kplan::DigestIfSame(*source, fd);
    absl::optional<std::string> digest = DigestOf(*foreseen);
    if (!digest.has_value()) return std::string();
    absl::StatusOr<std::string> there = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", fd));
    if (!there.ok()) return there.status();
    return *there == *digest ? *digest : std::string();
  }
};

absl::StatusOr<Content> Content::Open(const Origin& origin, const ForeseenFile* foreseen) {
  Content content;
  content.foreseen = foreseen;
  if (foreseen != nullptr) {
    if (origin.secret && !foreseen->spki.empty()) content.public_digest = Sha256Hex(foreseen->spki);
    return content;
  }
  absl::StatusOr<InstallSource> source = InstallSource::Open(origin.from);
  if (!source.ok()) return InFront(origin.Doing(), source.status());
  if (origin.secret) {
    absl::StatusOr<std::string> digest = PublicDigest(*source);
    if (!digest.ok()) return InFront(origin.Doing(), digest.status());
    content.public_digest = *std::move(digest);
  }
  content.source = *std::move(source);
  return content;
}

// The file that is at TARGET, which is one.
absl::StatusOr<UniqueFd> OpenTarget(const InstallTarget& target) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(target.root, target.split.folder, /*create=*/false);
  if (!folder.ok()) return folder.status();
  UniqueFd fd(
      openat(folder->get(), target.split.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot read what is there");
  return fd;
}

// What is on the host, beside what has to be there.
struct Found {
  UniqueFd fd;         // the file that is there; none when it is missing
  std::string digest;  // of the content, when that is right already
  std::vector<Reason> reasons;
  std::vector<Change> changes;  // of its attributes
};

absl::StatusOr<Found> Compare(const Installation& install, const Content& content) {
  const InstallTarget& target = install.target;
  auto fail = [&](const absl::Status& status) { return ExplainHostError(status, install.Doing()); };
  Found found;
  absl::StatusOr<HostFileState> state = LookAtHostFile(target.root, target.path);
  if (!state.ok()) return fail(state.status());
  if (absl::Status status = MayReplace(*state); !status.ok()) return InFront(install.Doing(), status);
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

// All of an open file, in memory that is wiped; nothing when there is too much of it.
absl::StatusOr<absl::optional<Secret>> ReadOpen(int fd, size_t max_bytes) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  if (static_cast<uint64_t>(info.st_size) > max_bytes) return absl::optional<Secret>();
  std::string text(static_cast<size_t>(info.st_size), '\0');
  absl::StatusOr<size_t> n = ReadBlock(fd, 0, &text);
  if (n.ok()) text.resize(*n);
  absl::optional<Secret> content(absl::in_place, std::move(text));
  if (!n.ok()) return n.status();
  return content;
}

// The text that will be on the host, where it is known, public and not too large.
absl::StatusOr<absl::optional<std::string>> NewText(const Origin& origin, const Content& content) {
  if (origin.secret) return absl::optional<std::string>();
  if (!content.source.has_value()) return content.foreseen->content;
  absl::StatusOr<absl::optional<Secret>> text = ReadOpen(content.source->fd.get(), kMaxForeseenText);
  if (!text.ok()) return InFront(content.source->name, text.status());
  if (!text->has_value()) return absl::optional<std::string>();
  return absl::optional<std::string>(std::string((*text)->view()));
}

std::string DigestOfSecret(const Secret& pem) {
  absl::StatusOr<std::string> part = PublicPartOfPem(pem.view());
  return part.ok() ? Sha256Hex(*part) : "";
}

// The SubjectPublicKeyInfo of the private key in PEM; empty when there is none.
std::string SpkiOf(const Secret& pem) {
  absl::StatusOr<std::string> part = PublicPartOfPem(pem.view());
  return part.ok() ? std::string(DerReader(*part).Read(V_ASN1_SEQUENCE).whole) : "";
}

// What will be there, and by which digest the step will call it ("": not known before).
struct Coming {
  absl::optional<std::string> text;  // as NewText()
  ForeseenFile file;
  std::string digest;
};

// SAME: the digest of the content, where it is known already; else empty.
absl::StatusOr<Coming> WhatComes(const Origin& origin, const Content& content, const std::string& same) {
  Coming coming;
  absl::StatusOr<absl::optional<std::string>> text = NewText(origin, content);
  if (!text.ok()) return text.status();
  coming.text = *std::move(text);
  if (!content.source.has_value()) coming.file = *content.foreseen;
  if (origin.secret) {
    coming.digest = content.public_digest;
  } else if (!content.source.has_value()) {
    coming.digest = DigestOf(coming.file).value_or("");
  } else {
    coming.file.content = coming.text;
    if (!same.empty()) {
      coming.digest = same;
    } else if (coming.text.has_value()) {
      coming.digest = Sha256Hex(*coming.text);
    } else {
      absl::StatusOr<std::string> digest = Sha256HexOfFile(origin.from);
      if (!digest.ok()) return InFront(origin.Doing(), digest.status());
      coming.digest = *std::move(digest);
    }
    if (!coming.text.has_value()) coming.file.sha256 = coming.digest;
  }
  return coming;
}

// Of a private key no more is told than which it is; and by that, too, whether the digest changes.
absl::Status LookAtSecret(const Content& content, const Found& found, Outlook* outlook) {
  outlook->changes_digest = true;
  if (content.public_digest.empty() || !found.fd.ok()) return absl::OkStatus();
  absl::StatusOr<absl::optional<Secret>> there = ReadOpen(found.fd.get(), kMaxSecret);
  if (!there.ok()) return there.status();
  std::string to;
  if (content.source.has_value()) {
    absl::StatusOr<Secret> wanted = content.source->ReadAll(kMaxSecret);
    if (!wanted.ok()) return wanted.status();
    to = SpkiOf(*wanted);
  } else {
    to = content.foreseen->spki;
  }
  const std::string from = there->has_value() ? SpkiOf(**there) : "";
  if (from != to) {
    outlook->changes.push_back({"key", from.empty() ? "" : KeyFingerprint(from), KeyFingerprint(to)});
  }
  outlook->changes_digest = !there->has_value() || DigestOfSecret(**there) != content.public_digest;
  return absl::OkStatus();
}

// What of the content of a public file changes; NEW_TEXT as above.
absl::Status LookAtContent(const Content& content, const Found& found,
                           const absl::optional<std::string>& new_text, Outlook* outlook) {
  outlook->changes_digest = true;
  if (!found.fd.ok()) return absl::OkStatus();
  absl::StatusOr<absl::optional<Secret>> there = ReadOpen(found.fd.get(), kMaxForeseenText);
  if (!there.ok()) return there.status();
  std::vector<Change> changes;
  if (there->has_value() && new_text.has_value()) {
    changes = ContentChanges((*there)->view(), *new_text);
  } else if (there->has_value() && content.foreseen != nullptr && content.foreseen->certificate != nullptr) {
    changes = ContentChanges((*there)->view(), *content.foreseen->certificate);
  } else if (!outlook->digest.empty()) {
    absl::StatusOr<std::string> old = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", found.fd.get()));
    if (!old.ok()) return old.status();
    changes = {{"content", DigestText(*old), DigestText(outlook->digest)}};
  }
  outlook->changes.insert(outlook->changes.begin(), changes.begin(), changes.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> InstallChecked(
    const Record& record, absl::FunctionRef<absl::Status(const InstallSource& source)> check) {
  absl::StatusOr<Installation> install = Installation::From(record);
  if (!install.ok()) return install.status();
  absl::StatusOr<Content> content = Content::Open(install->origin, nullptr);
  if (!content.ok()) return content.status();
  absl::StatusOr<Found> found = Compare(*install, *content);
  if (!found.ok()) return found.status();
  StepResult result;
  result.files = {install->target.shown()};
  result.reason = Join(found->reasons);
  absl::StatusOr<std::string> digest = found->digest;
  if (!result.reason.empty()) {
    if (absl::Status status = check(*content->source); !status.ok()) return InFront(install->Doing(), status);
    digest = Put(*content->source, install->target);
  }
  if (!digest.ok()) return ExplainHostError(digest.status(), install->Doing());
  result.digest = install->origin.secret ? content->public_digest : *digest;
  return result;
}

absl::StatusOr<StepResult> InstallStep(const StepContext&, const Record& record) {
  return InstallChecked(record, [](const InstallSource&) { return absl::OkStatus(); });
}

absl::StatusOr<Outlook> InstallLook(const LookContext& context, const Record& record) {
  absl::StatusOr<Installation> install = Installation::From(record);
  if (!install.ok()) return install.status();
  const Origin& origin = install->origin;
  absl::StatusOr<Content> content = Content::Open(origin, context.foreseen.Find(origin.from));
  if (!content.ok()) return content.status();
  absl::StatusOr<Found> found = Compare(*install, *content);
  if (!found.ok()) return found.status();
  absl::StatusOr<Coming> coming = WhatComes(origin, *content, found->digest);
  if (!coming.ok()) return coming.status();

  Outlook outlook;
  outlook.reasons = std::move(found->reasons);
  outlook.changes = std::move(found->changes);
  outlook.digest = coming->digest;
  if (outlook.reasons.empty()) return outlook;
  if (found->digest.empty()) {
    absl::Status status = origin.secret ? LookAtSecret(*content, *found, &outlook)
                                        : LookAtContent(*content, *found, coming->text, &outlook);
    if (!status.ok()) return InFront(install->Doing(), status);
  }
  outlook.files.emplace_back(install->target.shown(), std::move(coming->file));
  return outlook;
}

absl::StatusOr<Delivery> InstallDelivery(const LookContext& context, const Record& record) {
  const Origin origin = Origin::From(record);
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<Content> content = Content::Open(origin, context.foreseen.Find(origin.from));
  if (!content.ok()) return content.status();
  absl::StatusOr<Coming> coming = WhatComes(origin, *content, /*same=*/"");
  if (!coming.ok()) return coming.status();
  Delivery delivery;
  delivery.digest = std::move(coming->digest);
  delivery.files.push_back({origin.path, origin.from, origin.secret, std::move(coming->file)});
  return delivery;
}

absl::StatusOr<Standing> InstallStanding(const Record& record) {
  absl::StatusOr<Installation> install = Installation::From(record);
  if (!install.ok()) return install.status();
  const InstallTarget& target = install->target;
  auto fail = [&](const absl::Status& status) {
    return ExplainHostError(status, absl::StrCat("cannot look at ", target.shown()));
  };
  absl::StatusOr<HostFileState> state = LookAtHostFile(target.root, target.path);
  if (!state.ok()) return fail(state.status());
  if (absl::Status status = MayReplace(*state); !status.ok()) return fail(status);
  Standing standing;
  if (!state->exists) {
    standing.reasons.push_back({"missing", "missing"});
    return standing;
  }
  AddAttributes(AttributeDifferences(*state, target.mode, target.owner), "", &standing.reasons,
                /*changes=*/nullptr);
  absl::StatusOr<UniqueFd> fd = OpenTarget(target);
  if (!fd.ok()) return fail(fd.status());
  if (install->origin.secret) {
    absl::StatusOr<absl::optional<Secret>> there = ReadOpen(fd->get(), kMaxSecret);
    if (!there.ok()) return fail(there.status());
    if (there->has_value()) standing.digest = DigestOfSecret(**there);
    return standing;
  }
  absl::StatusOr<std::string> digest = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", fd->get()));
  if (!digest.ok()) return fail(digest.status());
  standing.digest = *std::move(digest);
  return standing;
}

}  // namespace kplan
