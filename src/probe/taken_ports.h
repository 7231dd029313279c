#ifndef KPLAN_PROBE_TAKEN_PORTS_H_
#define KPLAN_PROBE_TAKEN_PORTS_H_

// Who listens on this machine where somebody else is to listen: what the kernel's tables say, and, where they
// leave it open, what bind(2) says.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/probe/listening_table.h"

namespace kplan {

// Whether SOCKET may be in the way of one at OCTETS (4 or 16) and PORT: it has the same port, and the same
// address, or one of the two has every address. Sockets of IPv6 with every address have those of IPv4, too,
// unless they say otherwise, which the table does not tell (ipv6(7), IPV6_V6ONLY).
bool MayConflict(const ListeningSocket& socket, absl::string_view octets, int port);

// Whether the kernel refuses to bind OCTETS and PORT because they are in use. Whoever shares its port
// (SO_REUSEPORT) refuses nobody of its user. True also where this process may not bind the port at all (below
// 1024); false when the address is not this machine's. Nothing listens meanwhile.
bool IsInUse(absl::string_view octets, int port);

// Whether the kernel lets nobody listen at OCTETS because no interface of this machine has them. False where
// it lets anybody (net.ipv4.ip_nonlocal_bind, ip(7)), and where it cannot be told.
bool IsNowhereHere(absl::string_view octets);

// What the interfaces of this machine have, beside loopback and link-local addresses (RFC 4291 2.5.6), as
// "10.0.0.11 (eth0)", in the kernel's order.
std::vector<std::string> OwnAddresses();

// The processes that have the socket INODE open, lowest first; of another user's processes this can only be
// seen with root rights. It reads the descriptors of all processes.
std::vector<pid_t> HoldersOf(absl::string_view inode);

// The unit of systemd that PID belongs to, by its control group: "x.service"; "" when there is none. CGROUP:
// the text of /proc/PID/cgroup (cgroups(7)).
std::string UnitOfCgroup(absl::string_view cgroup);

}  // namespace kplan

#endif  // KPLAN_PROBE_TAKEN_PORTS_H_
