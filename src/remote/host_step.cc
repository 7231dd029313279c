// Connects to a host, sees to it that kplan is there, and claims it for this name in this cluster. Its
// artifact is the claim: another machine behind the same address makes everything on it stale, the same
// machine behind another address nothing.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/remote/agent_session.h"
#include "src/remote/host_facts.h"
#include "src/remote/remote_step.h"
#include "src/step/host_clock.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

std::string ReasonFor(const absl::StatusOr<HostFacts>& old, const HostFacts& now) {
  if (!old.ok()) return "missing";
  if (old->id != now.id) return "another machine, or the same one installed anew";
  std::vector<std::string> reasons;
  auto compare = [&](absl::string_view what, const std::string& from, const std::string& to) {
    if (from != to)
      reasons.push_back(
          absl::StrCat(what, " was ", from.empty() ? "none" : from, ", is ", to.empty() ? "none" : to));
  };
  compare("arch", old->arch, now.arch);
  compare("OS", old->os, now.os);
  compare("kernel", old->kernel, now.kernel);
  compare("systemd", old->systemd, now.systemd);
  compare("machine id", old->machine_id, now.machine_id);
  compare("agent", old->agent, now.agent);
  return absl::StrJoin(reasons, "; ");
}

}  // namespace

absl::StatusOr<StepResult> HostStep(const StepContext&, const HostRecord& record) {
  absl::StatusOr<RemoteHost> host = RemoteHost::From(record);
  if (!host.ok()) return host.status();
  Request request;
  request.verb = Request::Verb::kClaim;
  request.cluster = host->cluster;
  request.host = host->name;
  request.manager = host->manager;
  request.root = host->root;
  absl::StatusOr<Json> answer = AskAgent(*host, request);
  if (!answer.ok()) return answer.status();
  absl::StatusOr<HostFacts> facts = ParseFacts(*answer);
  if (!facts.ok()) return OnHost(*host, facts.status());
  if (!host->arch.empty() && facts->arch != host->arch) {
    return absl::FailedPreconditionError(absl::StrCat("host ", host->name, " is ", facts->arch,
                                                      ", and cluster.yaml says ", host->arch,
                                                      "; give it `arch: ", facts->arch, "`"));
  }
  StepResult result;
  const std::string path = paths::HostFacts(host->name);
  result.reason = ReasonFor(ReadFacts(host->name), *facts);
  absl::StatusOr<bool> written = WriteFileIfChanged(path, ToText(*facts) + "\n", 0644);
  if (!written.ok()) return written.status();
  const absl::Time sent = absl::Now();
  absl::StatusOr<StandingAnswer> standing =
      ReadAnswer<StandingAnswer>(AskRemote(*host, ToJson(StandingQuestion())));
  if (!standing.ok()) return standing.status();
  if (std::string trouble = ClockTrouble(standing->clock, sent, absl::Now()); !trouble.empty())
    return OnHost(*host, absl::FailedPreconditionError(trouble));
  result.digest = Sha256Hex(absl::StrCat(facts->id, "\n", facts->arch, "\n"));
  result.files.push_back(path);
  return result;
}

}  // namespace kplan
