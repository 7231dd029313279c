#ifndef KPLAN_PKI_PKCS12_H_
#define KPLAN_PKI_PKCS12_H_

// PKCS#12 (RFC 7292): a key and its certificates in one file under a passphrase, as browsers, Java and
// Windows take them.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"
#include "src/pki/private_key.h"

namespace kplan {

// Whether every reader can open a file under PASSPHRASE: printable ASCII. Java knows no other passphrase for
// PBES2 ("Password is not ASCII"), and readers differ in how they encode the rest.
bool IsPkcs12Passphrase(absl::string_view passphrase);

// What may be known of one.
struct Pkcs12Content {
  std::string spki;                       // of the key: DER of the SubjectPublicKeyInfo
  std::vector<std::string> certificates;  // DER; the key's own first, then its issuers, nearest first
  std::string name;                       // the key's friendlyName (Java's alias), UTF-8; may be empty
};

// The DER of a PKCS#12 file: KEY as a PKCS#8 shrouded key bag and the CERTIFICATES in an encrypted safe, both
// by PBES2 (PBKDF2 with HMAC-SHA256, AES-256-CBC), and an HMAC-SHA256 over all of it: what OpenSSL 3, Java
// 8u301 and Windows 10 1709 read. kKeyEncryptionRounds rounds (encrypted_key.h) for each of the three, for
// the least of them is what protects the passphrase. NAME, if any, is the friendlyName of the key and of its
// certificate.
absl::StatusOr<std::string> MakePkcs12(const PrivateKey& key, const std::vector<std::string>& certificates,
                                       absl::string_view name, absl::string_view passphrase);

// Opens the PKCS#12 file DER, whose passphrase is PASSPHRASE. Errors: DataLoss when it is damaged;
// PermissionDenied when the passphrase does not open it, which damage inside of it cannot be told from;
// FailedPrecondition when its key is not encrypted, or something in it not by PBES2.
absl::StatusOr<Pkcs12Content> OpenPkcs12(absl::string_view der, absl::string_view passphrase);

// Those of these errors that need no passphrase.
absl::Status CheckPkcs12(absl::string_view der);

}  // namespace kplan

#endif  // KPLAN_PKI_PKCS12_H_
