#ifndef KPLAN_BASE_DIGEST_H_
#define KPLAN_BASE_DIGEST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits: the only digest kplan writes anywhere.
std::string Sha256Hex(absl::string_view bytes);

// The digest of a file's content, read in blocks. NotFound when there is no such file.
absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path);

// True for exactly 64 lower-case hexadecimal digits.
bool IsSha256Hex(absl::string_view text);

// For content that arrives in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Update(absl::string_view bytes);
  std::string FinishHex();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_DIGEST_H_
