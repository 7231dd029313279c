#include <string>

#include "absl/status/status.h"
#include "src/steps/certificate_file.h"
#include "src/steps/certificate_policy.h"
#include "src/steps/certificate_spec.h"
#include "src/steps/issue.h"
#include "src/steps/private_key.h"
#include "src/steps/step.h"

// A self-signed CA certificate. Record:
//   {"expiry":seconds,"key":"pki/ca-key.pem","kind":"ca-cert","path":"pki/ca.pem","subject":[["C","US"],...]}
// and, optionally:
//   "backdate": seconds          how long before it is made it starts (issue.h)
//   "max-path-len": number       how many CAs may be below it
//   "passphrase": [...]          of its key (passphrase.h)
//   "permitted","excluded": [["dns","example.com"],...]     name constraints (name_constraints.h)
//   "renew-before": seconds
// Digest: of the DER.
//
// Made again with the same key and subject (another expiry, or near its end) it takes nothing from the
// leaves: name and key identifier stay, so they verify under the new one as under the old one.

namespace kplan {

absl::StatusOr<StepResult> CaCertStep(const StepContext& context, const Record& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpec::From(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(spec->key, spec->passphrase);
  if (!key.ok()) return key.status();
  Evidence evidence;
  evidence.spki = &key->spki();
  evidence.now = context.now;
  return KeepCertificate(*spec, evidence, [&]() -> absl::StatusOr<std::string> {
    absl::StatusOr<Validity> validity =
        ValidityFrom(context.now, *spec->lifetime.expiry, spec->lifetime.backdate);
    if (!validity.ok()) return validity.status();
    absl::StatusOr<std::string> serial = RandomSerial();
    if (!serial.ok()) return serial.status();
    return MakeSelfSigned({spec->subject.get(), spec->extensions, *serial, *validity}, *key);
  });
}

}  // namespace kplan
