#include "src/remote/agent_session.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "src/base/disk.h"
#include "src/base/text.h"
#include "src/base/wipe.h"
#include "src/remote/agent_program.h"
#include "src/remote/host_session.h"
#include "src/remote/ssh_connection.h"
#include "src/remote/ssh_errors.h"

namespace kplan {
namespace {

constexpr absl::Duration kEnd = absl::Seconds(5);
// The agent of the session, when it is ready for a request; nothing when there is none. MISSING: what machine
// it is then.
absl::StatusOr<std::optional<Conversation>> Greet(const RemoteHost& host, const AgentProgram& program,
                                                  std::string* missing) {
  absl::StatusOr<HostSession> session = HostSession::Start(host, program.StartScript());
  if (!session.ok()) return session.status();
  if (session->greeting == absl::StrCat("ready ", kAgentProtocol)) {
    session->conversation.SetLifeSign(kBusyLine);
    return std::optional<Conversation>(std::move(session->conversation));
  }
  absl::string_view rest = session->greeting;
  if (!absl::ConsumePrefix(&rest, "missing ")) {
    return absl::FailedPreconditionError(absl::StrCat(
        "host ", host.name, ": the agent there is of another version: ", Brief(session->greeting)));
  }
  *missing = std::string(rest);
  session->conversation.Finish(kEnd);
  return std::optional<Conversation>();
}

absl::StatusOr<Conversation> OpenAgent(const RemoteHost& host, const AgentProgram& program) {
  std::string missing;
  absl::StatusOr<std::optional<Conversation>> agent = Greet(host, program, &missing);
  if (!agent.ok()) return agent.status();
  if (agent->has_value()) return **std::move(agent);
  absl::StatusOr<UniqueFd> lock = SshConnection::LockForPlacing(host);
  if (!lock.ok()) return lock.status();
  // Somebody else may have had the lock for the same reason.
  absl::StatusOr<std::optional<Conversation>> others = Greet(host, program, &missing);
  if (!others.ok()) return others.status();
  if (others->has_value()) return **std::move(others);
  if (absl::Status status = PlaceProgram(host, program, missing); !status.ok()) return status;
  absl::StatusOr<std::optional<Conversation>> placed = Greet(host, program, &missing);
  if (!placed.ok()) return placed.status();
  if (placed->has_value()) return **std::move(placed);
  return absl::FailedPreconditionError(
      absl::StrCat("host ", host.name, ": kplan was copied there and is gone again"));
}

// A session with the agent on HOST, which is put there first when it is not.
absl::StatusOr<Conversation> Reach(const RemoteHost& host) {
  absl::StatusOr<AgentProgram> program = AgentProgram::Find(host.name, host.here() ? "" : host.arch);
  if (!program.ok()) return program.status();
  return OpenAgent(host, *program);
}

// Sends the content of FILE, whose digest was taken from the open descriptor FD.
absl::Status SendFile(const SentFile& file, int fd, Conversation* conversation) {
  std::string block(256 << 10, '\0');
  const WipeAtEnd wipe(&block);
  absl::Status status;
  for (int64_t sent = 0; status.ok() && sent < file.size && !conversation->HasSomething();) {
    const size_t wanted = static_cast<size_t>(std::min<int64_t>(block.size(), file.size - sent));
    const ssize_t n = disk::ReadAt(fd, &block[0], wanted, sent);
    if (n <= 0) {
      status = absl::AbortedError(absl::StrCat(file.path, " changed while it was sent; run ninja again"));
      break;
    }
    status = conversation->Write(absl::string_view(block).substr(0, n));
    sent += n;
  }
  return status;
}

// Sends what the agent lacks. OK as well when the agent stops listening: it says why, and that is read next.
absl::Status SendSources(const Request& request, Conversation* conversation) {
  absl::StatusOr<std::string> line = conversation->ReadLine(kMaxLine);
  if (absl::IsUnavailable(line.status())) return absl::OkStatus();
  if (!line.ok()) return line.status();
  absl::StatusOr<std::vector<size_t>> need = ParseNeed(*line, request.sources.size());
  if (!need.ok()) return need.status();
  for (size_t index : *need) {
    const SentFile& file = request.sources[index];
    UniqueFd fd(disk::Open(file.path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", file.path));
    absl::Status status = SendFile(file, fd.get(), conversation);
    if (absl::IsUnavailable(status) || conversation->HasSomething()) return absl::OkStatus();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status OutOfPatience(const absl::Status& error) {
  return absl::DeadlineExceededError(absl::StrCat("the agent there does not answer: ", error.message(),
                                                  "; look at the machine, then run ninja again"));
}

// GOES_ON: the session is no request and answer only.
absl::StatusOr<Json> Converse(const RemoteHost& host, const Request& request, const Patience::Bounds& bounds,
                              bool goes_on, Conversation* conversation) {
  conversation->SetPatience(Patience(bounds));
  absl::Status status = conversation->Write(request.ToLine() + "\n");
  if (status.ok() && !request.sources.empty()) status = SendSources(request, conversation);
  if (absl::IsDeadlineExceeded(status)) return OutOfPatience(status);
  if (!status.ok() && !absl::IsUnavailable(status)) return status;
  absl::StatusOr<std::string> line = conversation->ReadLine(kMaxLine);
  if (absl::IsDeadlineExceeded(line.status())) return OutOfPatience(line.status());
  if (!goes_on || !line.ok()) conversation->Finish(kEnd);
  if (line.ok()) return ParseAnswer(*line);
  if (!absl::IsUnavailable(line.status())) return line.status();
  const std::string said = LastSaid(conversation->errors());
  const absl::Status broke = ConnectionBroke(host, "before it was done");
  return said.empty() ? broke : absl::Status(broke.code(), absl::StrCat(broke.message(), "\n", said));
}

}  // namespace

absl::StatusOr<Json> AskAgent(const RemoteHost& host, const Request& request) {
  return AskAgent(host, request, BoundsOf(request));
}

absl::StatusOr<Json> AskAgent(const RemoteHost& host, const Request& request,
                              const Patience::Bounds& bounds) {
  absl::StatusOr<Conversation> conversation = Reach(host);
  if (!conversation.ok()) return conversation.status();
  absl::StatusOr<Json> answer = Converse(host, request, bounds, /*goes_on=*/false, &*conversation);
  if (!answer.ok()) return OnHost(host, answer.status());
  return answer;
}

absl::StatusOr<Conversation> BeginWithAgent(const RemoteHost& host, const Request& request) {
  absl::StatusOr<Conversation> conversation = Reach(host);
  if (!conversation.ok()) return conversation.status();
  absl::StatusOr<Json> answer = Converse(host, request, BoundsOf(request), /*goes_on=*/true, &*conversation);
  if (!answer.ok()) return OnHost(host, answer.status());
  return conversation;
}

absl::Status OnHost(const RemoteHost& host, const absl::Status& error) {
  const std::string name = absl::StrCat("host ", host.name, ": ");
  if (error.ok() || absl::StartsWith(error.message(), name)) return error;
  return absl::Status(error.code(), absl::StrCat(name, error.message()));
}

}  // namespace kplan
