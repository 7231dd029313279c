#include "src/remote/remote_step.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/host_port_text.h"
#include "src/base/paths.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/agent_session.h"
#include "src/remote/host_facts.h"
#include "src/remote/source_files.h"
#include "src/remote/tunnel.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

// The files that a step brings: (which, where it goes). Those of a pair in one order, and none of most kinds.
struct FilesOf {
  StringPairs operator()(const FileRecord& record) const { return {{record.from, record.path}}; }
  StringPairs operator()(const UnitRecord& record) const { return {{record.from, record.path}}; }
  StringPairs operator()(const PairRecord& record) const {
    return {{record.cert_from, record.cert_path}, {record.key_from, record.key_path}};
  }
  StringPairs operator()(const RestorePartRecord& record) const {
    if (record.from.empty()) return {};  // of its first phase alone
    return {{record.from, record.target}};
  }
  template <typename Other>
  StringPairs operator()(const Other&) const {
    return {};
  }
};

absl::StatusOr<std::vector<SentFile>> SourcesOf(const AnyRecord& record) {
  std::vector<SentFile> files;
  for (const auto& [from, target] : std::visit(FilesOf(), record)) {
    absl::StatusOr<SentFile> file = LookAtSource(from, target);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  return files;
}

// Who HOST has to be to do *REQUEST: the machine that its own step found.
absl::Status FillClaim(const RemoteHost& host, Request* request) {
  absl::StatusOr<HostFacts> facts = ReadFacts(host.name);
  if (!facts.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("host ", host.name, " was not looked at yet (",
                                                      facts.status().message(), "); run `ninja host/",
                                                      host.name, "`"));
  }
  request->claim = facts->id;
  request->root = host.root;
  return absl::OkStatus();
}

// Without its facts ninja runs the host's own step again, and that stales everything on another machine.
void ForgetAnother(const RemoteHost& host, const absl::Status& status) {
  if (absl::IsUnauthenticated(status)) unlink(paths::HostFacts(host.name).c_str());
}

// The session of REQUEST, a dial.
absl::StatusOr<CarrierSession> CarryBy(const RemoteHost& host, const Request& request) {
  constexpr absl::Duration kEnd = absl::Seconds(1);
  absl::StatusOr<Conversation> begun = BeginWithAgent(host, request);
  if (!begun.ok()) return begun.status();
  auto conversation = std::make_shared<Conversation>(*std::move(begun));
  Conversation::Carrier carrier = conversation->TakeOver();
  return CarrierSession{carrier.in, carrier.out, std::move(carrier.heard),
                        [conversation, kEnd] { conversation->Finish(kEnd); }};
}

}  // namespace

absl::StatusOr<Json> AskClaimed(const RemoteHost& host, Request request) {
  if (absl::Status status = FillClaim(host, &request); !status.ok()) return status;
  absl::StatusOr<Json> answer = AskAgent(host, request);
  ForgetAnother(host, answer.status());
  return answer;
}

absl::StatusOr<std::unique_ptr<Dialer>> DialFromRemote(const RemoteHost& host,
                                                       const std::vector<HostPort>& targets) {
  Request request;
  request.verb = Request::Verb::kDial;
  for (const HostPort& target : targets) request.targets.push_back(HostPortText(target));
  if (absl::Status status = FillClaim(host, &request); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Dialer>> dialer =
      OpenTunnel([host, request] { return CarryBy(host, request); }, targets);
  ForgetAnother(host, dialer.status());
  return dialer;
}

absl::StatusOr<StepResult> RunRemoteStep(const RemoteHost& host, const std::string& label,
                                         const Json& record) {
  AnyRecord any = AnyRecordOf(record);
  if (KindOf(any) == nullptr)
    return absl::DataLossError(absl::StrCat("no record that can be sent to ", host.name));
  Request request;
  request.verb = Request::Verb::kStep;
  request.label = label;
  absl::StatusOr<std::vector<SentFile>> sources = SourcesOf(any);
  if (!sources.ok()) return sources.status();
  request.sources = *std::move(sources);
  request.record = RecordOnHost(std::move(any));
  absl::StatusOr<Json> answer = AskClaimed(host, std::move(request));
  if (!answer.ok()) return answer.status();
  absl::StatusOr<StepResult> result = ParseResult(*answer, label);
  if (!result.ok()) return OnHost(host, result.status());
  return result;
}

absl::StatusOr<Json> AskRemote(const RemoteHost& host, const Json& question) {
  Request request;
  request.verb = Request::Verb::kAsk;
  request.record = question;
  return AskClaimed(host, std::move(request));
}

StepFunction FindRemoteStep(absl::string_view word) {
#define KPLAN_KIND(...)
#define KPLAN_REMOTE_KIND(Name, ...) \
  if (word == Name##Record::kWord) return RunAs<Name##Record, Name##Step>;
#include "src/step/kinds.def"
  return nullptr;
}

}  // namespace kplan
