#include "src/steps/pki/certificate_state.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_policy.h"
#include "src/pki/certificate_spec.h"
#include "src/pki/private_key.h"
#include "src/steps/pki/certificate_wish.h"

namespace kplan {
namespace {

Reason Unreadable(const absl::Status& status, const CertificateSpec& spec) {
  if (absl::IsNotFound(status)) {
    return {"missing", spec.origin == CertificateSpec::kExternal ? "waits for signing" : "missing"};
  }
  if (absl::IsDataLoss(status)) return {"damaged", "damaged"};
  return {"unreadable", std::string(status.message())};
}

}  // namespace

std::vector<Reason> CertificateState(const AnyRecord& record, absl::Time now) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpecOf(record);
  if (!spec.ok()) return {{"spec", std::string(spec.status().message())}};
  absl::StatusOr<Certificate> certificate = Certificate::Read(spec->path);
  if (!certificate.ok()) return {Unreadable(certificate.status(), *spec)};

  std::vector<Reason> reasons;
  Evidence evidence;
  evidence.now = now;
  absl::StatusOr<PrivateKey> key = absl::NotFoundError("not known");
  if (!spec->key.empty() && !spec->passphrase.given()) key = PrivateKey::Read(spec->key);
  if (key.ok()) evidence.spki = &key->spki();

  absl::StatusOr<Certificate> issuer = absl::NotFoundError("none");
  if (!spec->issuer.empty()) {
    issuer = Certificate::Read(spec->issuer);
    if (!issuer.ok()) {
      return {{"issuer", absl::StrCat("its issuer ", spec->issuer, " is ",
                                      absl::IsNotFound(issuer.status()) ? "missing" : "damaged")}};
    }
    evidence.issuer = &*issuer;
  }
  if (!spec->from.empty() && spec->from != spec->path) {
    absl::StatusOr<Certificate> given = Certificate::Read(spec->from);
    if (!given.ok()) {
      reasons.push_back({"source", absl::StrCat(spec->from, " is ",
                                                absl::IsNotFound(given.status()) ? "missing" : "damaged")});
    } else if (given->der != certificate->der) {
      reasons.push_back({"source", absl::StrCat("differs from ", spec->from)});
    }
  }
  for (Reason& reason : WhyStale(*certificate, *spec, evidence)) reasons.push_back(std::move(reason));
  return reasons;
}

std::string WhyCertificateIsStale(const AnyRecord& record, absl::Time now) {
  return Join(CertificateState(record, now));
}

}  // namespace kplan
