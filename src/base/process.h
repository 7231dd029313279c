#ifndef KPLAN_BASE_PROCESS_H_
#define KPLAN_BASE_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kplan {

struct RunOptions {
  // "NAME=value" pairs: the child's whole environment is these and PATH. Nothing else is inherited, so that
  // no proxy, ETCDCTL_ or LD_ variable of the caller changes what a step does.
  std::vector<std::string> environment;
  absl::Duration timeout = absl::Minutes(1);  // after it SIGTERM, and SIGKILL one second later
  absl::string_view input;                    // what the child reads from stdin; no other way leads to it
  bool inherit_errors = false;                // for a progress bar: the child's stderr is ours
  std::string working_folder;                 // empty: ours
  bool new_session = false;                   // without a controlling terminal: it can ask nobody anything
};

struct RunResult {
  int exit_code = 0;  // 128 + signal when one ended it
  bool timed_out = false;
  std::string out, err;  // each at most 1 MiB, the rest is dropped; err is empty with inherit_errors

  bool ok() const { return exit_code == 0 && !timed_out; }
};

// Runs ARGV (no shell; argv[0] is looked up in PATH when it has no slash), with what `input` has or
// /dev/null for stdin and every other descriptor closed, and waits for it. NotFound when there is no such
// program. A daemon that the child leaves behind with our pipes open does not hold this up: reading stops
// when the child is gone.
absl::StatusOr<RunResult> Run(const std::vector<std::string>& argv, const RunOptions& options = {});

// Where PATH finds NAME; empty when nowhere.
std::string FindProgram(const std::string& name);

}  // namespace kplan

#endif  // KPLAN_BASE_PROCESS_H_
