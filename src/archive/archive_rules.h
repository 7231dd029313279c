#ifndef KPLAN_ARCHIVE_ARCHIVE_RULES_H_
#define KPLAN_ARCHIVE_ARCHIVE_RULES_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// What a tar entry says about itself.
struct ArchiveEntry {
  std::string name;  // as written in the archive
  mode_t type = 0;   // S_IFREG, S_IFDIR, S_IFLNK, ...; a hard link has HARDLINK set
  mode_t permissions = 0;
  std::string symlink, hardlink;  // the target; empty when it is none
};

// "./a//b/" as "a/b": how names are compared. InvalidArgument, with the reason, for an empty name, an
// absolute one, one with a ".." component and one with a control character.
absl::StatusOr<std::string> NormalArchiveName(absl::string_view name);

// Whether an entry may be in an archive that kplan unpacks at all, wanted or not: no device, FIFO or socket,
// no setuid or setgid bit, no link whose target is outside the archive, no name that NormalArchiveName
// refuses. One entry that may not condemns the whole archive: nobody who builds a release puts such a thing
// in by mistake. InvalidArgument with the reason, without the name.
absl::Status CheckArchiveEntry(const ArchiveEntry& entry);

// TEXT from an archive, fit for a terminal: in quotes, control characters and bytes beyond ASCII escaped.
std::string QuoteForPerson(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_ARCHIVE_RULES_H_
