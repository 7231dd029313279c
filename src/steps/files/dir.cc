// A folder on a host, also one that links of root's lead to (base/followed_path.h): that it is there, its
// mode and its owner. What is inside is never touched. With any_owner whoever owns it owns it: systemd gives
// a StateDirectory away with all that is in it when the folder is not the service's, and would leave what is
// in it alone if the folder had been given away before.
//
// A folder is never among the files of the result: ninja would compare its time, which changes with every
// file that its service makes in it. That one is gone, or has another mode, is seen by `gen`, which looks at
// the folders.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/followed_path.h"
#include "src/host/host_file.h"
#include "src/host/host_owner.h"
#include "src/host/may_write.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/files/delivery.h"
#include "src/systemd/missing_mount.h"

namespace kplan {
namespace {

struct Folder {
  DirRecord record;
  FollowedPath place = {};  // of it, behind links
  HostPath split = {};      // of that
  mode_t mode = 0;
  std::optional<HostOwner> owner = {};

  std::string shown() const { return PathFromHere(record.root, place.path); }
  // The digest of what is asked for. Nobody else depends on more of what is there.
  std::string Digest() const {
    return Sha256Hex(absl::StrCat(record.path, "\n", ModeText(mode), "\n",
                                  record.any_owner ? "any-owner" : record.owner, "\n"));
  }
};

// Makes the folder when it is missing and opens it, itself not followed when it is a link.
absl::StatusOr<UniqueFd> MakeAndOpen(const Folder& folder, bool missing) {
  absl::StatusOr<UniqueFd> parent =
      OpenFolderBelow(folder.record.root, folder.split.folder, /*create=*/missing);
  if (!parent.ok()) return parent.status();
  const char* name = folder.split.name.c_str();
  // With no more rights than the final ones from the start; the umask takes away more, which MakeRight mends.
  if (missing && mkdirat(parent->get(), name, folder.mode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "cannot make the folder");
  }
  UniqueFd fd(disk::OpenAt(parent->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot open the folder");
  if (missing && disk::Sync(parent->get()) != 0) return ErrnoStatus(errno, "cannot sync the parent folder");
  return fd;
}

absl::Status MakeRight(const Folder& folder, bool missing) {
  absl::StatusOr<UniqueFd> fd = MakeAndOpen(folder, missing);
  if (!fd.ok()) return fd.status();
  if (absl::Status status = GiveTo(folder.owner, fd->get()); !status.ok()) return status;
  if (fchmod(fd->get(), folder.mode) != 0) return ErrnoStatus(errno, "cannot set the mode");
  return absl::OkStatus();
}

// Without its owner's number, which its host knows.
absl::StatusOr<Folder> ReadRecord(const DirRecord& record) {
  Folder folder{record};
  absl::StatusOr<HostPath> split = SplitHostPath(record.path);
  if (!split.ok()) return split.status();
  folder.place.path = record.path;
  folder.split = *split;
  absl::StatusOr<mode_t> mode = ParseMode(record.mode);
  if (!mode.ok()) return mode.status();
  folder.mode = *mode;
  return folder;
}

absl::StatusOr<Folder> ReadFolder(const DirRecord& record) {
  absl::StatusOr<Folder> folder = ReadRecord(record);
  if (!folder.ok()) return folder;
  absl::StatusOr<FollowedPath> place = FollowLinks(record.root, record.path);
  if (!place.ok()) return ExplainHostError(place.status(), absl::StrCat("cannot look at ", folder->shown()));
  absl::StatusOr<HostPath> split = SplitHostPath(place->path);
  if (!split.ok()) return split.status();
  folder->place = *std::move(place);
  folder->split = *split;
  if (record.any_owner) return folder;
  absl::StatusOr<std::optional<HostOwner>> owner = OwnerBelow(record.root, record.owner);
  if (!owner.ok()) return ExplainHostError(owner.status(), folder->shown());
  folder->owner = *owner;
  return folder;
}

struct Found {
  bool missing = false;
  std::vector<Reason> reasons;
  std::vector<Change> changes;
};

absl::StatusOr<Found> LookAtFolder(const Folder& folder) {
  if (absl::Status status = CheckMounted(folder.record.root, folder.place.path); !status.ok()) return status;
  absl::StatusOr<HostFileState> state = LookAtHostFile(folder.record.root, folder.place.path);
  if (!state.ok()) {
    return ExplainHostError(state.status(), absl::StrCat("cannot look at ", folder.shown()));
  }
  if (state->exists && !state->folder) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder.shown(), " has to be a folder, but is a ", state->kind, "; move it away"));
  }
  Found found;
  found.missing = !state->exists;
  if (found.missing) {
    found.reasons.push_back({"missing", "missing"});
  } else {
    AddAttributes(AttributeDifferences(*state, folder.mode, folder.owner), "", &found.reasons,
                  &found.changes);
  }
  return found;
}

absl::Status Explain(const Folder& folder, const absl::Status& status) {
  return ExplainHostError(status, absl::StrCat("cannot make ", folder.shown(), " right"));
}

// Whether who runs this may do what FOUND asks for.
absl::Status CheckMay(const Folder& folder, const Found& found) {
  const WriteDeed deed = found.missing ? WriteDeed::kMake : WriteDeed::kSet;
  absl::Status status = CheckMayWrite(deed, folder.record.root, folder.place.path, folder.owner);
  return status.ok() ? status : Explain(folder, status);
}

}  // namespace

