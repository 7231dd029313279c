#include "src/prune/leftover_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/install_file.h"
#include "src/host/waiting_file.h"
#include "src/pki/certificate.h"
#include "src/pki/der.h"
#include "src/pki/pem_public.h"
#include "src/steps/service/service_retire.h"
#include "src/systemd/unit_name.h"

namespace kplan {
namespace {

constexpr char kEdited[] = "was edited since kplan wrote it";
constexpr size_t kMaxPem = 1 << 20;

// Whether the file at PATH has not been touched since its step looked at it last.
bool Untouched(const Leftover& leftover, const std::string& path) {
  for (const auto& [name, signature] : leftover.files) {
    if (name == path) return FileSignature(path) == signature;
  }
  return false;
}

// The DER of all certificates in TEXT, and the SubjectPublicKeyInfo of the first; empty when they cannot be
// read, or there is something else between them.
struct Certificates {
  std::string der, spki;
};
Certificates CertificatesIn(absl::string_view text) {
  Certificates all;
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(text);
  if (!blocks.ok()) return {};
  for (const PemBlock& block : *blocks) {
    absl::StatusOr<Certificate> certificate = Certificate::Parse(block.der.view());
    if (!certificate.ok()) return {};
    if (all.spki.empty()) all.spki = certificate->spki;
    absl::StrAppend(&all.der, block.der.view());
  }
  return all;
}

// The digest of install-pair: of the certificates and the public half of the key. Where the key is gone, the
// certificate has that half too. "" when they cannot be read, or do not belong together.
std::string PairDigest(const PairContent& pair) {
  const Certificates certificates = CertificatesIn(pair.certificate.view());
  if (certificates.der.empty()) return "";
  if (!pair.key.view().empty()) {
    absl::StatusOr<std::string> spki = PublicPartOfPem(pair.key.view());
    if (!spki.ok() || *spki != certificates.spki) return "";
  }
  return Sha256Hex(absl::StrCat(certificates.der, certificates.spki));
}

std::string TextOf(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxPem);
  return text.ok() ? *std::move(text) : "";
}

std::string DigestOfFile(const std::string& path) {
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  return digest.ok() ? *digest : "";
}

// The digest of the public part of a PEM file with a private key.
std::string PublicDigest(const std::string& path) {
  const Secret pem(TextOf(path));
  absl::StatusOr<std::string> part = PublicPartOfPem(pem.view());
  return part.ok() ? Sha256Hex(*part) : "";
}

// The digest of the artifact in `path` by the rule of the step of its record; "" when it cannot be read, or
// there is no rule that needs no other file.
struct ArtifactDigest {
  const std::string& path;

