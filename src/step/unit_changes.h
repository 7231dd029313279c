#ifndef KPLAN_STEP_UNIT_CHANGES_H_
#define KPLAN_STEP_UNIT_CHANGES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/step/outlook.h"

namespace kplan {

// What differs between two texts of a systemd unit (systemd.syntax(7)), by section and key: "[Service]
// LimitNOFILE". A key that is given several times has one change for each value that comes or goes. An
// ExecStart that both have once is compared flag by flag (command_changes.h). Comments and blank lines say
// nothing, so two texts that differ need not give a change. No value when one of them is no unit.
std::optional<std::vector<Change>> UnitChanges(absl::string_view from, absl::string_view to);

// The words of a command line as systemd takes it apart: quotes and C escapes undone, "%%" and "$$" halved
// (systemd.service(5), "COMMAND LINES").
std::vector<std::string> SplitExecStart(absl::string_view line);

}  // namespace kplan

#endif  // KPLAN_STEP_UNIT_CHANGES_H_
