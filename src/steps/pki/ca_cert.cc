#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "src/pki/certificate_policy.h"
#include "src/pki/certificate_spec.h"
#include "src/pki/issue.h"
#include "src/pki/private_key.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/pki/certificate_file.h"

// A self-signed CA certificate. Record:
//   {"expiry":seconds,"key":"pki/ca-key.pem","kind":"ca-cert","path":"pki/ca.pem","subject":[["C","US"],...]}
// and, optionally:
//   "backdate": seconds          how long before it is made it starts (pki/issue.h)
//   "max-path-len": number       how many CAs may be below it
//   "passphrase": [...]          of its key (pki/passphrase.h)
//   "permitted","excluded": [["dns","example.com"],...]     name constraints (pki/name_constraints.h)
//   "renew-before": seconds
// Digest: of the DER.
//
// Made again with the same key and subject (another expiry, or near its end) it takes nothing from the
// leaves: name and key identifier stay, so they verify under the new one as under the old one.

namespace kplan {

namespace {

absl::StatusOr<NewCertificate> Wanted(const CertificateSpec& spec, absl::Time now) {
  absl::StatusOr<Validity> validity = ValidityFrom(now, *spec.lifetime.expiry, spec.lifetime.backdate);
  if (!validity.ok()) return validity.status();
  return NewCertificate{spec.subject.get(), spec.extensions, /*serial=*/"", *validity};
}

}  // namespace

absl::StatusOr<StepResult> CaCertStep(const StepContext& context, const Record& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpec::From(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(spec->key, spec->passphrase);
  if (!key.ok()) return key.status();
  Evidence evidence;
  evidence.spki = &key->spki();
  evidence.now = context.now;
  return KeepCertificate(*spec, evidence, [&]() -> absl::StatusOr<std::string> {
    absl::StatusOr<NewCertificate> wanted = Wanted(*spec, context.now);
    if (!wanted.ok()) return wanted.status();
    absl::StatusOr<std::string> serial = RandomSerial();
    if (!serial.ok()) return serial.status();
    wanted->serial = *std::move(serial);
    return MakeSelfSigned(*wanted, *key);
  });
}

absl::StatusOr<Outlook> CaCertLook(const LookContext& context, const Record& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpec::From(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<SeenKey> key = SeeKey(spec->key, spec->passphrase, context.foreseen);
  if (!key.ok()) return key.status();
  Evidence evidence;
  evidence.spki = key->known();
  evidence.key_anew = key->kind == SeenKey::kAnew;
  evidence.now = context.now;
  using Made = absl::StatusOr<std::optional<ToBeMade>>;
  return LookAtCertificate(*spec, evidence, [&](const Certificate* found) -> Made {
    absl::StatusOr<NewCertificate> wanted = Wanted(*spec, context.now);
    if (!wanted.ok()) return wanted.status();
    // A key that is shut is the one that the CA has always had: there never is another.
    const bool known = key->kind == SeenKey::kKnown || (key->kind == SeenKey::kShut && found != nullptr);
    std::string spki = key->kind == SeenKey::kKnown ? key->spki : known ? found->spki : "";
    if (!known) {
      absl::StatusOr<std::string> any = AnyPublicKey();
      if (!any.ok()) return any.status();
      spki = *std::move(any);
    }
    absl::StatusOr<Certificate> made = ForeseeCertificate(*wanted, spki, /*issuer=*/nullptr);
    if (!made.ok()) return made.status();
    return ToBeMade{*std::move(made), known};
  });
}

}  // namespace kplan