  std::string operator()(const FileRecord& record) const {
    return record.secret ? PublicDigest(path) : DigestOfFile(path);
  }
  std::string operator()(const UnitRecord&) const { return DigestOfFile(path); }
  std::string operator()(const RenderRecord&) const { return DigestOfFile(path); }
  std::string operator()(const ArchiveRecord&) const { return DigestOfFile(path); }
  std::string operator()(const KeyRecord&) const { return PublicDigest(path); }
  std::string operator()(const CertRecord&) const {
    absl::StatusOr<Certificate> certificate = Certificate::Read(path);
    return certificate.ok() ? Sha256Hex(certificate->der) : "";
  }
  std::string operator()(const BundleRecord& record) const {
    // PKCS#12 needs a passphrase to be looked into.
    if (record.form == "bundle") return PublicDigest(path);
    return record.form == "chain" ? Sha256Hex(CertificatesIn(TextOf(path)).der) : "";
  }
  std::string operator()(const CsrRecord&) const {
    absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(TextOf(path));
    if (!blocks.ok() || blocks->empty()) return "";
    absl::StatusOr<SignedObject> request = SignedObject::Parse(blocks->front().der.view());
    return request.ok() ? Sha256Hex(request->signed_part) : "";
  }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

void CheckContent(const Leftover& leftover, const std::string& path, LeftoverState* state) {
  // A verdict is nobody's text, and says itself when it was given.
  if (std::holds_alternative<VerifyRecord>(leftover.made_by) || Untouched(leftover, path)) return;
  if (leftover.digest.empty() || std::visit(ArtifactDigest{path}, leftover.made_by) != leftover.digest)
    state->edited = kEdited;
}

absl::Status LookAtHostThing(const Leftover& leftover, const Holding& holding, LeftoverState* state) {
  absl::StatusOr<HostFileState> file = LookAtHostFile(holding.root, holding.path);
  if (!file.ok()) return file.status();
  const bool folder = holding.kind == Holding::Kind::kHostFolder;
  if (!folder && HasWaiting(holding.root, holding.path)) state->what.push_back(WaitingPath(holding.Shown()));
  if (!file->exists) return absl::OkStatus();
  state->what.push_back(holding.Shown());
  if (folder ? !file->folder : !file->regular) {
    state->occupied = absl::StrCat("is a ", file->kind, " now");
  } else if (!folder) {
    CheckContent(leftover, holding.Shown(), state);
  }
  return absl::OkStatus();
}

absl::Status LookAtHostFolder(const Holding& holding, LeftoverState* state) {
  absl::StatusOr<UniqueFd> fd = OpenFolderBelow(holding.root, holding.path, /*create=*/false);
  if (!fd.ok()) return fd.status();
  absl::StatusOr<std::vector<std::string>> names = ListFolder(*fd, holding.Shown());
  if (!names.ok()) return names.status();
  if (!names->empty()) state->occupied = "it is not empty: its data is yours";
  return absl::OkStatus();
}

absl::Status LookAtPair(const Leftover& leftover, LeftoverState* state) {
  absl::StatusOr<PairSwap> swap = PairOf(leftover);
  if (!swap.ok()) return swap.status();
  bool untouched = true;
  for (const Holding& holding : HoldingsOf(leftover.made_by)) {
    absl::StatusOr<HostFileState> file = LookAtHostFile(holding.root, holding.path);
    if (!file.ok()) return file.status();
    if (!file->exists) continue;
    state->what.push_back(holding.Shown());
    untouched = untouched && file->regular && Untouched(leftover, holding.Shown());
  }
  if (state->what.empty()) return absl::OkStatus();
  absl::StatusOr<PairSwap::State> now = swap->Look();
  if (absl::IsFailedPrecondition(now.status())) {
    state->occupied = std::string(now.status().message());
    return absl::OkStatus();
  }
  if (!now.ok()) return now.status();
  if (untouched) return absl::OkStatus();
  absl::StatusOr<PairContent> content = swap->Read(*now);
  if (!content.ok()) return content.status();
  if (leftover.digest.empty() || PairDigest(*content) != leftover.digest) state->edited = kEdited;
  return absl::OkStatus();
}

absl::Status LookAtFile(const Leftover& leftover, const Holding& holding, LeftoverState* state) {
  struct stat info;
  if (lstat(holding.path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", holding.path));
  }
  state->what.push_back(holding.path);
  if (!S_ISREG(info.st_mode)) {
    // A link is the user's own: a key on a disk that is mounted when it is needed.
    state->occupied = S_ISLNK(info.st_mode) ? "is a symbolic link" : "is no file";
  } else {
    CheckContent(leftover, holding.path, state);
  }
  return absl::OkStatus();
}

// What steps/files/unpack.cc writes beside the programs that it took out of an archive.
struct Manifest {
  std::vector<std::array<std::string, 3>> members;  // [name in the archive, file name, digest]

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("members", self.members);
  }
};

// The programs that were taken out of an archive.
absl::Status LookAtUnpacked(const Leftover& leftover, const Holding& holding, LeftoverState* state) {
  struct stat info;
  if (lstat(holding.path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", holding.path));
  }
  state->what.push_back(holding.path);
  if (!S_ISDIR(info.st_mode)) {
    state->occupied = "is no folder";
    return absl::OkStatus();
  }
  std::map<std::string, std::string> digests;
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(holding.path, "/.kplan.json"), kMaxPem);
  absl::StatusOr<Manifest> manifest = text.ok() ? FromText<Manifest>(*text) : text.status();
  if (manifest.ok()) {
    for (const auto& [unused, name, digest] : manifest->members) digests[name] = digest;
  }
  const auto* record = std::get_if<UnpackRecord>(&leftover.made_by);
  if (record == nullptr) return absl::DataLossError("the record names no archive");
  for (const auto& [unused, name] : record->members) {
    const std::string path = absl::StrCat(holding.path, "/", name);
    if (lstat(path.c_str(), &info) != 0) continue;
    if (S_ISREG(info.st_mode) && Untouched(leftover, path)) continue;
    absl::StatusOr<std::string> digest = S_ISREG(info.st_mode) ? Sha256HexOfFile(path) : std::string();
    if (!digest.ok() || digest->empty() || *digest != digests[name])
      state->edited = absl::StrCat(name, " ", kEdited);
  }
  return absl::OkStatus();
}

absl::Status LookAtService(const Leftover& leftover, const Holding& holding, LeftoverState* state) {
  absl::StatusOr<ServiceRemains> remains = LookAtRemains(leftover.made_by);
  if (!remains.ok()) return remains.status();
  const std::string name = holding.path;
  if (remains->running) state->what.push_back(absl::StrCat("stop ", name));
  if (remains->enabled) state->what.push_back(absl::StrCat("disable ", FullUnitName(name)));
  state->what.insert(state->what.end(), remains->files.begin(), remains->files.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PairSwap> PairOf(const Leftover& leftover) {
  const std::vector<Holding> holdings = HoldingsOf(leftover.made_by);
  if (holdings.size() != 2) return absl::DataLossError("the record names no two files");
  // Whose the files are is of no matter to somebody who removes them.
  absl::StatusOr<InstallTarget> key = MakeInstallTarget(holdings[0].root, holdings[0].path, 0600, "");
  if (!key.ok()) return key.status();
  absl::StatusOr<InstallTarget> certificate = MakeInstallTarget(holdings[1].root, holdings[1].path, 0644, "");
  if (!certificate.ok()) return certificate.status();
  return PairSwap(*std::move(certificate), *std::move(key));
}

absl::StatusOr<LeftoverState> LookAtLeftover(const Leftover& leftover) {
  LeftoverState state;
  absl::Status status;
  // Whatever is at these paths here has nothing to do with it.
  if (leftover.over_ssh()) {
    return absl::InvalidArgumentError(absl::StrCat(leftover.key, " is not on this machine"));
  }
  if (std::holds_alternative<PairRecord>(leftover.made_by)) {
    status = LookAtPair(leftover, &state);
  } else {
    for (const Holding& holding : HoldingsOf(leftover.made_by)) {
      switch (holding.kind) {
        case Holding::Kind::kFile:
          status.Update(LookAtFile(leftover, holding, &state));
          break;
        case Holding::Kind::kUnpacked:
          status.Update(LookAtUnpacked(leftover, holding, &state));
          break;
        case Holding::Kind::kHostFile:
          status.Update(LookAtHostThing(leftover, holding, &state));
          break;
        case Holding::Kind::kHostFolder:
          status.Update(LookAtHostThing(leftover, holding, &state));
          if (status.ok() && !state.what.empty() && state.occupied.empty()) {
            status = LookAtHostFolder(holding, &state);
          }
          break;
        case Holding::Kind::kService:
          status.Update(LookAtService(leftover, holding, &state));
          break;
      }
    }
  }
  if (!status.ok()) return status;
  return state;
}

}  // namespace kplan
