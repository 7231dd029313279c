#include "src/remote/spec_hosts.h"

#include "absl/strings/str_cat.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/agent_session.h"
#include "src/remote/remote_host.h"

namespace kplan {

absl::StatusOr<StepResult> SpecHosts::RunStep(const std::string& host, const std::string&, const Json&) {
  return absl::FailedPreconditionError(
      absl::StrCat("nothing is done on ", host, " from a folder without its notes"));
}

absl::StatusOr<Json> SpecHosts::Ask(const std::string& host, const Json& question) {
  auto found = hosts_.find(host);
  if (found == hosts_.end()) return absl::NotFoundError(absl::StrCat("there is no host ", host, " over ssh"));
  absl::StatusOr<RemoteHost> remote = RemoteHost::From(found->second);
  if (!remote.ok()) return remote.status();
  Request request;
  request.verb = Request::Verb::kAsk;
  request.root = remote->root;
  request.cluster = remote->cluster;
  request.host = remote->name;
  request.record = question;
  return AskAgent(*remote, request);
}

}  // namespace kplan
