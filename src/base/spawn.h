#ifndef KPLAN_BASE_SPAWN_H_
#define KPLAN_BASE_SPAWN_H_

// The start of a child process: what Run (process.h) and Conversation (conversation.h) have in common.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"

namespace kplan {

struct SpawnOptions {
  std::vector<std::string> environment;  // "NAME=value" pairs: all of it but for PATH, which is ours
  std::string working_folder;            // empty: ours
  bool inherit_errors = false;           // the child's stderr is ours
  bool input = false;                    // the child reads what is written to Child::in
  absl::string_view content;             // without `input`: what the child reads; empty: /dev/null
  bool new_session = false;              // without a controlling terminal: the child can ask nobody anything
};

struct Child {
  pid_t pid = -1;
  UniqueFd in;         // the writing end of its stdin, blocking for nobody (O_NONBLOCK); with input only
  UniqueFd out, err;   // the reading ends, likewise; nothing arrives in err with inherit_errors
  int exec_error = 0;  // errno of a program that could not be started; the child has ended then
};

// Starts PROGRAM, a path, with ARGV. It gets SIGTERM when the thread that calls this ends, and none of our
// other descriptors.
absl::StatusOr<Child> Spawn(const std::string& program, const std::vector<std::string>& argv,
                            const SpawnOptions& options);

// Reads what there is in FD, but no more at a time than a pipe holds, so that a child that writes without end
// keeps nobody here, and appends it to OUT, of which no more than MAX bytes are kept; false at the end of the
// stream.
bool Drain(int fd, size_t max, std::string* out);

// Waits for the end of the child PID: its exit code, 128 + signal when one ended it.
int AwaitExit(pid_t pid);

}  // namespace kplan

#endif  // KPLAN_BASE_SPAWN_H_
