#ifndef KPLAN_BASE_DIALER_H_
#define KPLAN_BASE_DIALER_H_

// How connections come about: from this machine, or by way of another one that carries their bytes. What is
// spoken over one, TLS above all, begins and ends here either way.

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/fd.h"
#include "src/base/url.h"

namespace kplan {

// A connection that is there.
struct Connection {
  UniqueFd fd;  // a stream socket, non-blocking
  // Asked at the end of the stream: why it is not the other side's own ("Connection reset by peer"); "" when
  // that ended it in order. Null where the socket itself says so.
  std::function<std::string()> why_cut = {};
};

// Several threads may use one.
class Dialer {
 public:
  virtual ~Dialer() = default;

  // Connects to TARGET, which has TIMEOUT to accept; what it takes to open the way there comes on top.
  // Errors: Unavailable when TARGET refuses, DeadlineExceeded when it says nothing, NotFound when nobody
  // knows its name, Aborted when the way there cannot be had.
  virtual absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration timeout) = 0;

  // Whether a program on this machine gets to TARGET by itself: that is how Dial() does it.
  virtual bool IsFromHere(const HostPort& /*target*/) const { return false; }
};

}  // namespace kplan

#endif  // KPLAN_BASE_DIALER_H_
