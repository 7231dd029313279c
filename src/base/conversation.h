#ifndef KPLAN_BASE_CONVERSATION_H_
#define KPLAN_BASE_CONVERSATION_H_

// A child process that is written to and read from at the same time. Neither side can block the other:
// whatever is waited for, what the child writes is read (up to a limit, behind which the child waits). Nor is
// the child waited for without end: a Patience says how long. What it writes to stderr is no sign of life.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/files.h"
#include "src/base/patience.h"
#include "src/base/spawn.h"

namespace kplan {

// Not for two threads at once. SIGPIPE must be ignored in the process.
class Conversation {
 public:
  // As Run: argv[0] is looked up in PATH, NotFound when there is no such program.
  static absl::StatusOr<Conversation> Start(const std::vector<std::string>& argv, SpawnOptions options,
                                            const Patience& patience);

  Conversation(Conversation&& other) noexcept;
  Conversation& operator=(Conversation&&) = delete;
  ~Conversation();  // SIGTERM, and SIGKILL a second later, to a child that was not waited for

  // What comes now may take as long as PATIENCE, which begins now.
  void SetPatience(const Patience& patience) { patience_ = patience; }

  // A line by which the child says that it lives, and nothing else: it is a sign of life, and never read.
  void SetLifeSign(absl::string_view line) { life_sign_ = std::string(line) + "\n"; }

  // Writes all of BYTES. Unavailable when the child reads no more: its input is closed, or it has ended.
  // DeadlineExceeded when the patience is over.
  absl::Status Write(absl::string_view bytes);

  // The next line, without its end. OutOfRange when it has more than MAX bytes, Unavailable when the child's
  // output ends before the line does, DeadlineExceeded when the patience is over.
  absl::StatusOr<std::string> ReadLine(size_t max);

  // Whether the child has said something that was not read yet and is no sign of life, or has ended its
  // output. Does not wait.
  bool HasSomething();

  void EndInput() { child_.in = UniqueFd(); }

  // The ends of its pipes, for whoever goes on with them instead; only Finish() may be said after that.
  // HEARD: what it has said and nobody asked for.
  struct Carrier {
    int in = -1, out = -1;  // to be written, to be read; non-blocking
    std::string heard;
  };
  Carrier TakeOver() { return {child_.in.get(), child_.out.get(), std::move(heard_)}; }

  // Waits for the child's end, at most TIMEOUT, after which it is killed (exit code 137). Its further output
  // is read, and dropped beyond a limit.
  int Finish(absl::Duration timeout);

  // What it wrote to stderr so far, at most 64 KiB.
  const std::string& errors() const { return errors_; }

 private:
  Conversation(Child child, const Patience& patience) : child_(std::move(child)), patience_(patience) {}
  absl::Status Exchange(bool writing, absl::Duration wait);
  void DropLifeSigns();

  Child child_;
  Patience patience_;
  std::string life_sign_;  // with its line end; empty: there is none
  std::string heard_;      // read from stdout, and not asked for yet
  std::string errors_;
  bool out_open_ = true, err_open_ = true;
  size_t searched_ = 0;  // of heard_: so much has no line end
};

}  // namespace kplan

#endif  // KPLAN_BASE_CONVERSATION_H_
