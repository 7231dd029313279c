#include "src/systemd/unit_name.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kplan {

std::string FullUnitName(absl::string_view name) {
  for (absl::string_view suffix :
       {".service", ".timer", ".socket", ".path", ".target", ".mount", ".automount", ".swap", ".slice"}) {
    if (absl::EndsWith(name, suffix)) return std::string(name);
  }
  return absl::StrCat(name, ".service");
}

}  // namespace kplan
