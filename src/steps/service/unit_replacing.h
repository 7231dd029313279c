#ifndef KPLAN_STEPS_SERVICE_UNIT_REPLACING_H_
#define KPLAN_STEPS_SERVICE_UNIT_REPLACING_H_

// That a unit of ours takes no service away from somebody: a package's of the same name (in /lib), or one
// that is there until the next boot (in /run), which a unit in /etc replaces without a word.

#include <string>

#include "absl/strings/string_view.h"
#include "src/step/file_records.h"

namespace kplan {

// The program of a service by its unit's TEXT, absolute; "" when it has none.
std::string ProgramOfUnit(absl::string_view text);

// Why the unit of RECORD, whose program is PROGRAM, must not be put in its place, with what to do; "":
// nothing forbids it. What has the same program is taken over, and a file in that very place is put right as
// any file is.
std::string WhyUnitIsNotPut(const UnitRecord& record, const std::string& program);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_UNIT_REPLACING_H_
