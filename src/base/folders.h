#ifndef KPLAN_BASE_FOLDERS_H_
#define KPLAN_BASE_FOLDERS_H_

// Folders: opened, and made.
//
// A path that kplan is given leads to an anchor: DIR of -C, a host's root, .kplan, the agent's folder. From
// there on it writes, often as root. So a symbolic link on the way to an anchor is followed only when nobody
// else can have made it: the link is root's or the user's who runs kplan, and so is the folder that it lies
// in, and nobody else may write to that folder. A folder as /tmp does not count, in spite of its sticky bit:
// a name there is whose who came first. /srv -> /data, /var/run and merged /usr are followed; a link of
// another user, whoever is meant by it, is an error that says so.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/fd.h"

namespace kplan {

// The folder part of PATH, "." when there is none.
std::string FolderOf(absl::string_view path);

// FOLDER, open for reading. FailedPrecondition when a link on the way is not to be trusted (see above).
absl::StatusOr<UniqueFd> OpenFolder(const std::string& folder);

// The names in FOLDER, sorted, whatever they are names of. NotFound when there is no such folder.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& folder);
// The same of one that is open.
absl::StatusOr<std::vector<std::string>> ListFolder(const UniqueFd& folder, absl::string_view shown);

// chdir(2) to FOLDER, by the same rule.
absl::Status EnterFolder(const std::string& folder);

enum class Durability {
  kSynced,    // a power cut takes nothing of it
  kUnsynced,  // whole after a kill, and perhaps not there after a power cut
};

// Makes FOLDER and its missing parents (0777 less the umask), by the same rule.
absl::Status MakeFolders(const std::string& folder, Durability durability = Durability::kSynced);

// A folder below a root that somebody else may be able to write to: every component is opened with
// O_NOFOLLOW, so that no symbolic link leads anywhere (openat2 RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH in
// effect). PATH is absolute as seen inside ROOT ("/etc/etcd"); ROOT itself is an anchor and is made when
// missing. Missing folders are made with mode 0755. A symbolic link directly below ROOT is followed only when
// ROOT is "/" (merged /usr: /bin, /lib, and /var/run).
absl::StatusOr<UniqueFd> OpenFolderBelow(const std::string& root, absl::string_view path, bool create);

// For tests: whether a link with the owner LINK_OWNER in a folder with these attributes is followed by USER.
// Pure.
struct LinkPlace {
  uid_t link_owner = 0, folder_owner = 0;
  gid_t folder_group = 0;
  mode_t folder_mode = 0;
};
enum class LinkTrust { kTrusted, kLinkOfAnother, kFolderOfAnother, kFolderOpenToOthers };
LinkTrust JudgeLink(const LinkPlace& place, uid_t user);

}  // namespace kplan

#endif  // KPLAN_BASE_FOLDERS_H_
