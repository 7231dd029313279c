#include "src/etcd/facts/etcd_ids.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kplan {
namespace {

std::string FirstEightBytesOfSha1(absl::string_view bytes) {
  unsigned char hash[EVP_MAX_MD_SIZE] = {};
  unsigned size = 0;
  // SHA-1 is built into libcrypto; without it (a FIPS-only build) no id can be predicted, and the empty id
  // says so.
  if (EVP_Digest(bytes.data(), bytes.size(), hash, &size, EVP_sha1(), nullptr) != 1 || size < 8) return "";
  uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = id << 8 | hash[i];
  return absl::StrCat(absl::Hex(id));
}

}  // namespace

std::string PredictedMemberId(std::vector<std::string> peer_urls, absl::string_view token) {
  std::sort(peer_urls.begin(), peer_urls.end());
  return FirstEightBytesOfSha1(absl::StrCat(absl::StrJoin(peer_urls, ""), token));
}

std::string PredictedClusterId(const std::vector<std::string>& member_ids) {
  std::vector<uint64_t> ids;
  for (const std::string& text : member_ids) {
    uint64_t id = 0;
    if (text.empty() || text.size() > 16 || !absl::SimpleHexAtoi(text, &id)) return "";
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  std::string bytes;
  for (uint64_t id : ids) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(id >> shift));
  }
  return FirstEightBytesOfSha1(bytes);
}

}  // namespace kplan
