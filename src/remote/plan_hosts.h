#ifndef KPLAN_REMOTE_PLAN_HOSTS_H_
#define KPLAN_REMOTE_PLAN_HOSTS_H_

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/remote/remote_host.h"
#include "src/step/host_access.h"

namespace kplan {

// The hosts of the plan in the current folder: those with a record host/NAME in .kplan/steps are reached by
// ssh, any other name is this machine. Nothing is read or contacted before it is asked for. Several threads
// may use one.
class PlanHosts : public HostAccess {
 public:
  absl::StatusOr<StepResult> RunStep(const std::string& host, const std::string& label,
                                     const Json& record) override;
  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override;
  absl::StatusOr<std::unique_ptr<Dialer>> DialFrom(const std::string& host,
                                                   const std::vector<HostPort>& targets) override;

 private:
  // Nothing: this machine.
  absl::StatusOr<std::optional<RemoteHost>> Find(const std::string& host);

  std::mutex mutex_;
  std::map<std::string, std::optional<RemoteHost>> found_;
};

}  // namespace kplan

#endif  // KPLAN_REMOTE_PLAN_HOSTS_H_
