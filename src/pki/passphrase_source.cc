#include "src/pki/passphrase_source.h"

#include "absl/strings/str_cat.h"

namespace kplan {

std::string PassphraseSource::Text() const {
  switch (kind) {
    case Kind::kFile:
      return absl::StrCat("the passphrase in ", name);
    case Kind::kEnvironment:
      return absl::StrCat("the passphrase in $", name);
    case Kind::kWithheld:
      return "the passphrase";
    case Kind::kNone:
      break;
  }
  return "no passphrase";
}

}  // namespace kplan
