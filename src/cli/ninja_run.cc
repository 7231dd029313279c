#include "src/cli/ninja_run.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr int kEnding[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
// What a shell says of a program that could not be started.
constexpr int kNotStarted = 127;

std::vector<std::string> EnvironmentWith(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    bool replaced = false;
    for (const auto& [name, value] : more)
      replaced = replaced || absl::StartsWith(*variable, absl::StrCat(name, "="));
    if (!replaced) environment.push_back(*variable);
  }
  for (const auto& [name, value] : more) environment.push_back(absl::StrCat(name, "=", value));
  return environment;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Waits for the end of CHILD. AWAITED: SIGCHLD and those that are passed on, all of them blocked.
int Await(pid_t child, const sigset_t& awaited) {
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    siginfo_t info = {};
    if (sigwaitinfo(&awaited, &info) < 0 || info.si_signo == SIGCHLD) continue;
    // The terminal has sent it to all that run in front of it.
    if (info.si_code != SI_KERNEL) kill(child, info.si_signo);
  }
}

}  // namespace

absl::StatusOr<int> RunNinja(const std::string& program, const std::vector<std::string>& arguments,
                             const std::vector<std::pair<std::string, std::string>>& environment) {
  std::vector<std::string> argv = {"ninja"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::vector<std::string> variables = EnvironmentWith(environment);
  const std::vector<char*> args = Pointers(argv), env = Pointers(variables);
  sigset_t awaited, before;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  for (int number : kEnding) sigaddset(&awaited, number);
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_BLOCK, &awaited, &before);
  const pid_t child = fork();
  if (child < 0) {
    const int error = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    return ErrnoStatus(error, "cannot fork");
  }
  if (child == 0) {
    // Only async-signal-safe calls from here to the exec.
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    execve(program.c_str(), args.data(), env.data());
    _exit(kNotStarted);
  }
  const int exit = Await(child, awaited);
  // What came for both is done with.
  const struct timespec now = {};
  while (sigtimedwait(&awaited, nullptr, &now) > 0) {
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (exit == kNotStarted) return absl::UnavailableError(absl::StrCat("cannot start ", program));
  return exit;
}

}  // namespace kplan
