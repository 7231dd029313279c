#ifndef KPLAN_STEP_FORESEE_H_
#define KPLAN_STEP_FORESEE_H_

// What the looks of the PKI steps (outlook.h) have in common: files as they will be, where a step before is
// going to write them, and as they are elsewhere.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/passphrase.h"
#include "src/step/outlook.h"

namespace kplan {

// What is known of a private key that a step is going to read.
struct SeenKey {
  enum Kind {
    kKnown,
    kShut,  // it is encrypted, and a look does not ask for the passphrase
    kAnew,  // another one will be made
  };
  Kind kind = kShut;
  std::string spki;  // of kKnown: DER of the SubjectPublicKeyInfo

  const std::string* known() const { return kind == kKnown ? &spki : nullptr; }
};

// The key in PATH. Errors as PrivateKey::ReadUsable's.
absl::StatusOr<SeenKey> SeeKey(const std::string& path, const PassphraseSource& passphrase,
                               const Foreseen& foreseen);

// The certificate in PATH; null when it will be one of a key that is not made yet. Errors as
// Certificate::Read's.
absl::StatusOr<std::shared_ptr<const Certificate>> SeeCertificate(const std::string& path,
                                                                  const Foreseen& foreseen);

// DIFFERENCES as reasons and changes; each reason's text begins with PREFIX. Their error, if that is what
// they are.
absl::Status AddFileDifferences(const absl::StatusOr<std::vector<FileDifference>>& differences,
                                absl::string_view prefix, Outlook* outlook);

// What stands in a Change for a key that is not made yet.
inline constexpr char kNewKey[] = "a new key";

}  // namespace kplan

#endif  // KPLAN_STEP_FORESEE_H_
