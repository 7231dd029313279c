#include "src/host/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/disk.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/host/ninja_log.h"
#include "src/host/ninja_process.h"
#include "src/host/run_holder.h"

namespace kplan {
namespace {

absl::StatusOr<UniqueFd> OpenLock(const char* path) {
  if (absl::Status status = MakePrivateFolder(paths::kState); !status.ok()) return status;
  UniqueFd fd(disk::Open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  // It stays, and is written in place: one that root made would lock the folder's owner out.
  if (absl::Status status = GiveToOwnerOf(paths::kState, path); !status.ok()) return status;
  return fd;
}

// Whether the lock PATH, open as FD, is ours now; false when somebody else has it.
absl::StatusOr<bool> TryLock(int fd, const char* path) {
  if (disk::Lock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return ErrnoStatus(errno, absl::StrCat("cannot lock ", path));
}

absl::Status AtWork(absl::string_view who) {
  return absl::UnavailableError(absl::StrCat("another ninja or kplan is at work in this folder: ", who,
                                             "; run this again when it is done"));
}

// Says in the lock's file who has it. In place, and not synced: it means something only while the lock is
// held.
absl::Status WriteHolder(int fd, const RunHolder& holder) {
  if (disk::Truncate(fd, 0) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot truncate ", paths::kRunLock));
  return WriteAll(fd, holder.ToText(), paths::kRunLock);
}

std::optional<RunHolder> ReadHolder() {
  absl::StatusOr<std::string> text = ReadFile(paths::kRunLock, kMaxHolderText);
  return text.ok() ? RunHolder::Parse(*text) : std::nullopt;
}

// How long it takes until a lock is free, or its file says who took it, after which something is wrong.
constexpr absl::Duration kHandOver = absl::Seconds(10);
// Nobody can see from another machine or container whether the holder has ended just now.
constexpr absl::Duration kUnseenHandOver = absl::Seconds(1);

enum class Taken { kNow, kBefore };

// Takes the lock of the run, open as FD, for PROCESS; kBefore when it has it already.
absl::StatusOr<Taken> TakeRun(int fd, const Instance& process) {
  const absl::Time start = absl::Now();
  for (;;) {
    absl::StatusOr<bool> locked = TryLock(fd, paths::kRunLock);
    if (!locked.ok()) return locked.status();
    if (*locked) return Taken::kNow;
    const std::optional<RunHolder> holder = ReadHolder();
    const HolderState state = holder.has_value() ? LookAt(*holder) : HolderState::kGone;
    if (state == HolderState::kAtWork && holder->process == process) return Taken::kBefore;
    const absl::Duration waited = absl::Now() - start;
    // Of a holder that has just ended the lock goes a moment later; and one that has just taken it has yet to
    // say so.
    const bool waits = state == HolderState::kGone     ? waited < kHandOver
                       : state == HolderState::kUnseen ? waited < kUnseenHandOver
                                                       : false;
    if (!waits)
      return AtWork(holder.has_value() ? holder->Describe() : "somebody who does not say who it is");
    absl::SleepFor(absl::Milliseconds(2));
  }
}

// Closes all that is open from FIRST to LAST. close_range(2) is younger (5.9) than pidfds are.
void CloseAll(unsigned first, unsigned last) {
  if (syscall(SYS_close_range, first, last, 0u) == 0) return;
  const long limit = sysconf(_SC_OPEN_MAX);
  last = std::min(last, static_cast<unsigned>(limit > 0 ? limit : 1024));
  for (unsigned fd = first; fd <= last; ++fd) close(static_cast<int>(fd));
}

// The process that stays behind. Of what we have open it keeps the lock and the handle alone: WORK is the
// lock of gen, which must be free when ninja goes on, and ninja goes on when nobody has its pipe any more. A
// signal to all of a session, a control group or kplan is not meant for it: it ends when its ninja does.
[[noreturn]] void HoldUntilEnd(int lock, int work, const ProcessHandle& ninja) {
  setsid();
  close(work);
  for (int signal_number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) signal(signal_number, SIG_IGN);
  prctl(PR_SET_NAME, "kplan-run-lock");
  const int handle = ninja.fd();
  const unsigned low = static_cast<unsigned>(std::min(lock, handle));
  const unsigned high = static_cast<unsigned>(std::max(lock, handle));
  if (low > 0) CloseAll(0, low - 1);
  if (low + 1 < high) CloseAll(low + 1, high - 1);
  CloseAll(high + 1, ~0u);
  struct pollfd end = {handle, POLLIN, 0};
  while (poll(&end, 1, -1) < 0 && errno == EINTR) {
  }
  _exit(0);
}

}  // namespace

absl::StatusOr<RunLock> RunLock::Take(absl::string_view what, const Instance& process, bool* taken_before) {
  absl::StatusOr<UniqueFd> run = OpenLock(paths::kRunLock);
  if (!run.ok()) return run.status();
  absl::StatusOr<UniqueFd> work = OpenLock(paths::kLock);
  if (!work.ok()) return work.status();
  absl::StatusOr<Taken> taken = TakeRun(run->get(), process);
  if (!taken.ok()) return taken.status();
  absl::StatusOr<bool> alone = TryLock(work->get(), paths::kLock);
  if (!alone.ok()) return alone.status();
  if (!*alone) return AtWork("steps of a ninja that has ended");
  RunLock lock;
  lock.run_ = *std::move(run);
  lock.work_ = *std::move(work);
  *taken_before = *taken == Taken::kBefore;
  if (!*taken_before) {
    absl::Status status = WriteHolder(lock.run_.get(), HolderNow(what, process));
    if (!status.ok()) return status;
  }
  return lock;
}

absl::StatusOr<RunLock> RunLock::Exclusive(absl::string_view what) {
  bool before = false;
  return Take(what, FindInstance(getpid()).value_or(Instance()), &before);
}

absl::StatusOr<RunLock> RunLock::ForNinja() {
  const std::optional<Instance> ninja = FindNinja();
  if (!ninja.has_value()) return Exclusive("kplan gen");
  absl::StatusOr<ProcessHandle> handle = ProcessHandle::Open(*ninja);
  if (absl::IsUnimplemented(handle.status()) || absl::IsPermissionDenied(handle.status()) ||
      absl::IsNotFound(handle.status()))
    return Exclusive("kplan gen");
  if (!handle.ok()) return handle.status();
  bool before = false;
  absl::StatusOr<RunLock> lock = Take("ninja", *ninja, &before);
  // In a later round of the same ninja, which has read build.ninja anew, all of this has been done.
  if (!lock.ok() || before) return lock;
  lock->ninja_is_behind_ = NinjaIsBehind(*ninja);
  if (absl::Status status = ShortenNinjaLog(); !status.ok()) return status;
  const pid_t child = fork();
  if (child < 0) return ErrnoStatus(errno, "cannot start the process that holds the lock");
  if (child == 0) HoldUntilEnd(lock->run_.get(), lock->work_.get(), *handle);
  return lock;
}

absl::StatusOr<RunLock> RunLock::Shared() {
  absl::StatusOr<UniqueFd> fd = OpenLock(paths::kLock);
  if (!fd.ok()) return fd.status();
  if (absl::Status status = AwaitLock(fd->get(), LOCK_SH, paths::kLock); !status.ok()) return status;
  RunLock lock;
  lock.work_ = *std::move(fd);
  return lock;
}

}  // namespace kplan
