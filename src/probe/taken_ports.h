#ifndef KPLAN_PROBE_TAKEN_PORTS_H_
#define KPLAN_PROBE_TAKEN_PORTS_H_

// Who listens on this machine where somebody else is to listen: what the kernel's tables of TCP sockets say
// (proc(5), /proc/net/tcp and tcp6), and, where they leave it open, what bind(2) says.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// A TCP socket that listens.
struct ListeningSocket {
  std::string octets;  // of its address in network order, 4 or 16; all zero: every address
  int port = 0;
  uid_t user = 0;     // who made it
  std::string inode;  // decimal digits, as in the links "socket:[INODE]" of /proc/PID/fd

  friend bool operator==(const ListeningSocket& a, const ListeningSocket& b) {
    return a.octets == b.octets && a.port == b.port && a.user == b.user && a.inode == b.inode;
  }
};

// Those of TABLE, the text of /proc/net/tcp or of tcp6. Lines of another form are left out.
std::vector<ListeningSocket> ParseListening(absl::string_view table);

// Those of the network namespace of this process.
absl::StatusOr<std::vector<ListeningSocket>> AllListening();

// Whether SOCKET may be in the way of one at OCTETS (4 or 16) and PORT: it has the same port, and the same
// address, or one of the two has every address. Sockets of IPv6 with every address have those of IPv4, too,
// unless they say otherwise, which the table does not tell (ipv6(7), IPV6_V6ONLY).
bool MayConflict(const ListeningSocket& socket, absl::string_view octets, int port);

// Whether the kernel refuses to bind OCTETS and PORT because they are in use. Whoever shares its port
// (SO_REUSEPORT) refuses nobody of its user. True also where this process may not bind the port at all (below
// 1024); false when the address is not this machine's. Nothing listens meanwhile.
bool IsInUse(absl::string_view octets, int port);

// The processes that have the socket INODE open, lowest first; of another user's processes this can only be
// seen with root rights. It reads the descriptors of all processes.
std::vector<pid_t> HoldersOf(absl::string_view inode);

// The unit of systemd that PID belongs to, by its control group: "x.service"; "" when there is none. CGROUP:
// the text of /proc/PID/cgroup (cgroups(7)).
std::string UnitOfCgroup(absl::string_view cgroup);

}  // namespace kplan

#endif  // KPLAN_PROBE_TAKEN_PORTS_H_
