#ifndef KPLAN_STEPS_PKI_CERTIFICATE_FILE_H_
#define KPLAN_STEPS_PKI_CERTIFICATE_FILE_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_policy.h"
#include "src/pki/certificate_spec.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {

// That the CA certificate in PATH is not of the key in KEY_PATH, and what to do.
absl::Status OtherKey(const std::string& path, const std::string& key_path);

// The part that all certificates made here have in common: looks at SPEC's file, and when the certificate in
// it is stale (pki/certificate_policy.h) puts the DER that MAKE returns in its place, which must be what the
// spec wants. Of several runs at once one makes it, and all have it. What is replaced:
//
//   a CA certificate of another key    never: OtherKey
//   a damaged CA certificate           kept beside it (host/artifact_file.h, SetAside)
//   a certificate that the same issuer signed    kept in the superseded folder, where a CRL finds it
//
// EVIDENCE has the key.
absl::StatusOr<StepResult> KeepCertificate(const CertificateSpec& spec, const Evidence& evidence,
                                           absl::FunctionRef<absl::StatusOr<std::string>()> make);

// A certificate that is going to be made.
struct ToBeMade {
  Certificate certificate;
  bool key_known = true;  // false: its key will be another one than the one that stands there for it
};

// The looking half of that. FORESEE says what would be made in the place of the certificate FOUND (null:
// there is none that can be read), and fails where making it would; nothing when it is one of an issuer's
// that is not known yet. EVIDENCE has the key unless it is shut or made anew.
absl::StatusOr<Outlook> LookAtCertificate(
    const CertificateSpec& spec, const Evidence& evidence,
    absl::FunctionRef<absl::StatusOr<std::optional<ToBeMade>>(const Certificate* found)> foresee);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_CERTIFICATE_FILE_H_
