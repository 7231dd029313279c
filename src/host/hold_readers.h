#ifndef KPLAN_HOST_HOLD_READERS_H_
#define KPLAN_HOST_HOLD_READERS_H_

#include <signal.h>

#include "absl/time/time.h"
#include "src/base/clock.h"

namespace kplan {

// While this lives, whoever opens one file waits in open(2), and has read nothing of it: a write lease
// (fcntl(2), F_SETLEASE). Whoever waits gets, in the end, the file that the name stood for when it began to
// wait. The kernel ends the wait after 45 s (/proc/sys/fs/lease-break-time), and at once when this process
// dies; an open with O_NONBLOCK fails with EWOULDBLOCK instead of waiting.
//
// One at a time in a process: SIGIO, by which the kernel tells that somebody waits, is ignored meanwhile.
class HoldReaders {
 public:
  // FD: the file, open for writing, and nowhere else in this process. A lease is to be had only while nobody
  // else has the file open, so this tries for as long as PATIENCE, by CLOCK.
  HoldReaders(int fd, absl::Duration patience, Clock* clock = Clock::Real());
  ~HoldReaders();
  HoldReaders(const HoldReaders&) = delete;
  HoldReaders& operator=(const HoldReaders&) = delete;

  // False where there are no leases (NFS and other network file systems), or when PATIENCE was not enough.
  bool held() const { return held_; }

 private:
  const int fd_;
  bool held_ = false;
  struct sigaction old_action_;
};

}  // namespace kplan

#endif  // KPLAN_HOST_HOLD_READERS_H_
