#ifndef KPLAN_APPLY_PLAN_KEY_H_
#define KPLAN_APPLY_PLAN_KEY_H_

// By which a saved plan speaks of secrets. A digest of a secret could be compared with those of guesses
// (base/secret_content.h); one that is made with a key that never leaves .kplan cannot. So such a plan can be
// compared only in the folder that it was saved in.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

class PlanKey {
 public:
  // The key of the current folder (.kplan/plan.key), made when there is none.
  static absl::StatusOr<PlanKey> Make();
  // NotFound when there is none.
  static absl::StatusOr<PlanKey> Read();

  // HMAC-SHA256 (RFC 2104) of TEXT, 64 hexadecimal digits.
  std::string Digest(absl::string_view text) const;
  // Tells two keys apart, and says nothing of either.
  std::string Id() const { return Digest("id").substr(0, 16); }

 private:
  explicit PlanKey(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

}  // namespace kplan

#endif  // KPLAN_APPLY_PLAN_KEY_H_
