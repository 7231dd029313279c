#include "src/step/foresee.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/pki/private_key.h"

namespace kplan {

absl::StatusOr<SeenKey> SeeKey(const std::string& path, const PassphraseSource& passphrase,
                               const Foreseen& foreseen) {
  SeenKey seen;
  if (const ForeseenFile* file = foreseen.Find(path); file != nullptr) {
    seen.kind = file->spki.empty() ? SeenKey::kAnew : SeenKey::kKnown;
    seen.spki = file->spki;
    return seen;
  }
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(path, passphrase.Withheld());
  if (absl::IsUnauthenticated(key.status())) return seen;
  if (!key.ok()) return key.status();
  seen.kind = SeenKey::kKnown;
  seen.spki = key->spki();
  return seen;
}

absl::StatusOr<std::shared_ptr<const Certificate>> SeeCertificate(const std::string& path,
                                                                  const Foreseen& foreseen) {
  if (const ForeseenFile* file = foreseen.Find(path); file != nullptr) return file->certificate;
  absl::StatusOr<Certificate> certificate = Certificate::Read(path);
  if (!certificate.ok()) return certificate.status();
  return std::make_shared<const Certificate>(*std::move(certificate));
}

absl::Status AddFileDifferences(const absl::StatusOr<std::vector<FileDifference>>& differences,
                                absl::string_view prefix, Outlook* outlook) {
  if (!differences.ok()) return differences.status();
  for (const FileDifference& difference : *differences) {
    outlook->reasons.push_back({difference.name, absl::StrCat(prefix, difference.text)});
    outlook->changes.push_back({std::string(difference.name), difference.from, difference.to});
  }
  return absl::OkStatus();
}

}  // namespace kplan
