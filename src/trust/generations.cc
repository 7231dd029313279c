#include "src/trust/generations.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/pki/der.h"
#include "src/pki/issue.h"
#include "src/pki/issuer_check.h"
#include "src/pki/private_key.h"

namespace kplan {
namespace {

// An exchange that takes longer than a day, with clients of others, is held (`hold`), and not cross-signed by
// a CA that ends meanwhile.
constexpr int64_t kLeastLeft = 24 * 3600;

constexpr char kFolder[] = "pki";

bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

absl::StatusOr<std::string> MakeCross(const ExchangedCa& ca, const Generation& wanted,
                                      const Generation& signer, absl::Time now) {
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(paths::Key(wanted.stem), ca.passphrase);
  if (!key.ok()) return key.status();
  const std::string certificate_path = paths::Certificate(signer.stem), key_path = paths::Key(signer.stem);
  absl::StatusOr<PrivateKey> signing = PrivateKey::ReadUsable(key_path, ca.passphrase);
  if (!signing.ok()) return signing.status();
  absl::Status status =
      CheckSigner({certificate_path, signer.certificate, key_path, &signing->spki()}, kCertSign, now);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> serial = RandomSerial();
  if (!serial.ok()) return serial.status();
  NewCertificate cross;
  cross.subject = wanted.certificate.subject.get();
  cross.extensions = wanted.certificate;
  cross.serial = *std::move(serial);
  cross.validity = {wanted.certificate.not_before,
                    std::min(wanted.certificate.not_after, signer.certificate.not_after)};
  return MakeCertificate(cross, *key, signer.certificate, *signing);
}

}  // namespace

absl::StatusOr<std::vector<Generation>> FindGenerations(const ExchangedCa& ca) {
  std::vector<Generation> generations;
  std::error_code error;
  for (std::filesystem::directory_iterator it(kFolder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string file = it->path().filename().string();
    Generation generation;
    generation.number = paths::GenerationOf(file, ca.name);
    if (generation.number == 0) continue;
    generation.stem = paths::Generation(ca.name, static_cast<int>(generation.number));
    absl::StatusOr<Certificate> certificate = Certificate::Read(paths::Certificate(generation.stem));
    if (!certificate.ok()) return certificate.status();
    if (!certificate->is_ca) {
      return absl::FailedPreconditionError(absl::StrCat(paths::Certificate(generation.stem),
                                                        " is no CA's certificate, and is called like one of ",
                                                        ca.name, "; move it away"));
    }
    generation.certificate = *std::move(certificate);
    generations.push_back(std::move(generation));
  }
  // Without the folder there are none.
  if (error && error != std::errc::no_such_file_or_directory) return ErrnoStatus(error.value(), kFolder);
  std::sort(generations.begin(), generations.end(),
            [](const Generation& a, const Generation& b) { return a.number < b.number; });
  return generations;
}

const Generation* WantedOf(const ExchangedCa& ca, const std::vector<Generation>& generations) {
  for (const Generation& generation : generations) {
    if (generation.number == ca.generation) return &generation;
  }
  return nullptr;
}

absl::Status CheckNotRetired(const ExchangedCa& ca) {
  const std::string path =
      paths::Retired(paths::Certificate(paths::Generation(ca.name, static_cast<int>(ca.generation))));
  if (!IsThere(path)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("generation ", ca.generation, " of the CA ", ca.name, " was retired (", path,
                   "), and nobody trusts it any more; write a key-generation that there never was"));
}

std::string WhyNoCross(const Generation& other, const Generation* wanted, absl::Time now) {
  const Certificate& certificate = other.certificate;
  if (certificate.path_length.has_value() && *certificate.path_length == 0)
    return "it says that no CA may be below it (max_path_len)";
  if (certificate.key_usage != 0 && (certificate.key_usage & kCertSign) == 0) return "it may not sign";
  if (certificate.not_after - absl::ToUnixSeconds(now) < kLeastLeft)
    return absl::StrCat("it ends at ", TimeText(certificate.not_after));
  if (!IsThere(paths::Key(other.stem))) return absl::StrCat(paths::Key(other.stem), " is not here");
  const bool limited = !certificate.permitted_names.empty() || !certificate.excluded_names.empty();
  const bool same = wanted != nullptr && certificate.permitted_names == wanted->certificate.permitted_names &&
                    certificate.excluded_names == wanted->certificate.excluded_names;
  if (limited && !same) return "it has name constraints";
  return "";
}

absl::Status EnsureCross(const ExchangedCa& ca, const Generation& wanted, const Generation& signer,
                         absl::Time now) {
  const std::string path = paths::Cross(wanted.stem);
  absl::StatusOr<Certificate> found = Certificate::Read(path);
  const int64_t end = std::min(wanted.certificate.not_after, signer.certificate.not_after);
  if (found.ok() && found->spki == wanted.certificate.spki &&
      found->subject_der == wanted.certificate.subject_der && found->not_after == end &&
      found->NamesAsIssuer(signer.certificate) && found->IsSignedBy(signer.certificate))
    return absl::OkStatus();
  if (!found.ok() && !absl::IsNotFound(found.status()) && !absl::IsDataLoss(found.status()))
    return found.status();
  absl::StatusOr<std::string> der = MakeCross(ca, wanted, signer, now);
  if (!der.ok()) return der.status();
  return WriteFile(path, EncodePem("CERTIFICATE", *der), 0644);
}

std::string TrustText(const ExchangedCa& ca, const std::vector<Generation>& generations) {
  std::string text;
  for (const Generation& generation : generations) {
    const std::string pem = generation.certificate.ToPem();
    text = generation.number == ca.generation ? absl::StrCat(pem, text) : absl::StrCat(text, pem);
  }
  return text;
}

std::vector<int64_t> TrustedIn(absl::string_view pem, const std::vector<Generation>& generations) {
  std::vector<int64_t> trusted;
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(pem);
  if (!blocks.ok()) return trusted;
  for (const Generation& generation : generations) {
    const bool there = absl::c_any_of(*blocks, [&](const PemBlock& block) {
      if (block.label != "CERTIFICATE") return false;
      absl::StatusOr<Certificate> certificate = Certificate::Parse(block.der.view());
      return certificate.ok() && certificate->spki == generation.certificate.spki &&
             certificate->subject_der == generation.certificate.subject_der;
    });
    if (there) trusted.push_back(generation.number);
  }
  return trusted;
}

absl::Status Retire(const Generation& generation, const Generation& wanted) {
  if (absl::Status status = MakeFolders(paths::kRetired); !status.ok()) return status;
  // Its certificate last: by that it is known to be there.
  for (const std::string& path :
       {paths::Cross(wanted.stem), paths::Cross(generation.stem), paths::CrlPem(generation.stem),
        paths::CrlDer(generation.stem), paths::Request(generation.stem), paths::Key(generation.stem),
        paths::Certificate(generation.stem)}) {
    if (!IsThere(path)) continue;
    if (disk::Rename(AT_FDCWD, path.c_str(), AT_FDCWD, paths::Retired(path).c_str()) != 0)
      return ErrnoStatus(errno, absl::StrCat("cannot move ", path, " to ", paths::kRetired));
  }
  for (const char* folder : {kFolder, paths::kRetired}) {
    const UniqueFd fd(disk::Open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.ok() || disk::Sync(fd.get()) != 0)
      return ErrnoStatus(errno, absl::StrCat("cannot sync ", folder));
  }
  return absl::OkStatus();
}

}  // namespace kplan
