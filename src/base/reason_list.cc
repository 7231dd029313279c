#include "src/base/reason_list.h"

#include <algorithm>

namespace kplan {

void AddOnce(const Reason& reason, std::vector<Reason>* reasons) {
  const auto same = [&](const Reason& other) { return other.text == reason.text; };
  if (std::none_of(reasons->begin(), reasons->end(), same)) reasons->push_back(reason);
}

}  // namespace kplan