absl::StatusOr<StepResult> DirStep(const StepContext& context, const DirRecord& record) {
  absl::StatusOr<Folder> folder = ReadFolder(record);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<Found> found = LookAtFolder(*folder);
  if (!found.ok()) return found.status();
  StepResult result;
  result.digest = folder->Digest();
  if (!folder->place.links.empty())
    result.output = absl::StrCat(context.label, ": ", folder->place.links, "\n");
  result.reason = Join(found->reasons);
  if (result.reason.empty()) return result;
  if (absl::Status status = CheckMay(*folder, *found); !status.ok()) return status;
  if (absl::Status status = MakeRight(*folder, found->missing); !status.ok()) return Explain(*folder, status);
  return result;
}

absl::StatusOr<Outlook> DirLook(const LookContext&, const DirRecord& record) {
  absl::StatusOr<Folder> folder = ReadFolder(record);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<Found> found = LookAtFolder(*folder);
  if (!found.ok()) return found.status();
  if (!found->reasons.empty()) {
    if (absl::Status status = CheckMay(*folder, *found); !status.ok()) return status;
  }
  Outlook outlook;
  outlook.reasons = std::move(found->reasons);
  outlook.changes = std::move(found->changes);
  outlook.changes_digest = found->missing;
  outlook.digest = folder->Digest();
  outlook.note = folder->place.links;
  if (!outlook.reasons.empty() && folder->owner.has_value()) {
    ForeseenFile right;
    right.folder = PlaceRights{folder->mode, *folder->owner, {}};
    // As those call it who ask for it.
    outlook.files.emplace_back(PathFromHere(record.root, record.path), std::move(right));
  }
  return outlook;
}

absl::StatusOr<Delivery> DirDelivery(const LookContext&, const DirRecord& record) {
  absl::StatusOr<Folder> folder = ReadRecord(record);
  if (!folder.ok()) return folder.status();
  Delivery delivery;
  delivery.digest = folder->Digest();
  return delivery;
}

absl::StatusOr<Standing> DirStanding(const DirRecord& record) {
  absl::StatusOr<Folder> folder = ReadFolder(record);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<Found> found = LookAtFolder(*folder);
  if (!found.ok()) return found.status();
  Standing standing;
  standing.reasons = std::move(found->reasons);
  if (!found->missing) standing.digest = folder->Digest();
  return standing;
}

absl::Status CheckMayPutDir(const DirRecord& record) {
  absl::StatusOr<Folder> folder = ReadFolder(record);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<Found> found = LookAtFolder(*folder);
  return found.ok() ? CheckMay(*folder, *found) : found.status();
}

}  // namespace kplan
