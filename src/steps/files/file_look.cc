// The look of a file's step, and what of it is told of a host over ssh.

#include <errno.h>
#include <sys/stat.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/secret_content.h"
#include "src/host/install_file.h"
#include "src/host/waiting_file.h"
#include "src/pki/der.h"
#include "src/pki/pem_public.h"
#include "src/step/certificate_changes.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/steps/files/delivery.h"
#include "src/steps/files/file_checked.h"
#include "src/steps/files/file_compare.h"
#include "src/systemd/unit_files.h"

namespace kplan {
namespace {

// All of an open file, in memory that is wiped; nothing when there is too much of it.
absl::StatusOr<std::optional<Secret>> ReadOpen(int fd, size_t max_bytes) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  if (static_cast<uint64_t>(info.st_size) > max_bytes) return std::optional<Secret>();
  std::string text(static_cast<size_t>(info.st_size), '\0');
  absl::StatusOr<size_t> n = ReadBlock(fd, 0, &text);
  if (n.ok()) text.resize(*n);
  std::optional<Secret> content(std::in_place, std::move(text));
  if (!n.ok()) return n.status();
  return content;
}

// The text that will be on the host, where it is known, public and not too large.
absl::StatusOr<std::optional<std::string>> NewText(const FileFields& record, const NewContent& content) {
  if (record.secret) return std::optional<std::string>();
  if (!content.source.has_value()) return content.foreseen->content;
  absl::StatusOr<std::optional<Secret>> text = ReadOpen(content.source->fd.get(), kMaxForeseenText);
  if (!text.ok()) return InFront(content.source->name, text.status());
  if (!text->has_value()) return std::optional<std::string>();
  return std::optional<std::string>(std::string((*text)->view()));
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
  std::optional<std::string> text;  // as NewText()
  ForeseenFile file;
  std::string digest;
};

// SAME: the digest of the content, where it is known already; else empty.
absl::StatusOr<Coming> WhatComes(const FileFields& record, const NewContent& content,
                                 const std::string& same) {
  Coming coming;
  absl::StatusOr<std::optional<std::string>> text = NewText(record, content);
  if (!text.ok()) return text.status();
  coming.text = *std::move(text);
  if (!content.source.has_value()) coming.file = *content.foreseen;
  if (record.secret) {
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
      absl::StatusOr<std::string> digest = Sha256HexOfFile(record.from);
      if (!digest.ok()) return InFront(DoingInstall(record), digest.status());
      coming.digest = *std::move(digest);
    }
    if (!coming.text.has_value()) coming.file.sha256 = coming.digest;
  }
  return coming;
}

