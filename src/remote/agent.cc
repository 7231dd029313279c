#include "src/remote/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/url.h"
#include "src/base/wipe.h"
#include "src/host/host_file.h"
#include "src/remote/agent_home.h"
#include "src/remote/agent_program.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/dial_server.h"
#include "src/remote/host_facts.h"
#include "src/steps/kinds.h"
#include "src/steps/questions.h"

namespace kplan {
namespace {

// The two ends of the session, each blocking.
class Session {
 public:
  Session(int in, int out) : in_(in), out_(out) {}
  ~Session() {
    heard_.resize(heard_.capacity());  // what was longer before lies behind the end
    const WipeAtEnd heard(&heard_), block(&block_);
  }

  // A line, whole, also when two threads say something.
  absl::Status Say(absl::string_view line) {
    std::lock_guard<std::mutex> lock(saying_);
    std::string text = absl::StrCat(line, "\n");
    for (absl::string_view rest = text; !rest.empty();) {
      ssize_t n = write(out_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "cannot answer");
      rest.remove_prefix(n);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Line() {
    for (;;) {
      const size_t end = heard_.find('\n');
      if (end != std::string::npos) {
        std::string line = heard_.substr(0, end);
        heard_.erase(0, end + 1);
        return line;
      }
      if (heard_.size() > kMaxLine) return absl::OutOfRangeError("a request that is too long");
      absl::StatusOr<absl::string_view> more = More();
      if (!more.ok()) return more.status();
      heard_.append(more->data(), more->size());
    }
  }

  // The next bytes, at least one and at most MAX.
  absl::StatusOr<absl::string_view> Bytes(int64_t max) {
    if (taken_ == heard_.size()) {
      heard_.clear();
      taken_ = 0;
      absl::StatusOr<absl::string_view> more = More();
      if (!more.ok()) return more.status();
      heard_.assign(more->data(), more->size());
    }
    absl::string_view bytes =
        absl::string_view(heard_).substr(taken_, static_cast<size_t>(std::min<int64_t>(max, heard_.size())));
    taken_ += bytes.size();
    return bytes;
  }

  int in() const { return in_; }

 private:
  absl::StatusOr<absl::string_view> More() {
    block_.resize(256 << 10);
    for (;;) {
      ssize_t n = read(in_, &block_[0], block_.size());
      if (n > 0) return absl::string_view(block_).substr(0, n);
      if (n == 0) return absl::UnavailableError("the other side is gone");
      if (errno != EINTR) return ErrnoStatus(errno, "cannot read");
    }
  }

  int in_, out_;
  std::mutex saying_;
  std::string heard_, block_;
  size_t taken_ = 0;  // of heard_, by Bytes
};

// A thread for as long as it exists: WORK gets a descriptor that can be read from once it is to end. None
// where there are no descriptors left.
class Companion {
 public:
  explicit Companion(std::function<void(int stop)> work) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    stop_read_ = UniqueFd(ends[0]);
    stop_write_ = UniqueFd(ends[1]);
    thread_ = std::thread(std::move(work), stop_read_.get());
  }
  ~Companion() {
    if (!thread_.joinable()) return;
    stop_write_ = UniqueFd();
    thread_.join();
  }

 private:
  UniqueFd stop_read_, stop_write_;
  std::thread thread_;
};

// Says that the agent is at work, as long as it exists, each time that EVERY has passed. (Without it, it is
// taken for dead if it takes long.)
class LifeSigns {
 public:
  LifeSigns(Session* session, absl::Duration every)
      : companion_([session, wait = static_cast<int>(absl::ToInt64Milliseconds(every))](int stop) {
          for (;;) {
            struct pollfd fd = {stop, POLLIN, 0};
            const int ready = poll(&fd, 1, wait);
            if (ready > 0) return;
            // When nobody hears it, the answer has the same end.
            if (ready == 0 && !session->Say(kBusyLine).ok()) return;
          }
        }) {}

