#include "src/remote/agent_program.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/host_session.h"
#include "src/remote/ssh_errors.h"

namespace kplan {
namespace {

// Sets h to the folder of agent_home.h, for both scripts.
constexpr char kHome[] =
    "umask 077; if test \"$(id -u)\" = 0; then h=/var/lib/kplan; else h=$HOME/.local/state/kplan; fi; ";

// Open to us even when it was replaced on disk.
constexpr char kThisProgram[] = "/proc/self/exe";

std::string FolderOfThisProgram() {
  char path[4096];
  const ssize_t n = readlink(kThisProgram, path, sizeof(path));
  return n > 0 ? FolderOf(absl::string_view(path, static_cast<size_t>(n))) : ".";
}

std::string ThisArch() {
  struct utsname name;
  return uname(&name) == 0 ? ArchOfMachine(name.machine) : "";
}

// Digest and size of PROGRAM, from the file in .kplan/ssh that has them when the program is still the same
// one.
absl::Status FillIn(AgentProgram* program) {
  struct stat info;
  if (stat(program->path.c_str(), &info) != 0) return ErrnoStatus(errno, program->path);
  program->size = info.st_size;
  const std::string memory = absl::StrCat(paths::kSsh, "/agent-", program->arch);
  const std::string known = absl::StrCat(program->path, "\n", FileSignature(program->path), "\n");
  constexpr size_t kMost = 8192;
  absl::StatusOr<std::string> text = ReadFile(memory, kMost);
  if (text.ok()) {
    absl::string_view digest = *text;
    if (absl::ConsumePrefix(&digest, known) && IsSha256Hex(digest)) {
      program->sha256 = std::string(digest);
      return absl::OkStatus();
    }
  }
  absl::StatusOr<std::string> digest = Sha256HexOfFile(program->path);
  if (!digest.ok()) return digest.status();
  program->sha256 = *std::move(digest);
  // It only saves time: another step may be writing the same at this moment.
  WriteScratchFile(memory, known + program->sha256, 0600).IgnoreError();
  return absl::OkStatus();
}

// Sends PROGRAM; OK when all of it was written.
absl::Status Send(const AgentProgram& program, Conversation* conversation) {
  UniqueFd fd(disk::Open(program.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, program.path);
  std::string block(256 << 10, '\0');
  for (int64_t sent = 0; sent < program.size;) {
    const ssize_t n = disk::ReadAt(fd.get(), &block[0], block.size(), sent);
    if (n <= 0) return absl::DataLossError(absl::StrCat(program.path, " changed while it was read"));
    if (absl::Status status = conversation->Write(absl::string_view(block).substr(0, n)); !status.ok())
      return status;
    sent += n;
    if (conversation->HasSomething()) break;  // it failed; what it said comes first
  }
  conversation->EndInput();
  return absl::OkStatus();
}

absl::Status TooSlow(const RemoteHost& host, const absl::Status& error) {
  return absl::DeadlineExceededError(absl::StrCat("host ", host.name,
                                                  ": kplan does not get there: ", error.message(),
                                                  "; nothing is half done there, run ninja again"));
}

// The file RECEIVED gets the name NAME in its folder, durably.
absl::Status Place(const std::string& received, const std::string& name) {
  const std::string where = FolderOf(received);
  auto failed = [&where] { return ErrnoStatus(errno, absl::StrCat("cannot put kplan in place in ", where)); };
  absl::StatusOr<UniqueFd> folder = OpenFolder(where);
  if (!folder.ok()) return folder.status();
  UniqueFd file(disk::Open(received.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok() || disk::Sync(file.get()) != 0) return failed();
  if (disk::Rename(AT_FDCWD, received.c_str(), folder->get(), name.c_str()) != 0) return failed();
  return disk::Sync(folder->get()) == 0 ? absl::OkStatus() : failed();
}

}  // namespace

std::string ArchOfMachine(absl::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

std::string AgentProgram::name() const { return absl::StrCat("kplan-agent-", sha256.substr(0, 16)); }

absl::StatusOr<AgentProgram> AgentProgram::Find(const std::string& host, absl::string_view arch) {
  AgentProgram program;
  const std::string here = ThisArch();
  program.arch = arch.empty() ? here : std::string(arch);
  program.path = kThisProgram;
  if (program.arch != here) {
    program.path = absl::StrCat(FolderOfThisProgram(), "/kplan-linux-", program.arch);
    if (access(program.path.c_str(), R_OK) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("host ", host, " is ", program.arch, ", and this kplan is for ", here,
                       "; put the kplan for it, of the same version, at ", program.path));
    }
  }
  if (absl::Status status = FillIn(&program); !status.ok()) return status;
  return program;
}

std::string AgentProgram::StartScript() const {
  return absl::StrCat(kHome, "a=$h/", name(),
                      "; if test -x \"$a\"; then exec \"$a\" agent; fi; "
                      "echo ",
                      kAgentWord, "missing \"$(uname -s)\" \"$(uname -m)\"");
}

std::string AgentProgram::ReceiveScript() const {
  // What was cut off before is removed: whoever wrote it is no longer there.
  return absl::StrCat(
      kHome,
      "mkdir -p \"$h\" || exit 1; "
      "for f in \"$h\"/incoming-*; do kill -0 \"${f##*-}\" 2>/dev/null || rm -f \"$f\"; done; "
      "t=$h/incoming-$$; echo ",
      kAgentWord, "receive; cat >\"$t\" && test $(wc -c <\"$t\") -eq ", size,
      " && chmod 700 \"$t\" && \"$t\" agent --place ", sha256, " && exit 0; rm -f \"$t\"; exit 1");
}

absl::Status PlaceProgram(const RemoteHost& host, const AgentProgram& program, absl::string_view missing) {
  std::pair<absl::string_view, absl::string_view> found = absl::StrSplit(missing, absl::MaxSplits(' ', 1));
  const std::string arch = ArchOfMachine(found.second);
  if (found.first != "Linux") {
    return absl::FailedPreconditionError(
        absl::StrCat("host ", host.name, " is no Linux machine: it calls itself ", Quote(found.first)));
  }
  if (arch != program.arch) {
    return absl::FailedPreconditionError(absl::StrCat("host ", host.name, " is ", Brief(arch),
                                                      ", and cluster.yaml says ", program.arch,
                                                      "; give it `arch: ", Brief(arch), "`"));
  }
  absl::StatusOr<HostSession> session = HostSession::Start(host, program.ReceiveScript());
  if (!session.ok()) return session.status();
  Conversation& conversation = session->conversation;
  Request as_large;
  as_large.sources.resize(1);
  as_large.sources[0].size = program.size;
  conversation.SetPatience(Patience(BoundsOf(as_large)));
  absl::Status sent = Send(program, &conversation);
  if (absl::IsDeadlineExceeded(sent)) return TooSlow(host, sent);
  if (!sent.ok() && !absl::IsUnavailable(sent)) return sent;
  absl::StatusOr<std::string> line = conversation.ReadLine(kMaxLine);
  if (absl::IsDeadlineExceeded(line.status())) return TooSlow(host, line.status());
  const int exit_code = conversation.Finish(absl::Seconds(30));
  if (!line.ok()) {
    constexpr int kSshFailed = 255;
    return exit_code == kSshFailed ? ConnectionBroke(host, "while kplan was copied there")
                                   : SessionError(host, exit_code, conversation.errors());
  }
  absl::StatusOr<Json> answer = ParseAnswer(*line);
  if (answer.ok()) return absl::OkStatus();
  return absl::Status(answer.status().code(),
                      absl::StrCat("host ", host.name, ": ", answer.status().message()));
}

absl::Status PlaceAgent(const std::string& received, const std::string& sha256) {
  absl::StatusOr<std::string> digest = Sha256HexOfFile(received);
  if (!digest.ok()) return digest.status();
  if (*digest != sha256) {
    unlink(received.c_str());
    return absl::InvalidArgumentError("kplan did not arrive there as it was sent");
  }
  AgentProgram program;
  program.sha256 = sha256;
  absl::Status placed = Place(received, program.name());
  if (!placed.ok()) unlink(received.c_str());
  return placed;
}

}  // namespace kplan
