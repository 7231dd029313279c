#ifndef KPLAN_REMOTE_TUNNEL_H_
#define KPLAN_REMOTE_TUNNEL_H_

// kplan's end of connections by way of a host: the agent there makes them, and carries their bytes over one
// session (stream_frames.h). No key goes there, and nothing of what is said in TLS can be read there.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/dialer.h"
#include "src/base/url.h"

namespace kplan {

// A session with an agent that has said OK to a request "dial".
struct CarrierSession {
  int in = -1, out = -1;      // to be written, to be read; non-blocking, open until `end`
  std::string heard;          // what the agent has said since
  std::function<void()> end;  // called when nothing is carried any more
};

// Called in the thread that keeps the session, as long as that: its child ends with the thread
// (base/spawn.h).
using BeginSession = std::function<absl::StatusOr<CarrierSession>()>;

// A Dialer of TARGETS, at most kMaxDialTargets of them, and nobody else, by the session that BEGIN begins.
// Dial() says Aborted once that has ended. Errors: BEGIN's.
absl::StatusOr<std::unique_ptr<Dialer>> OpenTunnel(BeginSession begin, std::vector<HostPort> targets);

}  // namespace kplan

#endif  // KPLAN_REMOTE_TUNNEL_H_
