#ifndef KPLAN_PROBE_LISTENING_TABLE_H_
#define KPLAN_PROBE_LISTENING_TABLE_H_

// The kernel's tables of TCP sockets (proc(5), /proc/net/tcp and tcp6), as far as they are about who listens.

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

// Those of a network namespace, of the tables in the folder NET: of this process, or "/proc/PID/net".
// NotFound when there is none; a kernel may be without IPv6.
absl::StatusOr<std::vector<ListeningSocket>> AllListening(const std::string& net = "/proc/net");

}  // namespace kplan

#endif  // KPLAN_PROBE_LISTENING_TABLE_H_
