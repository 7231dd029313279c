// The low-level SHA256_* calls are deprecated in OpenSSL 3.0 in favour of EVP, whose first use loads and
// fetches providers: 1.1 ms in a static binary, more than everything else a step with nothing to do does.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "src/base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {

struct Sha256Stream::State {
  SHA256_CTX context;
};

Sha256Stream::Sha256Stream() : state_(new State) { SHA256_Init(&state_->context); }
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(absl::string_view bytes) {
  SHA256_Update(&state_->context, bytes.data(), bytes.size());
}

std::string Sha256Stream::FinishHex() {
  char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(reinterpret_cast<unsigned char*>(digest), &state_->context);
  return absl::BytesToHexString(absl::string_view(digest, sizeof(digest)));
}

std::string Sha256Hex(absl::string_view bytes) {
  Sha256Stream stream;
  stream.Update(bytes);
  return stream.FinishHex();
}

absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  Sha256Stream stream;
  std::string block(256 * 1024, '\0');
  for (;;) {
    ssize_t n = disk::Read(fd.get(), &block[0], block.size());
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    if (n == 0) return stream.FinishHex();
    stream.Update(absl::string_view(block.data(), n));
  }
}

bool IsSha256Hex(absl::string_view text) {
  if (text.size() != 64) return false;
  for (char c : text) {
    if (!(('0' <= c && c <= '9') || ('a' <= c && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace kplan
