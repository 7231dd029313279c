#include "src/base/reason.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kplan {

std::string Join(const std::vector<Reason>& reasons, absl::string_view separator) {
  return absl::StrJoin(reasons, separator,
                       [](std::string* out, const Reason& reason) { absl::StrAppend(out, reason.text); });
}

}  // namespace kplan
