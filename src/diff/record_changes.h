#ifndef KPLAN_DIFF_RECORD_CHANGES_H_
#define KPLAN_DIFF_RECORD_CHANGES_H_

// Two records of one step, compared in the words in which its look would tell what it does about the
// difference.

#include <vector>

#include "absl/strings/string_view.h"
#include "src/step/any_record.h"
#include "src/step/outlook.h"

namespace kplan {

struct RecordChanges {
  std::vector<Reason>
      reasons;  // empty: the artifact stays as it is (a longer timeout, another place of a source)
  std::vector<Change> changes;
  // Whether the artifact itself becomes another one, and with it what is made from it: not for a mode.
  bool other = false;
};

// BEFORE and AFTER, the canonical JSON of two records that differ. SECRET: nothing of their content is shown.
// Services and rollouts are compared elsewhere, by what they are started with.
RecordChanges CompareRecords(absl::string_view before, absl::string_view after, bool secret);

}  // namespace kplan

#endif  // KPLAN_DIFF_RECORD_CHANGES_H_
