#ifndef KPLAN_SYSTEMD_ENVIRONMENT_FILE_H_
#define KPLAN_SYSTEMD_ENVIRONMENT_FILE_H_

// A file of variables for a service, one NAME=value a line: what systemd reads from a unit's EnvironmentFile=
// (systemd.exec(5)), for services that run without systemd.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// TEXT as "NAME=value", in its order. Empty lines and lines that begin with # or ; are left out; a value may
// stand in single quotes, or in double quotes with \" \\ \$ and \` inside. InvalidArgument, with the number
// of the line, for what systemd would read in another way, or not at all: lines that go on in the next one,
// and a bare value with quotes, a backslash, or blanks at its end.
absl::StatusOr<std::vector<std::string>> ParseEnvironmentFile(absl::string_view text);

// The variables in the file PATH. NotFound when there is none.
absl::StatusOr<std::vector<std::string>> ReadEnvironmentFile(const std::string& path);

// ENVIRONMENT with VARIABLES, which replace those of the same name, as systemd does it.
std::vector<std::string> WithVariables(std::vector<std::string> environment,
                                       const std::vector<std::string>& variables);

// The NAME of "NAME=value".
absl::string_view NameOfVariable(absl::string_view variable);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_ENVIRONMENT_FILE_H_
