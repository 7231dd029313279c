#include "src/step/host_outlook.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/secret_content.h"
#include "src/pki/der.h"
#include "src/step/certificate_changes.h"
#include "src/step/unit_changes.h"

namespace kplan {
namespace {

constexpr size_t kShownDigits = 8;

std::vector<Change> DigestChange(absl::string_view from, const std::string& to) {
  return {{"content", DigestText(Sha256Hex(from)), to}};
}

}  // namespace

void AddAttributes(const std::vector<AttributeDifference>& differences, const std::string& of,
                   std::vector<Reason>* reasons, std::vector<Change>* changes) {
  for (const AttributeDifference& difference : differences) {
    reasons->push_back(
        {difference.name, of.empty() ? difference.text : absl::StrCat(of, ": ", difference.text)});
    if (changes == nullptr) continue;
    changes->push_back(
        {absl::StrCat(difference.name, of.empty() ? "" : " of ", of), difference.from, difference.to});
  }
}

std::optional<std::string> DigestOf(const ForeseenFile& file) {
  if (file.content.has_value()) return Sha256Hex(*file.content);
  return file.sha256;
}

std::optional<PlaceRights> FolderToCome(const Foreseen& foreseen, const std::string& folder) {
  const ForeseenFile* file = foreseen.Find(folder);
  return file == nullptr ? std::nullopt : file->folder;
}

std::string DigestText(absl::string_view sha256) {
  return absl::StrCat("sha256:", sha256.substr(0, kShownDigits), "…");
}

std::shared_ptr<const Certificate> FirstCertificate(absl::string_view pem) {
  if (!absl::StrContains(pem, "-----BEGIN CERTIFICATE")) return nullptr;
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(pem);
  if (!blocks.ok()) return nullptr;
  std::shared_ptr<const Certificate> first;
  for (const PemBlock& block : *blocks) {
    if (absl::EndsWith(block.label, "PRIVATE KEY")) return nullptr;
    if (first != nullptr || block.label != "CERTIFICATE") continue;
    absl::StatusOr<Certificate> certificate = Certificate::Parse(block.der.view());
    if (!certificate.ok()) return nullptr;
    first = std::make_shared<const Certificate>(*std::move(certificate));
  }
  return first;
}

std::vector<Change> ContentChanges(absl::string_view from, absl::string_view to) {
  std::vector<Change> changes;
  std::shared_ptr<const Certificate> before = FirstCertificate(from), after = FirstCertificate(to);
  if (before != nullptr && after != nullptr) {
    changes = CertificateChanges(*before, *after);
  } else if (std::optional<std::vector<Change>> keys = UnitChanges(from, to); keys.has_value()) {
    changes = *std::move(keys);
  }
  return changes.empty() ? DigestChange(from, DigestText(Sha256Hex(to))) : changes;
}

std::vector<Change> SecretContentChange() {
  return {{"content", std::string(kSecretShown), absl::StrCat("another ", kSecretShown)}};
}

std::vector<Change> ContentChanges(absl::string_view from, const Certificate& to) {
  std::shared_ptr<const Certificate> before = FirstCertificate(from);
  std::vector<Change> changes;
  if (before != nullptr) changes = CertificateChanges(*before, to);
  return changes.empty() ? DigestChange(from, "a new certificate") : changes;
}

}  // namespace kplan
