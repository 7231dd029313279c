#ifndef KPLAN_HOST_MAY_REACH_H_
#define KPLAN_HOST_MAY_REACH_H_

// Whether somebody may get to a file of this machine: enter every folder on the way to it. By the modes and
// the access lists that are there (path_resolution(7), acl(5)), without being that user: so whoever looks
// need not be root, and a look starts nothing.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/host/host_owner.h"

namespace kplan {

// Whom a process of a user is taken for (credentials(7)). No capabilities: who has those gets everywhere, and
// is not asked about.
struct Reader {
  std::string name;           // for the person: "etcd"
  HostOwner owner;            // the user, and the group that a process has
  std::vector<gid_t> groups;  // more of them
};

// Nobody's number: of a user who is not there yet, and so owns nothing and is in no group.
inline constexpr uid_t kNoUser = static_cast<uid_t>(-1);

// USER and GROUP (empty: the one that USER logs in with) by name or number, with all groups that list USER,
// and MORE groups. One who is not there yet is a stranger everywhere (kNoUser). Unavailable where the
// accounts cannot be looked at.
absl::StatusOr<Reader> ReaderOf(const std::string& user, const std::string& group,
                                const std::vector<std::string>& more, const AccountFiles& files = {});

// An entry of an access list, as the kernel keeps it (linux/posix_acl_xattr.h).
struct AccessEntry {
  enum Tag : uint16_t { kOwner = 1, kUser = 2, kGroup = 4, kNamedGroup = 8, kMask = 16, kOther = 32 };
  uint16_t tag = 0, bits = 0;
  uint32_t id = 0;  // of kUser and kNamedGroup
};

// Who may do what with a file or folder.
struct PlaceRights {
  mode_t mode = 0;  // permission bits
  HostOwner owner;
  std::vector<AccessEntry> entries;  // empty: the mode says all
};

// The entries of the attribute "system.posix_acl_access"; none when VALUE is no such thing.
std::vector<AccessEntry> ParseAccessEntries(absl::string_view value);

// What READER may do: of 4 (read), 2 (write) and 1 (enter, execute). *BY: by which entry, where that is the
// mode's own class, 'u', 'g' or 'o'; 'a' where the access list decides.
unsigned RightsOf(const Reader& reader, const PlaceRights& place, char* by);

// The folders on the way to PATH (absolute), the outermost first; where one is a symbolic link, those on the
// way to where it leads as well. Up to the first that is not there.
std::vector<std::string> FoldersTo(const std::string& path);

// As a folder will be that is going to be made, or put right; no value: it stays as it is.
using PlaceToCome = absl::FunctionRef<std::optional<PlaceRights>(const std::string& folder)>;

// PermissionDenied names the first folder on the way to PATH that READER may not enter, and the command that
// lets it. IS_READERS: folders that will be its own by then (a StateDirectory of systemd's). A folder that
// cannot be looked at is not judged.
absl::Status CheckMayReach(const Reader& reader, const std::string& path, PlaceToCome to_come,
                           absl::FunctionRef<bool(const std::string& folder)> is_readers);

// The same of the folders as they are.
absl::Status CheckMayReach(const Reader& reader, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_HOST_MAY_REACH_H_
