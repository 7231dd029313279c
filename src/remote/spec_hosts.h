#ifndef KPLAN_REMOTE_SPEC_HOSTS_H_
#define KPLAN_REMOTE_SPEC_HOSTS_H_

#include <map>
#include <string>

#include "src/step/host_access.h"
#include "src/step/host_records.h"

namespace kplan {

// The hosts over ssh of a plan whose notes are not here (look/notes.h), by their records alone. They are only
// asked: that a host is the machine that it was before is known by its claim, and here nobody knows that; so
// it has to be the host of that name in that cluster, or nobody's yet. Several threads may use one.
class SpecHosts : public HostAccess {
 public:
  // By name.
  explicit SpecHosts(std::map<std::string, HostRecord> hosts) : hosts_(std::move(hosts)) {}

  absl::StatusOr<StepResult> RunStep(const std::string& host, const std::string& label,
                                     const Json& record) override;
  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override;

 private:
  const std::map<std::string, HostRecord> hosts_;
};

}  // namespace kplan

#endif  // KPLAN_REMOTE_SPEC_HOSTS_H_
