#ifndef KPLAN_SHOW_ARTIFACT_DETAILS_H_
#define KPLAN_SHOW_ARTIFACT_DETAILS_H_

#include <string>

#include "absl/time/time.h"
#include "src/base/string_pairs.h"
#include "src/step/any_record.h"

namespace kplan {

// What can be said of the artifact of RECORD's step itself, as (name, text): of a certificate its subject,
// names, validity and fingerprint; of a key its form and the fingerprint of its public half, for which STAMP,
// the content of its stamp, is asked and no private key is read; of a service what runs, and since when; of a
// verdict the last report. It is looked at as it is now, and nothing is changed. What cannot be read is left
// out, or, where it is there and is not what it should be, says so.
StringPairs DetailsOf(const AnyRecord& record, const std::string& stamp, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_SHOW_ARTIFACT_DETAILS_H_
