#ifndef KPLAN_PKI_ENCRYPTED_KEY_H_
#define KPLAN_PKI_ENCRYPTED_KEY_H_

// A private key encrypted at rest: EncryptedPrivateKeyInfo (RFC 5958 3), what stands in a PEM block
// "ENCRYPTED PRIVATE KEY".

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// Rounds of PBKDF2. 200,000 take 45 ms here, about what an RSA-2048 key costs to make. Every step that signs
// opens the CA's key: 100 leaves pay it 100 times, 4.5 s of processor time, which at most doubles what RSA
// leaves cost. (OWASP's 600,000 would be 12 s.) It makes guessing a passphrase that a person thought of
// 200,000 times as dear; one of 128 random bits, which a passphrase that only machines read should be, needs
// none of it.
inline constexpr int kKeyEncryptionRounds = 200'000;

// DER of PKCS8 (a PrivateKeyInfo's DER) encrypted by PBES2 (RFC 8018 6.2): PBKDF2 with HMAC-SHA256, 16 random
// octets of salt and kKeyEncryptionRounds, then AES-256-CBC. `openssl pkey` and `certtool` read it.
absl::StatusOr<std::string> EncryptPkcs8(absl::string_view pkcs8, absl::string_view passphrase);

// The other way: PBES2 by whoever wrote it, with PBKDF2 (any HMAC of OpenSSL's, at most 10 million rounds) or
// scrypt (at most 32 MiB), and any cipher of OpenSSL's default provider. Errors: DataLoss when DER is no
// EncryptedPrivateKeyInfo; FailedPrecondition when it is encrypted in a way that is not read (the message
// says how to convert it); PermissionDenied when PASSPHRASE does not open it. CBC has no check of its own, so
// that a wrong passphrase and flipped bits cannot be told apart: neither is ever called damage.
absl::StatusOr<Secret> DecryptPkcs8(absl::string_view der, absl::string_view passphrase);

// The first two of these errors, as far as they can be told without the passphrase.
absl::Status CheckEncryptedPkcs8(absl::string_view der);

}  // namespace kplan

#endif  // KPLAN_PKI_ENCRYPTED_KEY_H_
