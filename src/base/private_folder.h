#ifndef KPLAN_BASE_PRIVATE_FOLDER_H_
#define KPLAN_BASE_PRIVATE_FOLDER_H_

// The folders of DIR that kplan keeps for itself, .kplan and rendered. They have what cluster.yaml has,
// contents of files among it that not everybody may read (secret_content.h). So they are for their owner
// alone: folders 0700; files that hold contents 0600, too, for they may be copied out of there.
//
// Their owner is who runs kplan, or whoever the folder around belongs to: a run with sudo in a person's
// folder must lock nobody out.

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kplan {

inline constexpr mode_t kPrivateFile = 0600;

// Makes FOLDER when it is missing, 0700 from the first moment. One that is there stays as it is;
// FailedPrecondition when it is a link that is not to be trusted (folders.h).
absl::Status MakePrivateFolder(const std::string& folder);

// Takes FOLDER and all that is below it away from everybody but its owner: each mode becomes what it was less
// 077. True when FOLDER was open to others; one that was not is not looked into, and false is returned for
// it, as for one that is missing. Links are not followed, and what belongs to somebody else stays as it is,
// unless this is root's process. FailedPrecondition when FOLDER itself belongs to somebody else.
absl::StatusOr<bool> ClosePrivateFolder(const std::string& folder);

// PermissionDenied, with the remedy, when FOLDER is there and who runs this may not look into it: whoever
// reads it would take it for empty.
absl::Status CheckPrivateFolder(const std::string& folder);

// The same as ClosePrivateFolder of the single file PATH: it becomes what it was less 077.
absl::Status ClosePrivateFile(const std::string& path);

// Gives what root made at PATH, below FOLDER, to FOLDER's owner, the folders between with it. Does nothing
// for anybody but root. PATH may be a folder: all that is in it is given then.
absl::Status GiveToOwnerOf(const std::string& folder, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_BASE_PRIVATE_FOLDER_H_
