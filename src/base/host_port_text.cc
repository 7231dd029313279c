#include "src/base/host_port_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kplan {

std::string HostPortText(const HostPort& target) {
  const bool brackets = absl::StrContains(target.host, ':');
  return absl::StrCat(brackets ? "[" : "", target.host, brackets ? "]:" : ":", target.port);
}

}  // namespace kplan
