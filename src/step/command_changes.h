#ifndef KPLAN_STEP_COMMAND_CHANGES_H_
#define KPLAN_STEP_COMMAND_CHANGES_H_

#include <string>
#include <vector>

#include "src/step/outlook.h"

namespace kplan {

// What differs between two command lines, the program first: "program", "flag --max-wals", and "argument" for
// words that belong to no flag. A flag's value is behind its "=", or the next word when that begins with no
// "-"; of a flag without one it is "true". The order of flags says nothing; of one that is given several
// times the values are listed.
std::vector<Change> CommandChanges(const std::vector<std::string>& from, const std::vector<std::string>& to);

// What differs between two environments of "NAME=value": "environment NAME". PATH, which every child gets, is
// left out.
std::vector<Change> EnvironmentChanges(const std::vector<std::string>& from,
                                       const std::vector<std::string>& to);

}  // namespace kplan

#endif  // KPLAN_STEP_COMMAND_CHANGES_H_
