#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/real_path.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"
#include "src/pki/key_text.h"
#include "src/pki/passphrase.h"
#include "src/pki/private_key.h"
#include "src/step/certificate_changes.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

// A private key. A CA's (`ca`) is never replaced. Where a passphrase is given, the file is encrypted
// (pki/encrypted_key.h); Ed25519 is always PKCS#8.
// Digest: of the SubjectPublicKeyInfo.
//
// The right key in another form than the record's is written again, the same key: nothing that depends on it
// is stale. That holds for a CA's key too. (Where a key was not encrypted, its old bytes stay in the free
// blocks of the disk, in snapshots and in backups: nothing that writes files can promise otherwise.)

namespace kplan {
namespace {

struct Spec {
  std::string path, algo, certificate;
  int size = 0;
  int64_t generation = 1;
  bool ca = false, exchanged = false;
  KeyForm form = KeyForm::kTraditional;
  PassphraseSource passphrase;
  std::string kind() const { return KindOfKey(algo, size); }
};

absl::StatusOr<Spec> ReadSpec(const KeyRecord& record) {
  Spec spec;
  spec.path = record.path;
  spec.algo = record.algo;
  spec.size = static_cast<int>(std::clamp<int64_t>(record.size, 0, 1 << 20));
  spec.generation = record.generation;
  spec.ca = record.ca;
  spec.certificate = record.certificate;
  spec.exchanged = record.exchanged;
  if (absl::Status status = record.Complete(); !status.ok()) return status;
  if (!record.format.empty() && record.format != "pkcs8")
    return absl::InvalidArgumentError(absl::StrCat("the record's \"format\" is no format: ", record.format));
  if (spec.generation < 1 || (spec.ca && spec.generation != 1))
    return absl::InvalidArgumentError("the record's \"generation\" is not possible");
  spec.passphrase = record.passphrase;
  if (spec.passphrase.given()) {
    spec.form = KeyForm::kEncrypted;
  } else if (record.format == "pkcs8" || spec.algo == "ed25519") {
    spec.form = KeyForm::kPkcs8;
  }
  return spec;
}

// What is on disk: the right key, or why another has to be made.
struct Found {
  std::optional<PrivateKey> key;
  Secret text;  // of the file, when it has a key
  std::vector<Reason>
      rewrite;  // why the right key has to be written again; empty when its file is right, too
  std::vector<Reason> reasons;  // why another key has to be made
  std::string spki;             // of the key that is there, right or not; empty when that is not known
  bool exists = false;
  bool shut = false;        // of a look: there is a key, encrypted, and it is taken for the right one
  bool unreadable = false;  // something else is in the key's place, or it is damaged
};

// Whether a CA key that is not there may be made. A run that is killed leaves a key without its certificate,
// never the other way about; a certificate alone means that the key was lost, or is kept elsewhere, and a new
// key would quietly begin another CA under the same name while the old one is trusted on every host.
absl::Status CheckNewCaKey(const Spec& spec) {
  struct stat info;
  if (lstat(spec.certificate.c_str(), &info) != 0) return absl::OkStatus();
  if (lstat(spec.path.c_str(), &info) == 0) return absl::OkStatus();  // another run has just made both
  return absl::FailedPreconditionError(
      absl::StrCat(spec.path, " is missing, but the CA certificate ", spec.certificate,
                   " is there; a CA key is never made a second time. Restore the key from a backup; to begin "
                   "a new CA, move the certificate away too (every host has to trust the new one, and every "
                   "certificate is signed again)"));
}

// Whether a CA's key is the one that hosts may trust, as far as the other generations say that are here. A
// spec from which `key-generation` was taken away would go on with the first key as if nothing had been.
absl::Status CheckGeneration(const Spec& spec) {
  struct stat info;
  const std::string retired = paths::Retired(spec.certificate);
  if (lstat(retired.c_str(), &info) == 0 && lstat(spec.certificate.c_str(), &info) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.path, " is of a CA that was exchanged and retired (", retired,
                     "), and nobody trusts it any more; write the `key-generation` that it was exchanged "
                     "for, or a higher one"));
  }
  if (spec.exchanged) return absl::OkStatus();
  const std::filesystem::path certificate(spec.certificate);
  const std::string stem = certificate.stem().string();
  std::error_code error;
  for (std::filesystem::directory_iterator it(certificate.parent_path(), error), end; !error && it != end;
       it.increment(error)) {
    const int generation = paths::GenerationOf(it->path().filename().string(), stem);
    if (generation < 2) continue;
    absl::StatusOr<Certificate> other = Certificate::Read(it->path().string());
    if (!other.ok() || !other->is_ca) continue;  // a certificate of that name, of somebody else
    return absl::FailedPreconditionError(absl::StrCat(it->path().string(), " is there, of generation ",
                                                      generation, " of this CA, and cluster.yaml says of no ",
                                                      "`key-generation`\n  next: write key-generation: ",
                                                      generation, ", or, to go back, key-generation: 1"));
  }
  return absl::OkStatus();
}

