#ifndef KPLAN_ETCD_MEMBER_WAYS_H_
#define KPLAN_ETCD_MEMBER_WAYS_H_

// By which way a member is asked: from this machine, or by way of its own host or another member's, whose
// agent carries the bytes (step/host_access.h). Pure.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// Whence members may be asked: `verify.from`.
enum class AskFrom {
  kBoth,   // from here where its port answers here, otherwise by way of hosts
  kHosts,  // by way of hosts alone: no packet goes to a member from here
  kHere,   // from here alone
};

// "hosts" and "here" as a record has them; anything else is kBoth.
AskFrom AskFromWord(absl::string_view word);

// The way "": from this machine itself. Any other: by way of the host of that name.
struct WayTried {
  std::string way;
  absl::Status status;  // why it came to nothing; Aborted: the host on the way could not be reached itself
};

// The way to try next to the member on the host OWN, after TRIED came to nothing; nothing: there is none.
// HOSTS: those of all members. WORKED: the way that led there before; none: it is not known yet.
//
// What a member's own host says is the last word: nobody is nearer. So is what another host says where it
// cannot be reached: members that are of one network see the same.
std::optional<std::string> NextWay(AskFrom from, const std::vector<std::string>& hosts,
                                   const std::string& own, const std::optional<std::string>& worked,
                                   const std::vector<WayTried>& tried);

// Why nobody was reached by any of TRIED, at least one: who tried it, and what each saw. The code is that of
// whoever was nearest; Aborted only where nobody could look.
absl::Status NoWayLed(const std::vector<WayTried>& tried, const std::string& own);

}  // namespace kplan

#endif  // KPLAN_ETCD_MEMBER_WAYS_H_
