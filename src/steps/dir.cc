// dir: {"kind":"dir","mode":"0700","owner":"etcd","path":"/var/lib/etcd","root":"/"}   (owner: see
// host_owner.h; optional) A folder on a host: that it is there, its mode and its owner. What is inside is
// never touched.
//
// A folder is never among the files of the result: ninja would compare its time, which changes with every
// file that its service makes in it. That one is gone, or has another mode, is seen by `gen`, which looks at
// the folders.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/host_file.h"
#include "src/steps/host_owner.h"
#include "src/steps/step.h"

namespace kplan {
namespace {

struct Folder {
  std::string root;
  HostPath path;
  mode_t mode = 0;
  absl::optional<HostOwner> owner;
};

// Makes the folder when it is missing and opens it, itself not followed when it is a link.
absl::StatusOr<UniqueFd> MakeAndOpen(const Folder& folder, bool missing) {
  absl::StatusOr<UniqueFd> parent = OpenFolderBelow(folder.root, folder.path.folder, /*create=*/missing);
  if (!parent.ok()) return parent.status();
  const char* name = folder.path.name.c_str();
  // With no more rights than the final ones from the start; the umask takes away more, which MakeRight mends.
  if (missing && mkdirat(parent->get(), name, folder.mode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "cannot make the folder");
  }
  UniqueFd fd(openat(parent->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot open the folder");
  if (missing && fsync(parent->get()) != 0) return ErrnoStatus(errno, "cannot sync the parent folder");
  return fd;
}

absl::Status MakeRight(const Folder& folder, bool missing) {
  absl::StatusOr<UniqueFd> fd = MakeAndOpen(folder, missing);
  if (!fd.ok()) return fd.status();
  if (absl::Status status = GiveTo(folder.owner, fd->get()); !status.ok()) return status;
  if (fchmod(fd->get(), folder.mode) != 0) return ErrnoStatus(errno, "cannot set the mode");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> DirStep(const StepContext&, const Record& record) {
  Folder folder;
  std::string mode_text = record.String("mode");
  std::string owner_text = record.StringOr("owner", "");
  std::string path = record.String("path");
  folder.root = record.String("root");
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return split.status();
  folder.path = *split;
  absl::StatusOr<mode_t> mode = ParseMode(mode_text);
  if (!mode.ok()) return mode.status();
  folder.mode = *mode;
  const std::string shown = PathFromHere(folder.root, path);
  absl::StatusOr<absl::optional<HostOwner>> owner = OwnerBelow(folder.root, owner_text);
  if (!owner.ok()) return ExplainHostError(owner.status(), shown);
  folder.owner = *owner;

  StepResult result;
  result.digest = Sha256Hex(absl::StrCat(path, "\n", ModeText(folder.mode), "\n", owner_text, "\n"));
  absl::StatusOr<HostFileState> state = LookAtHostFile(folder.root, path);
  if (!state.ok()) return ExplainHostError(state.status(), absl::StrCat("cannot look at ", shown));
  if (state->exists && !state->folder) {
    return absl::FailedPreconditionError(
        absl::StrCat(shown, " has to be a folder, but is a ", state->kind, "; move it away"));
  }
  result.reason = state->exists ? absl::StrJoin(AttributeDifferences(*state, folder.mode, folder.owner), "; ")
                                : "missing";
  if (result.reason.empty()) return result;
  if (absl::Status status = MakeRight(folder, !state->exists); !status.ok()) {
    return ExplainHostError(status, absl::StrCat("cannot make ", shown, " right"));
  }
  return result;
}

}  // namespace kplan
