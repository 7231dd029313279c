#ifndef KPLAN_PROBE_LISTENING_H_
#define KPLAN_PROBE_LISTENING_H_

// Addresses and who listens on them.

#include <sys/socket.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/dialer.h"
#include "src/base/files.h"
#include "src/base/url.h"

namespace kplan {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

// Of ADDRESS: in network order, 4 or 16, which lie in it; and its port.
absl::string_view OctetsOf(const SocketAddress& address);
int PortOf(const SocketAddress& address);

using SocketAddresses = std::vector<SocketAddress>;

// The addresses of HOST, one at least: itself when it is one; otherwise what the system's resolver says, in
// its order (asked through getent, because a static program has no resolver of its own that honours
// nsswitch.conf). NotFound when it knows none. A name may well have addresses at which nobody listens:
// localhost is ::1 and 127.0.0.1, and etcd may have only one of the two.
absl::StatusOr<SocketAddresses> ResolveAddresses(const HostPort& target);

// A TCP connection (non-blocking from then on) to the first of ADDRESSES that accepts one, made before
// DEADLINE, of which each has its share. Otherwise what the last one said: Unavailable when it refuses.
absl::StatusOr<UniqueFd> ConnectTcp(const SocketAddresses& addresses, absl::Time deadline);

// The same for TARGET: from this machine itself.
absl::StatusOr<Connection> DialFromHere(const HostPort& target, absl::Time deadline);

// Whether PID itself has a socket that listens at one of ADDRESSES, which have one port, or at that port on
// every address. A connection alone does not show that: another process may hold the port while ours is about
// to fail for that reason. PermissionDenied when PID's descriptors cannot be read, as also those of a process
// that has just ended cannot (its zombie is the kernel's, in a user namespace nobody's).
absl::StatusOr<bool> ListensAt(pid_t pid, const SocketAddresses& addresses);

}  // namespace kplan

#endif  // KPLAN_PROBE_LISTENING_H_
