#include "src/remote/plan_hosts.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/remote/remote_step.h"
#include "src/steps/kinds.h"
#include "src/steps/questions.h"

namespace kplan {

absl::StatusOr<absl::optional<RemoteHost>> PlanHosts::Find(const std::string& host) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto known = found_.find(host);
  if (known != found_.end()) return known->second;
  absl::StatusOr<absl::optional<RemoteHost>> found = FindRemoteHost(host);
  if (found.ok()) found_[host] = *found;
  return found;
}

absl::StatusOr<StepResult> PlanHosts::RunStep(const std::string& host, const std::string& label,
                                              const Record& record) {
  absl::StatusOr<absl::optional<RemoteHost>> remote = Find(host);
  if (!remote.ok()) return remote.status();
  if (remote->has_value()) return RunRemoteStep(**remote, label, record);
  const std::string kind = record.StringOr("kind", "");
  const StepFunctions* functions = FindStepFunctions(kind);
  if (functions == nullptr)
    return absl::UnimplementedError(absl::StrCat("this kplan has no steps of the kind \"", kind, "\""));
  return functions->run({label, absl::Now(), this}, record);
}

absl::StatusOr<Json> PlanHosts::Ask(const std::string& host, const Record& question) {
  absl::StatusOr<absl::optional<RemoteHost>> remote = Find(host);
  if (!remote.ok()) return remote.status();
  return remote->has_value() ? AskRemote(**remote, question) : AnswerQuestion(question);
}

}  // namespace kplan
