#include "src/remote/agent.h"

#include <stdio.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/cli/command.h"
#include "src/remote/agent_program.h"
#include "src/remote/agent_protocol.h"

namespace kplan {
namespace {

std::string ThisProgram() {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : "";
}

}  // namespace

// kplan agent                    serves one request of a kplan on another machine, on stdin and stdout
// kplan agent --place SHA256     takes its place on a host, just copied there
// Not for people: started by the scripts in src/remote/agent_program.cc, and in no help.
int AgentCommand(const Arguments& arguments) {
  const std::string program = ThisProgram();
  if (arguments.size() == 2 && arguments[0] == "--place" && IsSha256Hex(arguments[1])) {
    absl::Status status = PlaceAgent(program, arguments[1]);
    puts((status.ok() ? OkLine(Json::object()) : ErrorLine(status)).c_str());
    return status.ok() ? kExitDone : kExitFailed;
  }
  if (!arguments.empty()) {
    Fail("`kplan agent` is what kplan starts on another machine, and takes no arguments");
    return kExitUsage;
  }
  absl::Status status = ServeAgent(STDIN_FILENO, STDOUT_FILENO, program);
  return status.ok() ? kExitDone : Fail(absl::StrCat("agent: ", status.message()));
}

}  // namespace kplan
