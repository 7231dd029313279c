#include "src/base/signature_mode.h"

#include "absl/strings/numbers.h"

namespace kplan {

mode_t ModeInSignature(absl::string_view signature) {
  mode_t mode = 0;
  return absl::SimpleAtoi(signature.substr(0, signature.find('.')), &mode) ? mode : 0;
}

}  // namespace kplan
