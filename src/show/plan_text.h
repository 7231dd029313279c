#ifndef KPLAN_SHOW_PLAN_TEXT_H_
#define KPLAN_SHOW_PLAN_TEXT_H_

#include <string>

#include "src/show/plan_view.h"

namespace kplan {

// VIEW for a terminal; it is escaped where it is printed. What a reader wants to see last, the summary, is
// last.
std::string PlanText(const PlanView& view);

}  // namespace kplan

#endif  // KPLAN_SHOW_PLAN_TEXT_H_
