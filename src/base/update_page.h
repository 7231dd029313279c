#ifndef KPLAN_BASE_UPDATE_PAGE_H_
#define KPLAN_BASE_UPDATE_PAGE_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// What a program for `bazel run` does that makes the tables of a page those of today: PAGE, in the workspace
// ("docs/steps.md"), becomes what WITH_TABLES makes of it. Says on standard output that it has something new.
// Returns what main() is to return.
int UpdatePage(absl::string_view page,
               absl::FunctionRef<absl::StatusOr<std::string>(absl::string_view)> with_tables);

}  // namespace kplan

#endif  // KPLAN_BASE_UPDATE_PAGE_H_
