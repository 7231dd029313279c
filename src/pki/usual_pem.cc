#include "src/pki/usual_pem.h"

#include <openssl/evp.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace {

constexpr absl::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";
constexpr size_t kLine = 64;  // characters

// The first line of *TEXT, without its end, which is taken off, too. Nothing when it has none.
std::optional<absl::string_view> TakeLine(absl::string_view* text) {
  const size_t end = text->find('\n');
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view line = text->substr(0, end);
  text->remove_prefix(end + 1);
  return line;
}

bool IsLabel(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isupper(c) || absl::ascii_isdigit(c) || c == ' ';
  });
}

// Appends what LINE stands for, up to 64 characters of base64. False when it is something else.
bool AppendDecoded(absl::string_view line, std::string* out) {
  if (line.empty() || line.size() > kLine || line.size() % 4 != 0) return false;
  // OpenSSL's decoder takes a "=" anywhere, for a zero.
  const size_t padding = line.size() - std::min(line.size(), line.find('='));
  if (padding > 2 || (padding == 2 && line.back() != '=')) return false;
  const size_t begin = out->size(), size = line.size() / 4 * 3;
  out->resize(begin + size);
  const int decoded =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(&(*out)[begin]),
                      reinterpret_cast<const unsigned char*>(line.data()), static_cast<int>(line.size()));
  out->resize(begin + size - padding);
  return decoded == static_cast<int>(size);  // blanks, which it skips, make it less
}

// The block at the beginning of *TEXT, which is taken off.
std::optional<PemBlock> TakeBlock(absl::string_view* text) {
  std::optional<absl::string_view> line = TakeLine(text);
  if (!line.has_value() || !absl::ConsumePrefix(&*line, kBegin) || !absl::ConsumeSuffix(&*line, kDashes) ||
      !IsLabel(*line))
    return std::nullopt;
  PemBlock block;
  block.label = std::string(*line);
  std::string der;
  // So that no copy of a key is left where it grew.
  der.reserve(std::min(text->size(), text->find(kEnd)) / 4 * 3 + 3);
  bool last = false;
  for (;;) {
    line = TakeLine(text);
    if (!line.has_value()) break;
    if (absl::ConsumePrefix(&*line, kEnd)) {
      if (der.empty() || !absl::ConsumeSuffix(&*line, kDashes) || *line != block.label) break;
      block.der = Secret(std::move(der));
      return block;
    }
    if (last || !AppendDecoded(*line, &der)) break;
    last = line->size() < kLine || line->back() == '=';
  }
  Secret wiped(std::move(der));
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<PemBlock>> ReadUsualPem(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  std::vector<PemBlock> blocks;
  while (!text.empty()) {
    std::optional<PemBlock> block = TakeBlock(&text);
    if (!block.has_value()) return std::nullopt;
    blocks.push_back(*std::move(block));
  }
  return blocks;
}

}  // namespace kplan