absl::Status OtherKindOfCaKey(const Spec& spec, const std::string& kind, bool usable) {
  return absl::FailedPreconditionError(
      absl::StrCat(spec.path, " holds a key of kind ", kind, ", and the spec asks for ", spec.kind(),
                   "; a CA key is never replaced. ",
                   usable ? absl::StrCat("Either put ", kind, " back into the spec, or exchange the CA")
                          : absl::StrCat("kplan does not sign with ", kind, ", so exchange the CA"),
                   " for one with another key: write a higher `key-generation` (2, if there is none), and it "
                   "gets files of its own, "
                   "while everybody goes on trusting the old one until it is not needed any more"));
}

const char* FormatName(const PrivateKey& key, KeyForm form) {
  if (form != KeyForm::kTraditional) return "PKCS#8";
  return EVP_PKEY_get_base_id(key.pkey()) == EVP_PKEY_RSA ? "PKCS#1" : "SEC1";
}

std::vector<Reason> RewriteReasons(const Spec& spec, const PrivateKey& key, const KeyText& around) {
  std::vector<Reason> reasons;
  if (spec.form == KeyForm::kEncrypted && key.form() != KeyForm::kEncrypted) {
    reasons.push_back({"encryption", "was not encrypted"});
  } else if (key.form() != spec.form) {
    reasons.push_back({"format", absl::StrCat("format was ", FormatName(key, key.form()), ", is ",
                                              FormatName(key, spec.form))});
  }
  if (around.byte_order_mark) reasons.push_back({"text", "began with a byte order mark"});
  return reasons;
}

// With a passphrase that is withheld an encrypted key is taken for the right one.
absl::StatusOr<Found> Look(const Spec& spec, const PassphraseSource& passphrase) {
  Found found;
  if (spec.ca) {
    if (absl::Status status = CheckGeneration(spec); !status.ok()) return status;
  }
  absl::StatusOr<PrivateKey> key = PrivateKey::Read(spec.path, passphrase, &found.text);
  if (absl::IsNotFound(key.status())) {
    struct stat info;
    if (lstat(spec.path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(
          spec.path,
          " is a symbolic link to a file that is not there; mount what it points to, or remove the link"));
    }
    found.reasons = {{"missing", "missing"}};
    if (spec.ca) {
      if (absl::Status status = CheckNewCaKey(spec); !status.ok()) return status;
    }
    return found;
  }
  found.exists = true;
  if (absl::IsDataLoss(key.status()) || absl::IsInvalidArgument(key.status())) {
    if (spec.ca) {
      return absl::Status(
          key.status().code(),
          absl::StrCat(key.status().message(),
                       ". A CA key is never overwritten: restore it from a backup; to begin a new CA, move ",
                       spec.path, " and its certificate away"));
    }
    found.reasons = {{"damaged", absl::IsDataLoss(key.status()) ? "damaged" : "held no private key"}};
    found.unreadable = true;
    return found;
  }
  found.shut = absl::IsUnauthenticated(key.status());
  // No permission, no passphrase, two keys: nothing is known to be wrong with the key.
  if (!key.ok() && !found.shut) return key.status();
  if (key.ok()) found.spki = key->spki();
  const KeyText around = TakeApart(found.text.view());
  if (key.ok() && key->kind() != spec.kind()) {
    if (spec.ca) return OtherKindOfCaKey(spec, key->kind(), key->usable());
    found.reasons.push_back(
        {"kind", absl::StrCat("spec asks for ", spec.kind(), ", the file holds ", key->kind())});
  }
  if (!spec.ca && around.generation != spec.generation) {
    found.reasons.push_back(
        {"generation", absl::StrCat("key-generation was ", around.generation, ", is ", spec.generation)});
  }
  if (!found.reasons.empty()) return found;
  if (key.ok()) {
    found.rewrite = RewriteReasons(spec, *key, around);
  } else if (around.byte_order_mark) {
    found.rewrite = {{"text", "began with a byte order mark"}};
  }
  if (!found.rewrite.empty() && !around.other.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        spec.path, " has to be written again (", Join(found.rewrite), "), and beside the key it holds a \"",
        around.other, "\", which kplan would not put there; move that elsewhere"));
  }
  if (key.ok()) found.key = *std::move(key);
  return found;
}