 private:
  Companion companion_;
};

// Ends the process when the other side goes away while a step is at work: it may wait for minutes, and hold a
// lock that the next run wants. Whatever a step writes is whole, whenever it ends.
class Watch {
 public:
  explicit Watch(int in)
      : companion_([in](int stop) {
          for (;;) {
            struct pollfd fds[2] = {{in, POLLIN, 0}, {stop, POLLIN, 0}};
            if (poll(fds, 2, -1) < 0 && errno == EINTR) continue;
            if (fds[1].revents != 0) return;
            _exit(1);  // after its request, the other side has nothing to say but that it goes
          }
        }) {}

 private:
  Companion companion_;
};

absl::Status Receive(const Spool& spool, const SentFile& file, Session* session) {
  absl::StatusOr<PendingFile> pending = spool.Receive(file);
  if (!pending.ok()) return pending.status();
  Sha256Stream digest;
  for (int64_t left = file.size; left > 0;) {
    absl::StatusOr<absl::string_view> bytes = session->Bytes(left);
    if (!bytes.ok()) return bytes.status();
    if (absl::Status status = pending->Append(*bytes); !status.ok()) return status;
    digest.Update(*bytes);
    left -= static_cast<int64_t>(bytes->size());
  }
  if (digest.FinishHex() != file.sha256) {
    return absl::AbortedError(absl::StrCat(file.path, " did not arrive as it was sent; run ninja again"));
  }
  return pending->Commit();
}

// Has every source in the spool, or at its target.
absl::Status ReceiveSources(const Request& request, const Spool& spool, Session* session) {
  std::vector<size_t> need;
  for (size_t i = 0; i < request.sources.size(); ++i) {
    const SentFile& file = request.sources[i];
    if (!spool.Has(file) && FindInPlace(request.root, file).empty()) need.push_back(i);
  }
  if (absl::Status status = session->Say(NeedLine(need)); !status.ok()) return status;
  for (size_t index : need) {
    if (absl::Status status = Receive(spool, request.sources[index], session); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> ServeClaim(const AgentHome& home, const std::string& agent, const Request& request) {
  HostFacts facts = FactsOfThisMachine();
  facts.agent = agent;
  if (request.root == "/" && geteuid() != 0) {
    return absl::PermissionDeniedError(absl::StrCat("the account that logs in is no root (user ", geteuid(),
                                                    "), and its root is /; give the host `become: sudo`, let "
                                                    "`ssh:` log in as root, or give it a `root` of its own"));
  }
  if (request.manager == "systemd" && facts.systemd.empty()) {
    return absl::FailedPreconditionError(
        "it was not booted with systemd; give the host another `service-manager`");
  }
  absl::StatusOr<std::string> id = home.Claim(request.cluster, request.host, request.root);
  if (!id.ok()) return id.status();
  facts.id = *std::move(id);
  home.RemoveOthers(agent);
  return ToJson(facts);
}

absl::StatusOr<Json> ServeSend(const AgentHome& home, const Request& request, Session* session) {
  absl::StatusOr<Spool> spool = Spool::Open(home, request.root);
  if (!spool.ok()) return spool.status();
  if (absl::Status status = spool->KeepOnly(request.sources); !status.ok()) return status;
  if (absl::Status status = ReceiveSources(request, *spool, session); !status.ok()) return status;
  return Json::object();
}

// A copy of FILE where it is in place. Somebody else may write there: it counts when it is what was asked
// for.
absl::Status CopyFromPlace(const Request& request, const SentFile& file, const WorkFolder& work) {
  const std::string found = FindInPlace(request.root, file);
  const std::string place = PathFromHere(request.root, found.empty() ? file.target : found);
  if (absl::Status status = work.Copy(file.path, place); !status.ok()) return status;
  absl::StatusOr<std::string> digest = Sha256HexOfFile(absl::StrCat(work.path(), "/", file.path));
  if (!digest.ok()) return digest.status();
  if (*digest == file.sha256) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(place, " was changed by somebody else just now; run ninja again"));
}

// The working folder of the step: the sources under their names.
absl::Status FillWork(const Request& request, const Spool& spool, const WorkFolder& work) {
  for (const SentFile& file : request.sources) {
    absl::Status status =
        spool.Has(file) ? work.Link(file.path, spool.PathOf(file)) : CopyFromPlace(request, file, work);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> ServeStep(const AgentHome& home, const Request& request, Session* session) {
  const std::string word = WordOf(request.record);
  const StepFunctions* functions = FindStepFunctions(word);
  if (functions == nullptr)
    return absl::UnimplementedError(absl::StrCat("the kplan there has no steps of the kind \"", word, "\""));
  std::optional<Spool> spool;
  absl::StatusOr<WorkFolder> work = WorkFolder::Make(home);
  if (!work.ok()) return work.status();
  if (!request.sources.empty()) {
    absl::StatusOr<Spool> opened = Spool::Open(home, request.root);
    if (!opened.ok()) return opened.status();
    spool.emplace(*std::move(opened));
    absl::Status status = ReceiveSources(request, *spool, session);
    if (status.ok()) status = FillWork(request, *spool, *work);
    if (!status.ok()) return status;
  }
  if (chdir(work->path().c_str()) != 0) return ErrnoStatus(errno, work->path());
  absl::StatusOr<StepResult> result = absl::InternalError("not run");
  {
    Watch watch(session->in());
    result = functions->run({request.label, absl::Now()}, request.record);
  }
  if (chdir("/") != 0) return ErrnoStatus(errno, "/");
  if (!result.ok()) return result.status();
  // What is in place is not kept a second time.
  for (const SentFile& file : request.sources) spool->Remove(file);
  return ResultJson(*result);
}

absl::StatusOr<Json> ServeAsk(const AgentHome& home, const Request& request, Session* session) {
  if (chdir("/") != 0) return ErrnoStatus(errno, "/");
  Watch watch(session->in());
  return AnswerQuestion(request.record, home.folder());
}

// They were looked at when they were read.
std::vector<HostPort> TargetsOf(const Request& request) {
  std::vector<HostPort> targets;
  for (const std::string& text : request.targets) targets.push_back(*ParseHostPort(text));
  return targets;
}

absl::StatusOr<Json> Serve(const std::string& program, const Request& request, Session* session) {
  absl::StatusOr<AgentHome> opened = AgentHome::Open(FolderOf(program));
  if (!opened.ok()) return opened.status();
  const AgentHome& home = *opened;
  if (request.verb == Request::Verb::kClaim)
    return ServeClaim(home, program.substr(program.rfind('/') + 1), request);
  const bool by_name = request.verb == Request::Verb::kAsk && request.claim.empty() && !request.host.empty();
  absl::Status status = by_name ? home.CheckOwner(request.root, request.cluster, request.host)
                                : home.CheckClaim(request.root, request.claim);
  if (!status.ok()) return status;
  switch (request.verb) {
    case Request::Verb::kSend:
      return ServeSend(home, request, session);
    case Request::Verb::kStep:
      return ServeStep(home, request, session);
    case Request::Verb::kDial:
      return Json::object();  // what comes of it follows the answer
    default:
      return ServeAsk(home, request, session);
  }
}

}  // namespace

absl::Status ServeAgent(int in, int out, const std::string& program, absl::Duration busy_every) {
  Session session(in, out);
  if (absl::Status status = session.Say(absl::StrCat(kAgentWord, "ready ", kAgentProtocol)); !status.ok())
    return status;
  absl::StatusOr<std::string> line = session.Line();
  if (!line.ok()) return line.status();
  absl::StatusOr<Request> request = ParseRequest(*line);
  if (!request.ok()) return session.Say(ErrorLine(request.status()));
  absl::StatusOr<Json> answer = absl::InternalError("not served");
  {
    LifeSigns life_signs(&session, busy_every);
    answer = Serve(program, *request, &session);
  }
  absl::Status said = session.Say(answer.ok() ? OkLine(*answer) : ErrorLine(answer.status()));
  if (!said.ok() || !answer.ok() || request->verb != Request::Verb::kDial) return said;
  return ServeDials(in, out, TargetsOf(*request));
}

}  // namespace kplan
