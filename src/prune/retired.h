#ifndef KPLAN_PRUNE_RETIRED_H_
#define KPLAN_PRUNE_RETIRED_H_

// The keys of CAs that were exchanged for others (step/trust_records.h): nobody trusts what they sign any
// more, and they are kept in pki/retired until somebody says that they may go. Their certificates stay: by
// these it is known that a generation was there, and must not be made once more.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kplan {

// Their paths, relative to DIR, sorted; none without the folder. A folder or a link of that name is somebody
// else's.
absl::StatusOr<std::vector<std::string>> RetiredKeys();

// Removes KEYS: on the disk when this returns.
absl::Status RemoveRetiredKeys(const std::vector<std::string>& keys);

}  // namespace kplan

#endif  // KPLAN_PRUNE_RETIRED_H_
