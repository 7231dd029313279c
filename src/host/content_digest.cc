#include "src/host/content_digest.h"

#include <utility>

#include "absl/strings/match.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/pki/openssl_util.h"
#include "src/pki/pem_public.h"

namespace kplan {
namespace {

constexpr size_t kMaxPem = 1 << 20;  // more than any file with a key

}  // namespace

absl::StatusOr<std::string> ContentDigest(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxPem);
  if (absl::IsOutOfRange(text.status())) return Sha256HexOfFile(path);
  if (!text.ok()) return text.status();
  const Secret content(*std::move(text));
  if (absl::StrContains(content.view(), "PRIVATE KEY-----")) {
    absl::StatusOr<std::string> part = PublicPartOfPem(content.view());
    if (part.ok()) return Sha256Hex(*part);
  }
  return Sha256Hex(content.view());
}

}  // namespace kplan
