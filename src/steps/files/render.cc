// Text that `gen` worked out, as a file in the working folder. It may be a secret (base/secret_content.h),
// and all of it is for its owner alone: what is for others is on the host.

#include <errno.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/private_folder.h"
#include "src/host/host_file.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {
namespace {

constexpr mode_t kMode = kPrivateFile;

// Why the file has to be written; no value when it is as it should be.
absl::StatusOr<std::optional<Reason>> WhatDiffers(const RenderRecord& record) {
  const std::string &path = record.path, &content = record.content;
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Reason{"missing", "missing"};
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a folder, and kplan has to write a file there; move it away"));
  }
  if (!S_ISREG(info.st_mode)) return Reason{"content", "was no regular file"};
  const Reason other_content = {"content", "content differs"};
  if (static_cast<size_t>(info.st_size) != content.size()) return other_content;
  absl::StatusOr<std::string> old = ReadFile(path);
  if (!old.ok()) return old.status();
  if (*old != content) return other_content;
  if ((info.st_mode & 07777) == kMode) return std::optional<Reason>();
  return Reason{"mode", absl::StrCat("mode was ", ModeText(info.st_mode), ", is ", ModeText(kMode))};
}

absl::Status Write(const RenderRecord& record) {
  const std::string top = record.path.substr(0, record.path.find('/'));
  if (top != record.path) {
    if (absl::Status status = MakePrivateFolder(top); !status.ok()) return status;
  }
  if (absl::Status status = WriteFile(record.path, record.content, kMode); !status.ok()) return status;
  return top == record.path ? absl::OkStatus() : GiveToOwnerOf(top, record.path);
}

}  // namespace

absl::StatusOr<StepResult> RenderStep(const StepContext&, const RenderRecord& record) {
  absl::StatusOr<std::optional<Reason>> reason = WhatDiffers(record);
  if (!reason.ok()) return reason.status();
  StepResult result;
  result.digest = Sha256Hex(record.content);
  result.files = {record.path};
  if (!reason->has_value()) return result;
  result.reason = (*reason)->text;
  if (absl::Status status = Write(record); !status.ok()) return ExplainHostError(status, "cannot render");
  return result;
}

// What differs is told where the text goes, by the look of the step that installs it.
absl::StatusOr<Outlook> RenderLook(const LookContext&, const RenderRecord& record) {
  absl::StatusOr<std::optional<Reason>> reason = WhatDiffers(record);
  if (!reason.ok()) return reason.status();
  Outlook outlook;
  outlook.digest = Sha256Hex(record.content);
  if (!reason->has_value()) return outlook;
  outlook.changes_digest = (*reason)->name != "mode";
  outlook.reasons.push_back(**std::move(reason));
  ForeseenFile file;
  file.content = record.content;
  outlook.files.emplace_back(record.path, std::move(file));
  return outlook;
}

}  // namespace kplan
