#ifndef KPLAN_BASE_SIGNATURE_MODE_H_
#define KPLAN_BASE_SIGNATURE_MODE_H_

#include <sys/types.h>

#include "absl/strings/string_view.h"

namespace kplan {

// The mode and the kind (st_mode) of the file that SIGNATURE (FileSignature, journal.h) is of; 0 when nothing
// was there.
mode_t ModeInSignature(absl::string_view signature);

}  // namespace kplan

#endif  // KPLAN_BASE_SIGNATURE_MODE_H_
