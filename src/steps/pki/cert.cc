#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_policy.h"
#include "src/pki/certificate_spec.h"
#include "src/pki/issue.h"
#include "src/pki/issuer_check.h"
#include "src/pki/private_key.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/pki/certificate_file.h"
#include "src/steps/pki/external_certificate.h"

// A certificate that a CA signs: a leaf, or an intermediate CA. Record:
//   {"csr":"pki/x.csr","expiry":seconds,"issuer":"pki/ca.pem","issuer-key":"pki/ca-key.pem",
//    "key":"pki/x-key.pem","kind":"cert","path":"pki/x.pem","sans":[["dns","worker"],...],
//    "subject":[["C","US"],...],"usages":["signing","server auth",...]}
// without "issuer-key" somebody else signs (external_certificate.h). And, optionally:
//   "backdate": seconds          how long before it is made it starts (pki/issue.h)
//   "ca": true                   an intermediate; then also as in ca_cert.cc:
//   "max-path-len","permitted","excluded"
//   "crl-url","ocsp-url": URL    and "issuer-urls": [URL,...], of the issuer
//   "issuer-passphrase": [...]   of the issuer's key, and "passphrase" of its own (pki/passphrase.h)
//   "renew-before": seconds
//   "revoked-before": Unix seconds       one that starts earlier is revoked
//   "superseded": FOLDER         where certificates go that are replaced, as SERIAL.pem
// Digest: of the DER.
//
// The CA's key is read only when something is to be signed.

