#include "src/host/hold_readers.h"

#include <errno.h>
#include <fcntl.h>

#include "absl/time/time.h"

namespace kplan {

HoldReaders::HoldReaders(int fd, absl::Duration patience, Clock* clock) : fd_(fd) {
  // By default the signal ends the process. SIGIO exists and SIG_IGN is allowed for it: this cannot fail.
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGIO, &ignore, &old_action_);
  const absl::Time deadline = clock->Now() + patience;
  for (;;) {
    held_ = fcntl(fd_, F_SETLEASE, F_WRLCK) == 0;
    // EAGAIN: somebody has it open. There is nothing that would tell when they close it.
    if (held_ || errno != EAGAIN || clock->Now() >= deadline) return;
    clock->SleepFor(absl::Microseconds(50));
  }
}

HoldReaders::~HoldReaders() {
  // A lease that the kernel has ended need not be given back. Closing the file gives back any lease, too.
  if (held_) fcntl(fd_, F_SETLEASE, F_UNLCK);
  sigaction(SIGIO, &old_action_, nullptr);
}

}  // namespace kplan
