#ifndef KPLAN_STEPS_PKI_CERTIFICATE_WISH_H_
#define KPLAN_STEPS_PKI_CERTIFICATE_WISH_H_

#include "absl/status/statusor.h"
#include "src/pki/certificate_spec.h"
#include "src/step/any_record.h"

namespace kplan {

// What a record wants of its certificate. InvalidArgument when it says nothing that could be made.
absl::StatusOr<CertificateSpec> CertificateSpecOf(const CaCertRecord& record);
absl::StatusOr<CertificateSpec> CertificateSpecOf(const CertRecord& record);
absl::StatusOr<CertificateSpec> CertificateSpecOf(const AdoptCaRecord& record);

// InvalidArgument for a record of any other kind.
absl::StatusOr<CertificateSpec> CertificateSpecOf(const AnyRecord& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_CERTIFICATE_WISH_H_
