#include "src/pki/pem_public.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/pki/der.h"
#include "src/pki/openssl_util.h"
#include "src/pki/private_key.h"

namespace kplan {

absl::StatusOr<std::string> PublicPartOfPem(absl::string_view pem) {
  InitOpenSsl();
  if (!absl::StrContains(pem, "-----BEGIN ")) return absl::InvalidArgumentError("holds no private key");
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(pem);
  if (!blocks.ok()) {
    return absl::InvalidArgumentError("holds no private key that can be read: its PEM is damaged");
  }
  std::string key_der, certificates;
  for (const PemBlock& block : *blocks) {
    if (block.label == "CERTIFICATE") absl::StrAppend(&certificates, block.der.view());
    if (!absl::EndsWith(block.label, "PRIVATE KEY")) continue;  // "EC PARAMETERS" in front of a key
    if (!key_der.empty()) return absl::InvalidArgumentError("holds more than one private key");
    if (absl::StartsWith(block.label, "ENCRYPTED") || !block.headers.empty()) {
      return absl::InvalidArgumentError("holds an encrypted private key, which no service could read");
    }
    Secret alone(EncodePem(block.label.c_str(), block.der.view()));
    absl::StatusOr<PrivateKey> key = PrivateKey::Parse(alone.view());
    if (!key.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("holds a damaged private key (", block.label, ")"));
    }
    if (!key->usable()) {
      return absl::InvalidArgumentError(
          absl::StrCat("holds a key of the kind ", key->kind(), ", which kplan cannot use"));
    }
    key_der = key->spki();
  }
  if (key_der.empty()) return absl::InvalidArgumentError("holds no private key");
  return absl::StrCat(key_der, certificates);
}

}  // namespace kplan
