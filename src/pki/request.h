#ifndef KPLAN_PKI_REQUEST_H_
#define KPLAN_PKI_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/string_pairs.h"
#include "src/pki/certificate.h"
#include "src/pki/der.h"

namespace kplan {

// A certification request (PKCS #10, RFC 2986), taken apart as far as kplan asks in one. What else it has (a
// CA's basic constraints, which cfssl writes, attributes of other tools) says nothing to kplan: it
// copies nothing of a request into a certificate, and looks at whatever a signer elsewhere made of it.
struct CertificationRequest {
  std::string der;
  SignedObject object;
  std::string subject_der;
  std::string spki;  // DER of the SubjectPublicKeyInfo that it is about
  // The names in its extension request (PKCS #9 5.4.2) as they are encoded; empty when there are none, or
  // they cannot be read.
  StringPairs sans;

  static absl::StatusOr<CertificationRequest> Parse(absl::string_view der);  // DataLoss

  // The one in the PEM file PATH. NotFound; DataLoss when it is damaged or not alone, with PATH in the
  // message.
  static absl::StatusOr<CertificationRequest> Read(const std::string& path);

  // Whether the key that it is about signed it, so that whoever asks holds that key.
  bool ProvesItsKey() const { return object.IsSignedBy(spki); }
};

// Whether BLOCK is a request by its label: "CERTIFICATE REQUEST", or "NEW CERTIFICATE REQUEST" as older tools
// say (RFC 7468 7).
bool IsRequest(const PemBlock& block);

}  // namespace kplan

#endif  // KPLAN_PKI_REQUEST_H_
