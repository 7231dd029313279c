#include "src/steps/service/unit_replacing.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"
#include "src/systemd/unit_in_use.h"
#include "src/systemd/unit_text.h"

namespace kplan {
std::string ProgramOfUnit(absl::string_view text) {
  std::string program;
  for (const UnitAssignment& it : ParseUnitText(text).value_or(std::vector<UnitAssignment>())) {
    if (it.section != "Service" || it.key != "ExecStart" || it.value.empty()) continue;
    const std::vector<std::string> words = SplitUnitWords(it.value, "%$");
    absl::string_view word = words.empty() ? "" : absl::string_view(words[0]);
    // Special prefixes (systemd.service(5)).
    word.remove_prefix(std::min(word.find_first_not_of("@-:+!"), word.size()));
    program = std::string(word);
  }
  return program;
}

std::string WhyUnitIsNotPut(const UnitRecord& record, const std::string& program) {
  absl::string_view name = record.path;
  if (record.replace || record.root != "/" ||
      !absl::ConsumePrefix(&name, absl::StrCat(paths::on_host::kUnits, "/")))
    return "";
  if (program.empty() || !absl::EndsWith(name, ".service") || absl::StrContains(name, '/')) return "";
  struct stat there;
  if (lstat(record.path.c_str(), &there) == 0) return "";
  const absl::StatusOr<std::optional<UnitInUse>> found = FindUnitInUse(std::string(name));
  // Where systemd does not answer, the service's step says so.
  if (!found.ok() || !found->has_value() || (*found)->is_administrators()) return "";
  const std::string why = WhyNotReplaced(**found, program);
  if (why.empty()) return "";
  return absl::StrCat(why,
                      ". Give ours another name; or, when nobody needs that one, remove it (systemctl "
                      "disable --now ",
                      name,
                      ", and its package), or write `replace: true` in cluster.yaml, "
                      "where the service is");
}

}  // namespace kplan
