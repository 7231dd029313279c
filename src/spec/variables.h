#ifndef KPLAN_SPEC_VARIABLES_H_
#define KPLAN_SPEC_VARIABLES_H_

// What people write where they expect something to be put in: "$name", "${NAME:-lab}", "$(hostname)",
// "{{ name }}", "{% if x %}". The table of keys says what becomes of it in each value (schema.h Variables).

#include "absl/strings/string_view.h"

namespace kplan {

// The first such place of TEXT; "" when there is none. There is no escape: of "$$name" it is "$name". A "$"
// before anything but a name or a bracket is a dollar.
absl::string_view FindVariable(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_SPEC_VARIABLES_H_
