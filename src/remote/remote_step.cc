#include "src/remote/remote_step.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/agent_session.h"
#include "src/remote/host_facts.h"
#include "src/remote/source_files.h"

namespace kplan {
namespace {

// Where a kind of step names the files that it brings, and where they go.
struct SourceKeys {
  const char* kind;
  const char* from;
  const char* target;
};
constexpr SourceKeys kSources[] = {{"install", "from", "path"},
                                   {"unit", "from", "path"},
                                   {"install-pair", "cert-from", "cert-path"},
                                   {"install-pair", "key-from", "key-path"},
                                   {"restore-etcd", "from", "target"}};  // of its first phase

absl::StatusOr<std::vector<SentFile>> SourcesOf(const Record& record) {
  std::vector<SentFile> files;
  const std::string kind = record.StringOr("kind", "");
  for (const SourceKeys& keys : kSources) {
    if (kind != keys.kind || !record.Has(keys.from)) continue;
    absl::StatusOr<SentFile> file = LookAtSource(record.String(keys.from), record.String(keys.target));
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  if (absl::Status status = record.status(); !status.ok()) return status;
  return files;
}

}  // namespace

absl::StatusOr<Json> AskClaimed(const RemoteHost& host, Request request) {
  absl::StatusOr<HostFacts> facts = HostFacts::Read(host.name);
  if (!facts.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("host ", host.name, " was not looked at yet (",
                                                      facts.status().message(), "); run `ninja host/",
                                                      host.name, "`"));
  }
  request.claim = facts->id;
  request.root = host.root;
  absl::StatusOr<Json> answer = AskAgent(host, request);
  // Without its facts ninja runs the host's own step again, and that stales everything on another machine.
  if (absl::IsUnauthenticated(answer.status())) unlink(paths::HostFacts(host.name).c_str());
  return answer;
}

absl::StatusOr<StepResult> RunRemoteStep(const RemoteHost& host, const std::string& label,
                                         const Record& record) {
  Request request;
  request.verb = Request::Verb::kStep;
  request.label = label;
  request.record = record.json();
  request.record.erase("host");  // it is there
  absl::StatusOr<std::vector<SentFile>> sources = SourcesOf(record);
  if (!sources.ok()) return sources.status();
  request.sources = *std::move(sources);
  absl::StatusOr<Json> answer = AskClaimed(host, std::move(request));
  if (!answer.ok()) return answer.status();
  absl::StatusOr<StepResult> result = ParseResult(*answer);
  if (!result.ok()) return OnHost(host, result.status());
  return result;
}

absl::StatusOr<Json> AskRemote(const RemoteHost& host, const Record& question) {
  Request request;
  request.verb = Request::Verb::kAsk;
  request.record = question.json();
  return AskClaimed(host, std::move(request));
}

StepFunction FindRemoteStep(absl::string_view kind) {
  if (kind == "host") return HostStep;
  if (kind == "send") return SendStep;
  return nullptr;
}

}  // namespace kplan
