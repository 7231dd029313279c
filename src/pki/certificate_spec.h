#ifndef KPLAN_PKI_CERTIFICATE_SPEC_H_
#define KPLAN_PKI_CERTIFICATE_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/pki/certificate_check.h"
#include "src/pki/extensions.h"
#include "src/pki/openssl_util.h"
#include "src/pki/passphrase.h"

namespace kplan {

// What the spec wants of a certificate, from the record of the step that keeps it. The records' keys are
// described where the steps are: steps/pki/ca_cert.cc, steps/pki/cert.cc, steps/pki/adopt_ca.cc.
struct CertificateSpec {
  // Where the certificate comes from, and so what kplan may say about it.
  enum Origin : uint8_t {
    kSelfSigned = 1 << 0,  // "ca-cert": made here with its own key
    kIssued = 1 << 1,      // "cert": made here with the key of the issuer
    kExternal = 1 << 2,    // "cert" without the issuer's key: somebody else signs, and kplan checks
    kAdopted = 1 << 3,     // "adopt-ca": a CA that was there before
  };

  Origin origin = kIssued;
  std::string path;
  std::string key;  // of an adopted CA: empty when somebody else has it
  PassphraseSource passphrase;
  std::string csr, issuer, issuer_key;  // of those with an issuer
  PassphraseSource issuer_passphrase;
  std::string from;  // of an adopted CA: the file that is its user's

  // What it says. Empty for an adopted CA.
  NamePtr subject;
  Extensions extensions;  // without key identifiers
  Lifetime lifetime;      // the cap is the issuer's affair, whose certificate is not read here

  std::optional<int64_t> revoked_before;  // one that starts before this (Unix seconds) is revoked
  std::string superseded;                 // the folder for certificates that were replaced; empty: none

  bool made_here() const { return origin == kSelfSigned || origin == kIssued; }

  // InvalidArgument when the record says nothing that could be made.
  static absl::StatusOr<CertificateSpec> From(const Record& record);
};

}  // namespace kplan

#endif  // KPLAN_PKI_CERTIFICATE_SPEC_H_