absl::StatusOr<StepResult> Adopt(const Spec& spec, const PrivateKey& key, const std::string& reason) {
  absl::StatusOr<std::string> protection = ProtectKeyFile(spec.path);
  if (!protection.ok()) return protection.status();
  StepResult result;
  result.digest = Sha256Hex(key.spki());
  result.files = {spec.path};
  result.reason = JoinReasons(reason, *protection);
  return result;
}

// The text of a file with KEY between BEFORE and AFTER, read back before anybody gets to see it: what is
// about to take the place of a key must be that key.
absl::StatusOr<Secret> TextOf(const Spec& spec, const PrivateKey& key, absl::string_view before,
                              absl::string_view after) {
  Secret passphrase;
  if (spec.form == KeyForm::kEncrypted) {
    absl::StatusOr<Secret> given = ReadPassphrase(spec.passphrase);
    if (!given.ok()) return given.status();
    passphrase = *std::move(given);
  }
  absl::StatusOr<Secret> pem = key.ToPem(spec.form, passphrase.view());
  if (!pem.ok()) return pem.status();
  Secret text(absl::StrCat(before, pem->view(), after));
  absl::StatusOr<PrivateKey> again = PrivateKey::Parse(text.view(), spec.passphrase);
  if (!again.ok() || again->spki() != key.spki() || again->kind() != key.kind() ||
      !RewriteReasons(spec, *again, TakeApart(text.view())).empty()) {
    return absl::InternalError(absl::StrCat("what was to be written to ", spec.path,
                                            " cannot be read back; nothing was changed",
                                            again.ok() ? "" : ": ", again.status().message()));
  }
  return text;
}

