#ifndef KPLAN_REMOTE_HOST_FACTS_H_
#define KPLAN_REMOTE_HOST_FACTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/step/host_records.h"

namespace kplan {

// The facts of this machine, without `id` and `agent`.
HostFacts FactsOfThisMachine();

// What another machine says of itself, with everything in it that a terminal could act on made harmless.
// DataLoss when something is missing.
absl::StatusOr<HostFacts> ParseFacts(const Json& json);

// Reads the facts of the host NAME from its file in the current folder. NotFound when there is none that can
// be read.
absl::StatusOr<HostFacts> ReadFacts(const std::string& name);

}  // namespace kplan

#endif  // KPLAN_REMOTE_HOST_FACTS_H_
