#ifndef KPLAN_STEPS_PKI_EXTERNAL_CERTIFICATE_H_
#define KPLAN_STEPS_PKI_EXTERNAL_CERTIFICATE_H_

#include "absl/status/statusor.h"
#include "src/pki/certificate_policy.h"
#include "src/pki/certificate_spec.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {

// A certificate that somebody else signs, because kplan has the CA's certificate and not its key: kplan makes
// the request, waits for a person to put the certificate into its place, and checks it. What is in that place
// is never written.
//
// It has to be of the key on disk and signed by the CA given, valid now, for exactly the names and extended
// usages asked for: a certificate for more is a surprise that a spec has to spell out. The signer's to say
// are how long it lives, subject fields beside the CN, URLs, harmless key usages (pki/certificate_policy.cc),
// and, of a CA, path length and name constraints that the spec leaves open.
//
// EVIDENCE has key and issuer. FailedPrecondition when there is none, or another one is needed. One that
// expires soon is a line of the result's output.
absl::StatusOr<StepResult> TakeExternalCertificate(const CertificateSpec& spec, const Evidence& evidence);

// The looking half of that. One that is not there is waited for, and is no error.
absl::StatusOr<Outlook> LookAtExternalCertificate(const CertificateSpec& spec, const Evidence& evidence);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_EXTERNAL_CERTIFICATE_H_