namespace kplan {
namespace {

// A chain is valid only while all of it is: cfssl lets a leaf outlive its CA, and every verifier lets it pass
// until the day on which all of them fail at once.
absl::StatusOr<Validity> ValidityBelow(const Certificate& issuer, const CertificateSpec& spec,
                                       absl::Time now) {
  const int64_t expiry = *spec.lifetime.expiry;
  absl::StatusOr<Validity> validity = ValidityFrom(now, expiry, spec.lifetime.backdate);
  if (!validity.ok()) return validity.status();
  // Nor does it start before its CA; nor before the day on which those that it replaces were revoked, which
  // is how they are told apart.
  const int64_t earliest = std::max(issuer.not_before, spec.revoked_before.value_or(issuer.not_before));
  if (validity->not_before < earliest) validity = Validity{earliest, earliest + expiry};
  validity->not_after = std::min(validity->not_after, issuer.not_after);
  return validity;
}

// One that starts before it was revoked would be revoked, too.
absl::Status CheckRevocation(const CertificateSpec& spec, absl::Time now) {
  if (!spec.revoked_before.has_value() || *spec.revoked_before <= absl::ToUnixSeconds(now)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(spec.path, " is revoked from ", TimeText(*spec.revoked_before),
                   " on, which is later than now; a certificate that is good could not start before then. "
                   "Give the time at which it was revoked"));
}

// What a person should know of a certificate that is made for VALIDITY; usually "".
std::string EarlyEnd(const CertificateSpec& spec, const Validity& validity) {
  const int64_t expiry = *spec.lifetime.expiry, life = validity.not_after - validity.not_before;
  if (life >= expiry) return "";
  return absl::StrCat(spec.path, " ends with its CA on ", TimeText(validity.not_after), ", ",
                      DurationText(life), " instead of ", DurationText(expiry),
                      " from its start; renew the CA certificate");
}

// *VALIDITY: that of the certificate signed.
absl::StatusOr<std::string> Sign(const CertificateSpec& spec, const PrivateKey& key,
                                 const Certificate& issuer, absl::Time now, Validity* validity) {
  absl::StatusOr<PrivateKey> issuer_key = PrivateKey::ReadUsable(spec.issuer_key, spec.issuer_passphrase);
  if (!issuer_key.ok()) return issuer_key.status();
  absl::Status status = CheckIssuer(spec, issuer, &issuer_key->spki(), now);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> request = CheckRequest(spec, &key.spki());
  if (!request.ok()) return request.status();
  absl::StatusOr<Validity> times = ValidityBelow(issuer, spec, now);
  if (!times.ok()) return times.status();
  *validity = *times;
  absl::StatusOr<std::string> serial = RandomSerial();
  if (!serial.ok()) return serial.status();
  absl::StatusOr<std::string> der =
      MakeCertificate({spec.subject.get(), spec.extensions, *serial, *validity}, key, issuer, *issuer_key);
  if (!der.ok()) return der.status();
  if (status = CheckNames(spec, *der, issuer); !status.ok()) return status;
  return der;
}

// What a look knows of the key that a certificate will be of, when one is made.
absl::StatusOr<SeenKey> KeyToCertify(const CertificateSpec& spec, const SeenKey& key,
                                     const Foreseen& foreseen) {
  if (const ForeseenFile* request = foreseen.Find(spec.csr); request != nullptr) {
    if (key.kind != SeenKey::kShut || request->spki.empty()) return key;
    return SeenKey{SeenKey::kKnown, request->spki};
  }
  const std::string none;
  absl::StatusOr<std::string> request = CheckRequest(spec, key.kind == SeenKey::kAnew ? &none : key.known());
  if (!request.ok()) return request.status();
  return SeenKey{SeenKey::kKnown, *std::move(request)};
}

// What Sign would sign, and the errors that it would end with. ISSUER is null when it is not known yet.
absl::StatusOr<std::optional<ToBeMade>> Foresee(const CertificateSpec& spec, const SeenKey& key,
                                                const Certificate* issuer, const LookContext& context) {
  absl::StatusOr<SeenKey> issuer_key = SeeKey(spec.issuer_key, spec.issuer_passphrase, context.foreseen);
  if (!issuer_key.ok()) return issuer_key.status();
  if (issuer != nullptr) {
    absl::Status status = CheckIssuer(spec, *issuer, issuer_key->known(), context.now);
    if (!status.ok()) return status;
  }
  absl::StatusOr<SeenKey> own = KeyToCertify(spec, key, context.foreseen);
  if (!own.ok()) return own.status();
  if (issuer == nullptr) return std::optional<ToBeMade>();
  absl::StatusOr<Validity> validity = ValidityBelow(*issuer, spec, context.now);
  if (!validity.ok()) return validity.status();
  absl::StatusOr<std::string> spki = own->spki;
  if (own->kind != SeenKey::kKnown) spki = AnyPublicKey();
  if (!spki.ok()) return spki.status();
  absl::StatusOr<Certificate> made =
      ForeseeCertificate({spec.subject.get(), spec.extensions, /*serial=*/"", *validity}, *spki, issuer);
  if (!made.ok()) return made.status();
  if (absl::Status status = CheckNames(spec, made->der, *issuer); !status.ok()) return status;
  return ToBeMade{*std::move(made), own->kind == SeenKey::kKnown};
}

}  // namespace

absl::StatusOr<StepResult> CertStep(const StepContext& context, const Record& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpec::From(record);
  if (!spec.ok()) return spec.status();
  if (absl::Status status = CheckRevocation(*spec, context.now); !status.ok()) return status;
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(spec->key, spec->passphrase);
  if (!key.ok()) return key.status();
  absl::StatusOr<Certificate> issuer = Certificate::Read(spec->issuer);
  if (!issuer.ok()) return issuer.status();
  Evidence evidence;
  evidence.spki = &key->spki();
  evidence.issuer = &*issuer;
  evidence.now = context.now;
  if (spec->origin == CertificateSpec::kExternal) return TakeExternalCertificate(*spec, evidence);

  Validity signed_for = {0, *spec->lifetime.expiry};
  absl::StatusOr<StepResult> result =
      KeepCertificate(*spec, evidence, [&] { return Sign(*spec, *key, *issuer, context.now, &signed_for); });
  if (!result.ok()) return result;
  result->output = EarlyEnd(*spec, signed_for);
  return result;
}

absl::StatusOr<Outlook> CertLook(const LookContext& context, const Record& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpec::From(record);
  if (!spec.ok()) return spec.status();
  if (absl::Status status = CheckRevocation(*spec, context.now); !status.ok()) return status;
  absl::StatusOr<SeenKey> key = SeeKey(spec->key, spec->passphrase, context.foreseen);
  if (!key.ok()) return key.status();
  absl::StatusOr<std::shared_ptr<const Certificate>> issuer = SeeCertificate(spec->issuer, context.foreseen);
  if (!issuer.ok()) return issuer.status();
  Evidence evidence;
  evidence.spki = key->known();
  evidence.key_anew = key->kind == SeenKey::kAnew;
  evidence.issuer = issuer->get();
  evidence.issuer_anew = *issuer == nullptr;
  evidence.now = context.now;
  if (spec->origin == CertificateSpec::kExternal) return LookAtExternalCertificate(*spec, evidence);

  std::string note;
  absl::StatusOr<Outlook> outlook = LookAtCertificate(*spec, evidence, [&](const Certificate*) {
    absl::StatusOr<std::optional<ToBeMade>> made = Foresee(*spec, *key, issuer->get(), context);
    if (made.ok() && made->has_value()) note = EarlyEnd(*spec, (*made)->certificate.validity());
    return made;
  });
  if (outlook.ok()) outlook->note = std::move(note);
  return outlook;
}

}  // namespace kplan