// Puts TEXT in the place of PATH, whole; mode and owner stay as they are. *LINKS: how many other names the
// old file has.
absl::Status ReplaceKeyFile(const std::string& path, absl::string_view text, int64_t* links) {
  // A key that is kept elsewhere, behind a link, stays there.
  const std::string target = RealPath(path);
  UniqueFd folder(disk::Open(FolderOf(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder of ", path));
  const std::string base = target.substr(target.rfind('/') + 1);
  struct stat info;
  if (fstatat(folder.get(), base.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  *links = static_cast<int64_t>(info.st_nlink) - 1;
  absl::StatusOr<PendingFile> file = PendingFile::Create(folder.get(), base, info.st_mode & 0600);
  if (!file.ok()) return file.status();
  struct stat made;
  if (fstat(file->fd(), &made) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat the new ", path));
  // The group has no rights to it, and may be one that we are not in.
  if (made.st_uid != info.st_uid && fchown(file->fd(), info.st_uid, info.st_gid) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot give the new ", path, " to the owner of the old one"));
  }
  if (absl::Status status = file->Append(text); !status.ok()) return status;
  return file->Commit();
}

// What becomes of the right key that is there. The folder is locked, or there is nothing to write.
absl::StatusOr<StepResult> Take(const Spec& spec, const Found& found) {
  if (found.rewrite.empty()) return Adopt(spec, *found.key, "");
  const KeyText around = TakeApart(found.text.view());
  absl::StatusOr<Secret> text = TextOf(spec, *found.key, around.before, around.after);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::string> protection = ProtectKeyFile(spec.path);
  if (!protection.ok()) return protection.status();
  int64_t links = 0;
  absl::Status status = ReplaceKeyFile(spec.path, text->view(), &links);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(spec.path, " has to be written again (",
                                                    Join(found.rewrite), "): ", status.message()));
  }
  std::string reason = JoinReasons(Join(found.rewrite), *protection);
  if (links > 0) {
    absl::StrAppend(&reason, " (the old file is still there under ", links, " other name",
                    links == 1 ? "" : "s", ", hard links)");
  }
  return Adopt(spec, *found.key, reason);
}

// The right key of FOUND, written again.
void AddRewrite(const Spec& spec, const Found& found, Outlook* outlook) {
  outlook->reasons = found.rewrite;
  ForeseenFile file;
  file.same_block = true;
  if (found.key.has_value()) {
    file.spki = found.key->spki();
    file.same_block = found.key->form() == spec.form;
    if (!file.same_block) {
      auto name = [&](KeyForm form) {
        return absl::StrCat(FormatName(*found.key, form), form == KeyForm::kEncrypted ? ", encrypted" : "");
      };
      outlook->changes.push_back({"format", name(found.key->form()), name(spec.form)});
    }
  }
  // A key that stays shut is as unknown to those that read it as it is now: nothing is foreseen of it.
  if (found.key.has_value()) outlook->files.emplace_back(spec.path, std::move(file));
}

// What another key will be made for; SPKI: of the one that is there, empty where that is not known.
absl::StatusOr<Outlook> ForeseeNewKey(const Spec& spec, std::vector<Reason> reasons,
                                      const std::string& spki) {
  if (absl::Status status = PrivateKey::CheckKind(spec.algo, spec.size); !status.ok()) return status;
  Outlook outlook;
  outlook.reasons = std::move(reasons);
  outlook.changes_digest = true;
  outlook.files.emplace_back(spec.path, ForeseenFile());
  if (!spki.empty())
    outlook.changes.push_back({"key", KeyFingerprint(spki), absl::StrCat("a new ", spec.kind(), " key")});
  return outlook;
}

// Of a key of which only the public half is here. How its file is written, and its generation, are not known.
absl::StatusOr<Outlook> LookElsewhere(const Spec& spec, const std::string& spki) {
  const std::string kind = KindOfPublicKey(spki);
  if (kind != spec.kind()) {
    if (spec.ca) return OtherKindOfCaKey(spec, kind, /*usable=*/true);
    return ForeseeNewKey(
        spec, {{"kind", absl::StrCat("spec asks for ", spec.kind(), ", its certificate is of a key ", kind)}},
        spki);
  }
  Outlook outlook;
  outlook.digest = Sha256Hex(spki);
  return outlook;
}

}  // namespace

absl::StatusOr<StepResult> KeyStep(const StepContext&, const KeyRecord& record) {
  absl::StatusOr<Spec> read = ReadSpec(record);
  if (!read.ok()) return read.status();
  const Spec& spec = *read;

  absl::StatusOr<Found> found = Look(spec, spec.passphrase);
  if (!found.ok()) return found.status();
  if (found->key.has_value() && found->rewrite.empty()) return Take(spec, *found);

  // Outside of the lock: it takes long, and the keys of one folder are made in parallel.
  std::optional<PrivateKey> made;
  Secret text;
  if (!found->key.has_value()) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Generate(spec.algo, spec.size);
    if (!key.ok()) return key.status();
    absl::StatusOr<Secret> encoded = TextOf(spec, *key, GenerationLine(spec.generation), "");
    if (!encoded.ok()) return encoded.status();
    made = *std::move(key);
    text = *std::move(encoded);
  }

  absl::StatusOr<FolderLock> lock = FolderLock::Acquire(spec.path);
  if (!lock.ok()) return lock.status();
  found = Look(
      spec,
      spec.passphrase);  // another run may have been quicker: its key is as good, and may be in use already
  if (!found.ok()) return found.status();
  if (found->key.has_value()) return Take(spec, *found);
  if (!made.has_value())
    return absl::AbortedError(absl::StrCat(spec.path, " changed while kplan looked at it; run it again"));
  std::string reason = Join(found->reasons);
  if (found->unreadable) {
    absl::StatusOr<std::string> kept = SetAside(spec.path);
    if (!kept.ok()) return kept.status();
    if (absl::StatusOr<std::string> status = ProtectKeyFile(*kept); !status.ok()) return status.status();
    absl::StrAppend(&reason, " (what was there is kept as ", *kept, ")");
    found->exists = false;
  }
  absl::Status written = found->exists ? WriteFile(RealPath(spec.path), text.view(), 0600, Overwrite::kYes)
                                       : WriteFile(spec.path, text.view(), 0600, Overwrite::kNo);
  if (absl::IsAlreadyExists(
          written)) {  // written by something that takes no lock, a restore from backup for one
    found = Look(spec, spec.passphrase);
    if (!found.ok()) return found.status();
    if (found->key.has_value()) return Take(spec, *found);
  }
  if (!written.ok()) return written;
  return Adopt(spec, *made, reason);
}

absl::StatusOr<Outlook> KeyLook(const LookContext& context, const KeyRecord& record) {
  absl::StatusOr<Spec> read = ReadSpec(record);
  if (!read.ok()) return read.status();
  const Spec& spec = *read;
  // Nobody else writes it: it is elsewhere (look/notes.h).
  if (const ForeseenFile* key = context.foreseen.Find(spec.path); key != nullptr)
    return LookElsewhere(spec, key->spki);
  absl::StatusOr<Found> found = Look(spec, spec.passphrase.Withheld());
  if (!found.ok()) return found.status();

  if (!found->reasons.empty()) return ForeseeNewKey(spec, std::move(found->reasons), found->spki);
  Outlook outlook;
  if (found->key.has_value()) outlook.digest = Sha256Hex(found->key->spki());
  if (!found->rewrite.empty()) AddRewrite(spec, *found, &outlook);
  if (absl::Status status = AddFileDifferences(KeyFileDifferences(spec.path), "", &outlook); !status.ok()) {
    return status;
  }
  return outlook;
}

}  // namespace kplan
