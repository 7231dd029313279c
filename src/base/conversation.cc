#include "src/base/conversation.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/process.h"

namespace kplan {
namespace {

// What the child may say before anybody asks for it; then it waits.
constexpr size_t kMaxHeard = 16 << 20;
constexpr size_t kMaxErrors = 64 << 10;

// For poll(2). A part of one counts as a whole, so that nobody polls again and again in it.
int Milliseconds(absl::Duration wait) {
  if (wait >= absl::Hours(24)) return -1;
  return static_cast<int>(
      std::max<int64_t>(0, absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)))));
}

// Reads once, so that a child that never stops cannot keep us here, and appends it to OUT, of which no more
// than MAX bytes are kept; false at the end of the stream.
bool ReadSome(int fd, size_t max, std::string* out) {
  char block[64 << 10];
  const ssize_t n = read(fd, block, sizeof(block));
  if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
  if (out->size() < max) out->append(block, std::min<size_t>(n, max - out->size()));
  return true;
}

}  // namespace

absl::StatusOr<Conversation> Conversation::Start(const std::vector<std::string>& argv, SpawnOptions options,
                                                 const Patience& patience) {
  std::string program = FindProgram(argv[0]);
  if (program.empty()) return absl::NotFoundError(absl::StrCat("there is no program ", argv[0], " here"));
  options.input = true;
  absl::StatusOr<Child> child = Spawn(program, argv, options);
  if (!child.ok()) return child.status();
  if (child->exec_error != 0) {
    AwaitExit(child->pid);
    return ErrnoStatus(child->exec_error, absl::StrCat("cannot run ", program));
  }
  return Conversation(*std::move(child), patience);
}

Conversation::Conversation(Conversation&& other) noexcept
    : child_(std::move(other.child_)),
      patience_(other.patience_),
      life_sign_(std::move(other.life_sign_)),
      heard_(std::move(other.heard_)),
      errors_(std::move(other.errors_)),
      out_open_(other.out_open_),
      err_open_(other.err_open_),
      searched_(other.searched_) {
  other.child_.pid = -1;
}

Conversation::~Conversation() {
  if (child_.pid < 0) return;
  kill(child_.pid, SIGTERM);
  Finish(absl::Seconds(1));
}

void Conversation::DropLifeSigns() {
  // Where the next line begins: what was searched of one is none.
  if (life_sign_.empty() || searched_ > 0) return;
  size_t end = 0;
  while (heard_.compare(end, life_sign_.size(), life_sign_) == 0) end += life_sign_.size();
  heard_.erase(0, end);
}

// Waits until something can be done, at most WAIT, and reads what there is.
absl::Status Conversation::Exchange(bool writing, absl::Duration wait) {
  const bool listening = out_open_ && heard_.size() < kMaxHeard;
  struct pollfd fds[3] = {{listening ? child_.out.get() : -1, POLLIN, 0},
                          {err_open_ ? child_.err.get() : -1, POLLIN, 0},
                          {writing ? child_.in.get() : -1, POLLOUT, 0}};
  if (poll(fds, 3, Milliseconds(wait)) < 0 && errno != EINTR) return ErrnoStatus(errno, "cannot poll");
  const size_t before = heard_.size();
  if (fds[0].revents != 0) out_open_ = ReadSome(child_.out.get(), 2 * kMaxHeard, &heard_);
  if (heard_.size() > before) patience_.SawLife();
  DropLifeSigns();
  if (fds[1].revents != 0) err_open_ = ReadSome(child_.err.get(), kMaxErrors, &errors_);
  return absl::OkStatus();
}

absl::Status Conversation::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (!child_.in.ok()) return absl::UnavailableError("its input was closed");
    ssize_t n = write(child_.in.get(), bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(n);
      patience_.SawLife();
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) return absl::UnavailableError("it reads no more");
    if (errno != EAGAIN) return ErrnoStatus(errno, "cannot write to it");
    if (absl::Status status = patience_.Check(); !status.ok()) return status;
    if (absl::Status status = Exchange(/*writing=*/true, patience_.Left()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Conversation::ReadLine(size_t max) {
  for (;;) {
    DropLifeSigns();
    const size_t end = heard_.find('\n', searched_);
    if (end != std::string::npos && end <= max) {
      std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      searched_ = 0;
      return line;
    }
    if (life_sign_.compare(0, heard_.size(), heard_) != 0) searched_ = heard_.size();
    if (heard_.size() > max)
      return absl::OutOfRangeError(absl::StrCat("a line of more than ", max, " bytes"));
    if (!out_open_) return absl::UnavailableError("it ended before its line did");
    if (absl::Status status = patience_.Check(); !status.ok()) return status;
    if (absl::Status status = Exchange(/*writing=*/false, patience_.Left()); !status.ok()) return status;
  }
}

bool Conversation::HasSomething() {
  // What is there may be the beginning of a sign of life.
  const auto nothing = [&] { return life_sign_.compare(0, heard_.size(), heard_) == 0 || heard_.empty(); };
  DropLifeSigns();
  if (nothing() && out_open_ && !Exchange(/*writing=*/false, absl::ZeroDuration()).ok()) return true;
  return !nothing() || !out_open_;
}

int Conversation::Finish(absl::Duration timeout) {
  EndInput();
  const absl::Time deadline = absl::Now() + timeout;
  UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, child_.pid, 0)));
  for (;;) {
    heard_.clear();  // nobody is going to read it
    struct pollfd fds[3] = {{handle.get(), POLLIN, 0},
                            {out_open_ ? child_.out.get() : -1, POLLIN, 0},
                            {err_open_ ? child_.err.get() : -1, POLLIN, 0}};
    if (poll(fds, 3, Milliseconds(deadline - absl::Now() + absl::Milliseconds(1))) < 0 && errno != EINTR)
      break;
    if (fds[1].revents != 0) out_open_ = ReadSome(child_.out.get(), kMaxErrors, &heard_);
    if (fds[2].revents != 0) err_open_ = ReadSome(child_.err.get(), kMaxErrors, &errors_);
    if (fds[0].revents != 0) break;
    if (absl::Now() >= deadline) {
      if (kill(child_.pid, SIGKILL) == 0) break;
      // It is root's (sudo). Its input has ended, and so will it; but nobody waits for it without end.
      child_.pid = -1;
      return 128 + SIGKILL;
    }
  }
  const int exit_code = AwaitExit(child_.pid);
  while (err_open_ && errors_.size() < kMaxErrors) {
    const size_t before = errors_.size();
    err_open_ = ReadSome(child_.err.get(), kMaxErrors, &errors_);
    if (errors_.size() == before) break;
  }
  child_.pid = -1;
  return exit_code;
}

}  // namespace kplan
