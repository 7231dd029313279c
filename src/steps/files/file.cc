// A file of the working folder, put on a host: content, mode and owner. It is replaced whole, by a rename,
// whatever differs: so a running binary is no obstacle, and whoever had the old file open for writing has the
// old file. Or it is put beside its place, until the service that it is for is restarted (placement.h).

#include <errno.h>
#include <sys/mman.h>

#include <utility>

#include "absl/functional/function_ref.h"
#include "src/base/digest.h"
#include "src/base/fd.h"
#include "src/base/files.h"
#include "src/host/install_file.h"
#include "src/host/waiting_file.h"
#include "src/step/step.h"
#include "src/steps/files/file_checked.h"
#include "src/steps/files/file_compare.h"

namespace kplan {
namespace {

// Writes the content of SOURCE to TARGET; returns its digest.
absl::StatusOr<std::string> Put(const InstallSource& source, const InstallTarget& target) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(target.root, target.split.folder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file = StageFile(folder->get(), target.split.name, target);
  if (!file.ok()) return file.status();
  Sha256Stream digest;
  absl::Status status = ForEachBlock(source, [&](absl::string_view block, off_t) -> absl::StatusOr<bool> {
    digest.Update(block);
    if (absl::Status status = file->Append(block); !status.ok()) return status;
    return true;
  });
  if (status.ok()) status = file->Commit();
  if (!status.ok()) return status;
  return digest.FinishHex();
}

// CONTENT as a file that has no name.
absl::StatusOr<InstallSource> SourceOfText(const std::string& content) {
  InstallSource source;
  source.name = "what is installed";
  source.fd = UniqueFd(memfd_create("kplan", MFD_CLOEXEC));
  source.size = static_cast<off_t>(content.size());
  if (!source.fd.ok()) return ErrnoStatus(errno, "cannot keep what is installed");
  if (absl::Status status = WriteAll(source.fd.get(), content, source.name); !status.ok()) return status;
  return source;
}

absl::StatusOr<StepResult> Install(const FileFields& record, const absl::StatusOr<NewContent>& content,
                                   absl::FunctionRef<absl::Status(const InstallSource& source)> check) {
  absl::StatusOr<InstallTarget> target = InstallTargetOf(record);
  if (!target.ok()) return target.status();
  if (!content.ok()) return content.status();
  absl::StatusOr<FoundFile> found = CompareFile(record, *target, *content);
  if (!found.ok()) return found.status();
  StepResult result;
  result.files = {target->shown()};
  result.reason = Join(found->reasons);
  if (found->WillWait()) result.waiting = BesideOf(*target).shown();
  const Placement placement = found->placement;
  absl::StatusOr<std::string> digest = found->digest;
  absl::Status status;
  if (placement.where != Placement::kLeave) status = check(*content->source);
  if (!status.ok()) return InFront(DoingInstall(record), status);
  status = CheckMayPlace(record, *target, placement);
  if (!status.ok()) return status;
  // First: what waits would take the place of what is written now.
  if (placement.take_away) status = RemoveWaiting(target->root, target->path);
  if (!status.ok()) return status;
  if (placement.where != Placement::kLeave)
    digest = Put(*content->source, placement.where == Placement::kWait ? BesideOf(*target) : *target);
  if (!digest.ok()) return ExplainHostError(digest.status(), DoingInstall(record));
  result.digest = record.secret ? content->public_digest : *digest;
  return result;
}

}  // namespace

absl::StatusOr<StepResult> FileChecked(const FileFields& record,
                                       absl::FunctionRef<absl::Status(const InstallSource& source)> check) {
  return Install(record, NewContent::Open(record, nullptr), check);
}

absl::StatusOr<StepResult> FileOfText(const FileFields& record, const std::string& content) {
  absl::StatusOr<InstallSource> source = SourceOfText(content);
  if (!source.ok()) return source.status();
  NewContent kept;
  kept.source = *std::move(source);
  return Install(record, std::move(kept), [](const InstallSource&) { return absl::OkStatus(); });
}

absl::StatusOr<StepResult> FileStep(const StepContext&, const FileRecord& record) {
  return FileChecked(record, [](const InstallSource&) { return absl::OkStatus(); });
}

}  // namespace kplan
