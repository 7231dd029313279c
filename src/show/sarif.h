#ifndef KPLAN_SHOW_SARIF_H_
#define KPLAN_SHOW_SARIF_H_

// The Static Analysis Results Interchange Format, 2.1.0 (OASIS), as code scanning takes it: a log of one run.

#include <string>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/show/plan_view.h"

namespace kplan {

// Code scanning takes 25,000 results of a run, and shows 5,000.
inline constexpr size_t kMostResults = 5'000;

// A result for each line of VIEW that changes something; what there is no room for is told by a notification.
// The rules are what becomes of a step: "restarts", "would-fail". VERSION: kplan's.
std::string PlanSarif(const PlanView& view, absl::string_view version);

// A result for each of DIAGNOSTICS, with its remedy where that is one change of the text; the rules are their
// codes. FILE: "" is none.
std::string CheckSarif(const Diagnostics& diagnostics, const std::string& file, absl::string_view version);

}  // namespace kplan

#endif  // KPLAN_SHOW_SARIF_H_
