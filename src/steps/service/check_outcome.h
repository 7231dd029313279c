#ifndef KPLAN_STEPS_SERVICE_CHECK_OUTCOME_H_
#define KPLAN_STEPS_SERVICE_CHECK_OUTCOME_H_

#include <string>

namespace kplan {

// What one look at one check of a service came to.
struct CheckOutcome {
  std::string check;  // which: "tcp 127.0.0.1:8443"
  bool holds = false;
  // When it holds:
  std::string said;    // a line for the person
  std::string proved;  // what the verdict's digest covers beside the check itself; usually empty
  // When it does not:
  std::string expected, seen, advice;
  // Waiting does not put it right: what answers is the wrong one. (It is looked at again all the same, for a
  // moment: a reload takes one.)
  bool lasting = false;
};

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_CHECK_OUTCOME_H_
