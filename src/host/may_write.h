#ifndef KPLAN_HOST_MAY_WRITE_H_
#define KPLAN_HOST_MAY_WRITE_H_

// Whether who runs this may put something at a place of a host, before it is tried. The steps that put files
// and folders there ask before they write, and their looks ask in the same way: so `plan` says in the words
// of the run what it could not do.
//
// Nothing is said where it cannot be known: a folder of one's own that may not be written to is one that a
// step before may open again.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/host/host_owner.h"

namespace kplan {

// What is known of a place before something is put there.
struct WriteSight {
  std::string folder;          // the nearest on the way to it that exists, as seen from here
  uid_t folder_owner = 0;      // of it
  bool writable = true;        // files and folders can be made in it (access(2))
  bool read_only = false;      // its file system is
  bool sticky = false;         // only owners replace what is in it (S_ISVTX)
  std::optional<uid_t> there;  // who owns what is at the place; none: nothing is there
};

// Who runs this (credentials(7), capabilities(7)).
struct WriteRights {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
  bool as_owner = false;    // CAP_FOWNER: as the owner of everything
  bool gives_away = false;  // CAP_CHOWN: to anybody

  static WriteRights Own();
};

// What is going to be done.
enum class WriteDeed {
  kReplace,  // a new file takes the place
  kMake,     // a new folder, where there is nothing
  kSet,      // what is there gets its mode and its owner
};

// Why DEED cannot be done ("user 1000 may not write to /etc, a folder of root"); "" when nothing speaks
// against it. OWNER: to whom it is given; none: to nobody. CHANGES_OWNER: of kSet, whether what is there is
// another's.
std::string WhyMayNotWrite(WriteDeed deed, const WriteSight& sight, const WriteRights& rights,
                           const std::optional<HostOwner>& owner, bool changes_owner);

// The same of PATH inside ROOT, for who runs this. PermissionDenied with that text. CHANGES_OWNER is seen.
absl::Status CheckMayWrite(WriteDeed deed, absl::string_view root, absl::string_view path,
                           const std::optional<HostOwner>& owner);

}  // namespace kplan

#endif  // KPLAN_HOST_MAY_WRITE_H_
