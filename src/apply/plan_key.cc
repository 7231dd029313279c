#include "src/apply/plan_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/apply/applied.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"

namespace kplan {

absl::StatusOr<PlanKey> PlanKey::Read() {
  absl::StatusOr<std::string> text = ReadFile(paths::kPlanKey, 64);
  if (!text.ok()) return text.status();
  // One that was cut short by a full disk in the hands of somebody else would still be a key, and a weak one.
  if (!IsSha256Hex(*text))
    return absl::DataLossError(
        absl::StrCat(paths::kPlanKey, " is damaged; remove it, and save plans of this folder again"));
  return PlanKey(*std::move(text));
}

absl::StatusOr<PlanKey> PlanKey::Make() {
  absl::StatusOr<PlanKey> key = Read();
  if (key.ok() || !absl::IsNotFound(key.status())) return key;
  absl::StatusOr<std::string> half = NewToken(), other = NewToken();
  if (!half.ok()) return half.status();
  if (!other.ok()) return other.status();
  if (absl::Status status = MakePrivateFolder(paths::kState); !status.ok()) return status;
  absl::Status status = WriteFile(paths::kPlanKey, absl::StrCat(*half, *other), kPrivateFile, Overwrite::kNo);
  // Somebody else was faster.
  if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
  if (status = GiveToOwnerOf(paths::kState, paths::kPlanKey); !status.ok()) return status;
  return Read();
}

std::string PlanKey::Digest(absl::string_view text) const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace kplan
