#ifndef KPLAN_REMOTE_HOST_FACTS_H_
#define KPLAN_REMOTE_HOST_FACTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/record.h"

namespace kplan {

// What a host says it is, when it is claimed. Kept in .kplan/hosts/NAME.json (paths::HostFacts).
struct HostFacts {
  std::string id;          // of the claim: another one is another machine, or another installation of it
  std::string arch;        // "amd64"
  std::string kernel;      // "6.1.0-28-amd64"
  std::string machine_id;  // machine-id(5)
  std::string os;          // "Debian GNU/Linux 12 (bookworm)"
  std::string systemd;     // "252"; "" when the host was not booted with systemd
  std::string agent;       // the name of the agent there

  static HostFacts OfThisMachine();  // without id and agent

  Json ToJson() const;
  static absl::StatusOr<HostFacts> Parse(const Json& json);

  // Of the host NAME, as its file in the current folder has them; NotFound when there is none that can be
  // read.
  static absl::StatusOr<HostFacts> Read(const std::string& name);
};

}  // namespace kplan

#endif  // KPLAN_REMOTE_HOST_FACTS_H_