// Tells of a private key no more than which it is, and by that, too, whether the digest changes.
absl::Status LookAtSecret(const NewContent& content, const FoundFile& found, Outlook* outlook) {
  outlook->changes_digest = true;
  if (content.public_digest.empty() || !found.fd.ok()) return absl::OkStatus();
  absl::StatusOr<std::optional<Secret>> there = ReadOpen(found.fd.get(), kMaxSecretFile);
  if (!there.ok()) return there.status();
  std::string to;
  if (content.source.has_value()) {
    absl::StatusOr<Secret> wanted = content.source->ReadAll(kMaxSecretFile);
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

// Whether others may not read the file that is there, or that will be.
absl::StatusOr<bool> IsSecret(const FileFields& record, int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  return IsSecretMode(absl::string_view(record.mode)) || IsSecretMode(info.st_mode);
}

// What of the content of a file without a private key changes; NEW_TEXT as above.
absl::Status LookAtContent(const FileFields& record, const NewContent& content, const FoundFile& found,
                           const std::optional<std::string>& new_text, Outlook* outlook) {
  outlook->changes_digest = true;
  if (!found.fd.ok()) return absl::OkStatus();
  absl::StatusOr<bool> secret = IsSecret(record, found.fd.get());
  if (!secret.ok()) return secret.status();
  if (*secret) {
    const std::vector<Change> change = SecretContentChange();
    outlook->changes.insert(outlook->changes.begin(), change.begin(), change.end());
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<Secret>> there = ReadOpen(found.fd.get(), kMaxForeseenText);
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

absl::StatusOr<Outlook> FileLook(const LookContext& context, const FileRecord& record) {
  return LookAtFile(context, record);
}

absl::StatusOr<Outlook> LookAtFile(const LookContext& context, const FileFields& record) {
  absl::StatusOr<InstallTarget> target = InstallTargetOf(record);
  if (!target.ok()) return target.status();
  absl::StatusOr<NewContent> content = NewContent::Open(record, context.foreseen.Find(record.from));
  if (!content.ok()) return content.status();
  absl::StatusOr<FoundFile> found = CompareFile(record, *target, *content);
  if (!found.ok()) return found.status();
  absl::StatusOr<Coming> coming = WhatComes(record, *content, found->digest);
  if (!coming.ok()) return coming.status();

  Outlook outlook;
  outlook.reasons = std::move(found->reasons);
  outlook.changes = std::move(found->changes);
  outlook.digest = coming->digest;
  outlook.beside = found->WillWait();
  if (outlook.reasons.empty()) return outlook;
  if (absl::Status status = CheckMayPlace(record, *target, found->placement); !status.ok()) return status;
  if (found->placement.where == Placement::kLeave) {
    coming->file.comes = ForeseenFile::Comes::kAlready;
  } else if (found->placement.where == Placement::kWait) {
    coming->file.comes = ForeseenFile::Comes::kBeside;
  }
  if (found->digest.empty()) {
    absl::Status status = record.secret ? LookAtSecret(*content, *found, &outlook)
                                        : LookAtContent(record, *content, *found, coming->text, &outlook);
    if (!status.ok()) return InFront(DoingInstall(record), status);
  }
  outlook.files.emplace_back(target->shown(), std::move(coming->file));
  return outlook;
}

absl::StatusOr<Delivery> FileDelivery(const LookContext& context, const FileFields& record) {
  absl::StatusOr<NewContent> content = NewContent::Open(record, context.foreseen.Find(record.from));
  if (!content.ok()) return content.status();
  absl::StatusOr<Coming> coming = WhatComes(record, *content, /*same=*/"");
  if (!coming.ok()) return coming.status();
  Delivery delivery;
  delivery.digest = std::move(coming->digest);
  delivery.files.push_back({record.path, record.from, record.secret, std::move(coming->file)});
  return delivery;
}

absl::StatusOr<Standing> FileStanding(const FileFields& record, KnownDigests* known) {
  absl::StatusOr<InstallTarget> target = InstallTargetOf(record);
  if (!target.ok()) return target.status();
  if (record.waits_for.has_value() && HasWaiting(target->root, target->path)) *target = BesideOf(*target);
  auto fail = [&](const absl::Status& status) {
    return ExplainHostError(status, absl::StrCat("cannot look at ", target->shown()));
  };
  absl::StatusOr<HostFileState> state = LookAtHostFile(target->root, target->path);
  if (!state.ok()) return fail(state.status());
  if (absl::Status status = CheckPlaceNotMasked(target->root, target->path); !status.ok())
    return fail(status);
  if (absl::Status status = MayReplace(*state); !status.ok()) return fail(status);
  Standing standing;
  if (!state->exists) {
    standing.reasons.push_back({"missing", "missing"});
    return standing;
  }
  AddAttributes(AttributeDifferences(*state, target->mode, target->owner), "", &standing.reasons,
                /*changes=*/nullptr);
  absl::StatusOr<UniqueFd> fd = OpenTarget(*target);
  if (!fd.ok()) return fail(fd.status());
  if (record.secret) {
    absl::StatusOr<std::optional<Secret>> there = ReadOpen(fd->get(), kMaxSecretFile);
    if (!there.ok()) return fail(there.status());
    if (there->has_value()) standing.digest = DigestOfSecret(**there);
    return standing;
  }
  KnownDigests nothing;
  absl::StatusOr<std::string> digest =
      (known == nullptr ? &nothing : known)->DigestOf(fd->get(), target->shown());
  if (!digest.ok()) return fail(digest.status());
  standing.digest = *std::move(digest);
  return standing;
}

absl::Status CheckMayPutFile(const FileFields& record) {
  absl::StatusOr<InstallTarget> target = InstallTargetOf(record);
  return target.ok() ? CheckMayPlace(record, *target, {Placement::kWrite}) : target.status();
}

}  // namespace kplan
