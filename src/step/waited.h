#ifndef KPLAN_STEP_WAITED_H_
#define KPLAN_STEP_WAITED_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kplan {

// A line for the person who sat before a step that waited: "LABEL: waited 3.4 s until WHAT\n"; "" when it was
// too short to wonder.
inline std::string WaitedLine(absl::string_view label, absl::Duration waited, absl::string_view what) {
  if (waited <= absl::Seconds(2)) return "";
  return absl::StrCat(label, absl::StrFormat(": waited %.1f s until ", absl::ToDoubleSeconds(waited)), what,
                      "\n");
}

}  // namespace kplan

#endif  // KPLAN_STEP_WAITED_H_
