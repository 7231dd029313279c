#include "src/archive/credential.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/archive/netrc.h"
#include "src/base/text.h"
#include "src/pki/passphrase.h"
#include "src/pki/secret_file.h"

namespace kplan {
namespace {

constexpr size_t kMaxNetrc = 64 << 10;
constexpr size_t kMaxToken = 16 << 10;  // what servers take of a header

// b64token of RFC 6750 2.1.
bool IsToken(absl::string_view text) {
  while (absl::ConsumeSuffix(&text, "=")) {
  }
  return OnlyAlnumAnd(text, "-._~+/");
}

}  // namespace

absl::StatusOr<Credential> CredentialFromNetrc(const std::string& netrc, absl::string_view host) {
  absl::StatusOr<Secret> text = ReadSecretFile(netrc, kNetrcFile, kMaxNetrc + 1);
  if (!text.ok()) return text.status();
  if (text->view().size() > kMaxNetrc)
    return absl::FailedPreconditionError(absl::StrCat(kNetrcFile, " ", netrc, " has more than 64 KiB"));
  absl::StatusOr<std::optional<Login>> login = FindLogin(text->view(), host);
  if (!login.ok())
    return absl::FailedPreconditionError(
        absl::StrCat(kNetrcFile, " ", netrc, ": ", login.status().message()));
  Credential credential;
  if (!login->has_value()) {
    credential.from = absl::StrCat(netrc, ", which has no entry for ", host);
    return credential;
  }
  credential.from = absl::StrCat("the login for ", host, " in ", netrc);
  const Secret both(absl::StrCat((*login)->name.view(), ":", (*login)->password.view()));
  const Secret encoded(absl::Base64Escape(both.view()));
  credential.authorization = Secret(absl::StrCat("Basic ", encoded.view()));
  return credential;
}

absl::StatusOr<Credential> CredentialFromToken(const PassphraseSource& source) {
  absl::StatusOr<Secret> token = ReadSecretLine(source, "token", kMaxToken);
  if (!token.ok()) return token.status();
  const std::string from = absl::StrCat("the token in ", source.Place());
  if (!IsToken(token->view())) {
    return absl::FailedPreconditionError(absl::StrCat(from,
                                                      " has a character that no bearer token has (RFC 6750); "
                                                      "it stands there alone, without Bearer or quotes"));
  }
  Credential credential;
  credential.from = from;
  credential.authorization = Secret(absl::StrCat("Bearer ", token->view()));
  return credential;
}

}  // namespace kplan
