#include "src/remote/plan_hosts.h"

#include <optional>

#include "absl/time/clock.h"
#include "src/remote/remote_step.h"
#include "src/steps/kinds.h"
#include "src/steps/questions.h"

namespace kplan {

absl::StatusOr<std::optional<RemoteHost>> PlanHosts::Find(const std::string& host) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto known = found_.find(host);
  if (known != found_.end()) return known->second;
  absl::StatusOr<std::optional<RemoteHost>> found = FindRemoteHost(host);
  if (found.ok()) found_[host] = *found;
  return found;
}

absl::StatusOr<StepResult> PlanHosts::RunStep(const std::string& host, const std::string& label,
                                              const Json& record) {
  absl::StatusOr<std::optional<RemoteHost>> remote = Find(host);
  if (!remote.ok()) return remote.status();
  if (remote->has_value()) return RunRemoteStep(**remote, label, record);
  const std::string word = WordOf(record);
  const StepFunctions* functions = FindStepFunctions(word);
  if (functions == nullptr) return UnknownKind(word);
  return functions->run({label, absl::Now(), this}, record);
}

absl::StatusOr<Json> PlanHosts::Ask(const std::string& host, const Json& question) {
  absl::StatusOr<std::optional<RemoteHost>> remote = Find(host);
  if (!remote.ok()) return remote.status();
  return remote->has_value() ? AskRemote(**remote, question) : AnswerQuestion(question);
}

absl::StatusOr<std::unique_ptr<Dialer>> PlanHosts::DialFrom(const std::string& host,
                                                            const std::vector<HostPort>& targets) {
  absl::StatusOr<std::optional<RemoteHost>> remote = Find(host);
  if (!remote.ok()) return remote.status();
  if (!remote->has_value() || (*remote)->here()) return std::unique_ptr<Dialer>();
  return DialFromRemote(**remote, targets);
}

}  // namespace kplan
