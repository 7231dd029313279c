#ifndef KPLAN_HOST_HOST_OWNER_H_
#define KPLAN_HOST_HOST_OWNER_H_

// Who owns what kplan puts on a host. Below "/" everything belongs to root:root unless the record says
// otherwise; below any other root it belongs to whoever runs kplan, and nothing is ever chowned.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/host/host_file.h"

namespace kplan {

struct HostOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// The account files of passwd(5) and group(5).
struct AccountFiles {
  std::string passwd = "/etc/passwd";
  std::string group = "/etc/group";
  bool here = true;  // they are this machine's, whose getent knows more; false: those of another root
};

// OWNER is "USER" or "USER:GROUP", each a name or a number; USER alone takes the user's login group. Names
// are looked up in the account files first and then with getent(1) (LDAP and the like): glibc's getpwnam
// needs shared libraries at run time, which a static binary has not. NotFound when there is no such user or
// group.
absl::StatusOr<HostOwner> LookUpOwner(absl::string_view owner, const AccountFiles& files = {});

// The owner that something below ROOT must have; nothing when any will do. OWNER: the record's, or empty.
absl::StatusOr<std::optional<HostOwner>> OwnerBelow(absl::string_view root, absl::string_view owner);

// What of a file's mode and owner is not as it should be.
struct AttributeDifference {
  absl::string_view name;  // static: "mode", "owner"
  std::string text;        // for the person: "mode was 0644, is 0600", "owner was 1:1, is 0:0"
  std::string from, to;    // "0644", "0600"; "bin", "root" (OwnerText)
};

// What of STATE is not as it should be.
std::vector<AttributeDifference> AttributeDifferences(const HostFileState& state, mode_t mode,
                                                      const std::optional<HostOwner>& owner);

// OWNER for a person: "etcd", or "etcd:adm" when the group is not the one that the user logs in with; numbers
// where the account files have no name.
std::string OwnerText(const HostOwner& owner, const AccountFiles& files = {});

// Gives the open file or folder to OWNER, unless it already is theirs. May clear setuid and setgid: chmod
// after it.
absl::Status GiveTo(const std::optional<HostOwner>& owner, int fd);

}  // namespace kplan

#endif  // KPLAN_HOST_HOST_OWNER_H_
