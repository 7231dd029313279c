#include "src/pki/openssl_util.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "absl/strings/str_cat.h"

namespace kplan {

Secret::Secret(std::string bytes) : bytes_(std::move(bytes)) {
  bytes.resize(bytes.capacity());  // a short string is copied by a move
  OPENSSL_cleanse(&bytes[0], bytes.size());
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  bytes_ = std::move(other.bytes_);
  other.Wipe();  // as above
  return *this;
}

void Secret::Wipe() {
  bytes_.resize(bytes_.capacity());  // what lies behind the end was written once, too
  if (!bytes_.empty()) OPENSSL_cleanse(&bytes_[0], bytes_.size());
  bytes_.clear();
}

void InitOpenSsl() { OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

absl::Status OpenSslError(absl::string_view what) {
  // The first error is the cause; those after it are callers passing it on.
  unsigned long code = ERR_get_error();  // NOLINT(runtime/int): OpenSSL's type
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return absl::InternalError(absl::StrCat(what, ": ", reason == nullptr ? "OpenSSL refused" : reason));
}

}  // namespace kplan
