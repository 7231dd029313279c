#ifndef KPLAN_REMOTE_AGENT_PROGRAM_H_
#define KPLAN_REMOTE_AGENT_PROGRAM_H_

// kplan itself, as the program that goes to a host: which file it is, and how it gets there. The two scripts
// are all that a host's shell ever runs for kplan. They are constant but for the program's size and digest.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/remote/remote_host.h"

namespace kplan {

struct AgentProgram {
  std::string path;  // here
  std::string arch;
  int64_t size = 0;
  std::string sha256;

  // The program for hosts of ARCH ("amd64"; "": this machine's): this one, or kplan-linux-ARCH beside it.
  // FailedPrecondition says where it was looked for. The digest is kept in .kplan/ssh, because working it out
  // costs more than a step.
  static absl::StatusOr<AgentProgram> Find(const std::string& host, absl::string_view arch);

  std::string name() const;  // on the host, in its home folder: "kplan-agent-0123456789abcdef"

  // Becomes the agent. Where there is none: prints "kplan-agent missing Linux x86_64".
  std::string StartScript() const;

  // Prints "kplan-agent receive", takes the program from stdin to its end, and hands over to PlaceAgent.
  std::string ReceiveScript() const;
};

// "amd64" of uname's "x86_64"; the machine's own word when it has no other.
std::string ArchOfMachine(absl::string_view machine);

// Puts PROGRAM on HOST. MISSING: what StartScript printed behind "kplan-agent missing ": FailedPrecondition
// when that is no machine for it.
absl::Status PlaceProgram(const RemoteHost& host, const AgentProgram& program, absl::string_view missing);

// The other end of ReceiveScript, on the host, as the program that was received: checks that it is whole
// (SHA256), makes it durable and gives it its name beside itself. InvalidArgument when it is not whole; it is
// removed then.
absl::Status PlaceAgent(const std::string& received, const std::string& sha256);

}  // namespace kplan

#endif  // KPLAN_REMOTE_AGENT_PROGRAM_H_
