#ifndef KPLAN_BASE_REASON_LIST_H_
#define KPLAN_BASE_REASON_LIST_H_

#include <vector>

#include "src/base/reason.h"

namespace kplan {

// Adds REASON to *REASONS unless one of them says the same to a person.
void AddOnce(const Reason& reason, std::vector<Reason>* reasons);

}  // namespace kplan

#endif  // KPLAN_BASE_REASON_LIST_H_
