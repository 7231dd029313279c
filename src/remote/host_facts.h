#ifndef KPLAN_REMOTE_HOST_FACTS_H_
#define KPLAN_REMOTE_HOST_FACTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/step/host_records.h"

namespace kplan {

// The facts of this machine, without `id` and `agent`.
HostFacts FactsOfThisMachine();

// What another machine says of itself. DataLoss when something is missing, or a name in it (the claim's id,
// the agent's, the machine's, the architecture) has other characters than letters, digits, "_", "-" and ".".
absl::StatusOr<HostFacts> ParseFacts(const Json& json);

// Reads the facts of the host NAME from its file in the current folder. NotFound when there is none that can
// be read.
absl::StatusOr<HostFacts> ReadFacts(const std::string& name);

}  // namespace kplan

#endif  // KPLAN_REMOTE_HOST_FACTS_H_
