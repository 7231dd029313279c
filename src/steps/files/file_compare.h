#ifndef KPLAN_STEPS_FILES_FILE_COMPARE_H_
#define KPLAN_STEPS_FILES_FILE_COMPARE_H_

// What a file of a host has to be, beside what it is: what the step of a file and its look share.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/base/reason.h"
#include "src/host/install_file.h"
#include "src/step/file_records.h"
#include "src/step/outlook.h"
#include "src/steps/files/placement.h"

namespace kplan {

inline constexpr off_t kMaxSecretFile = 1 << 20;

// Hands the content of SOURCE to SINK, block by block, until it returns false or an error.
absl::Status ForEachBlock(
    const InstallSource& source,
    absl::FunctionRef<absl::StatusOr<bool>(absl::string_view block, off_t offset)> sink);

absl::StatusOr<InstallTarget> InstallTargetOf(const FileFields& record);

// What goes to the host: a file of the working folder as it is, or as a step before this one will leave it.
struct NewContent {
  std::optional<InstallSource> source;
  const ForeseenFile* foreseen = nullptr;  // without a source
  std::string public_digest;               // of a secret, where it is known

  static absl::StatusOr<NewContent> Open(const FileFields& record, const ForeseenFile* foreseen);

  // The digest of this content when the open file FD holds the same, empty when it does not, or when that
  // cannot be told yet.
  absl::StatusOr<std::string> DigestIfSame(int fd) const;

  // What the marker of a service calls it (host/service_marker.h); empty where that is not known yet.
  absl::StatusOr<std::string> DigestForMarker(bool open) const;
};

// Where TARGET's file waits.
InstallTarget BesideOf(const InstallTarget& target);

// The file that is at TARGET, which is one.
absl::StatusOr<UniqueFd> OpenTarget(const InstallTarget& target);

// What is on the host, beside what has to be there.
struct FoundFile {
  UniqueFd fd;                  // the file that is in place; none when it is missing
  std::string digest;           // of the content, when that is in place, or waits beside it
  Placement placement;          // what is to be done about it
  std::vector<Reason> reasons;  // why; empty: nothing is to be done
  std::vector<Change> changes;  // of its attributes

  // Whether the content waits beside its place when that has been done; WAITS: it does so now.
  bool waits = false;
  bool WillWait() const { return placement.where == Placement::kWait || waits; }
};

// PermissionDenied when who runs this may not do what PLACEMENT says.
absl::Status CheckMayPlace(const FileFields& record, const InstallTarget& target, const Placement& placement);

absl::StatusOr<FoundFile> CompareFile(const FileFields& record, const InstallTarget& target,
                                      const NewContent& content);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_FILE_COMPARE_H_
