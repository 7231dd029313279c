#ifndef KPLAN_ARCHIVE_ARCHIVE_EXTRACT_H_
#define KPLAN_ARCHIVE_ARCHIVE_EXTRACT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/archive/archive_stream.h"
#include "src/base/files.h"
#include "src/base/string_pairs.h"

namespace kplan {

struct ExtractedMember {
  std::string name;    // in the folder
  std::string sha256;  // of its content
  PendingFile file;    // complete, mode 0755, not yet in place: Commit() or drop it
};

// Takes the wanted MEMBERS (name in the archive -> name in the folder, a single component) out of the .tar.gz
// open as ARCHIVE_FD, into pending files of the folder FOLDER_FD. Other entries are read and skipped. The
// whole archive is walked to its last byte, and one entry that CheckArchiveEntry refuses, a wanted member
// that is not one regular file, anything damaged or beyond LIMITS fails it all: then nothing is left in the
// folder. The status names the entry and the reason. NotFound, with what there is instead, when a member is
// missing.
absl::StatusOr<std::vector<ExtractedMember>> ExtractMembers(int archive_fd, const StringPairs& members,
                                                            int folder_fd, const ArchiveLimits& limits = {});

// The same without a folder: the digests of the wanted members, by their names in the folder. Writes nothing.
absl::StatusOr<std::map<std::string, std::string>> DigestMembers(int archive_fd, const StringPairs& members,
                                                                 const ArchiveLimits& limits = {});

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_ARCHIVE_EXTRACT_H_
