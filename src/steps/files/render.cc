// render: {"content":"...","kind":"render","path":"rendered/worker/etc/systemd/system/etcd.service"}
// Text that `gen` worked out, as a file (mode 0644) in the working folder.

#include <errno.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {
namespace {

constexpr mode_t kMode = 0644;

// Why PATH has to be written; no value when it is a file of that content and mode.
absl::StatusOr<absl::optional<Reason>> WhatDiffers(const std::string& path, const std::string& content) {
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
  if ((info.st_mode & 07777) == kMode) return absl::optional<Reason>();
  return Reason{"mode", absl::StrCat("mode was ", ModeText(info.st_mode), ", is ", ModeText(kMode))};
}

struct Rendered {
  std::string content, path;
  absl::optional<Reason> reason;
};

absl::StatusOr<Rendered> LookAtRendered(const Record& record) {
  Rendered rendered;
  rendered.content = record.String("content");
  rendered.path = record.String("path");
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<absl::optional<Reason>> reason = WhatDiffers(rendered.path, rendered.content);
  if (!reason.ok()) return reason.status();
  rendered.reason = *std::move(reason);
  return rendered;
}

}  // namespace

absl::StatusOr<StepResult> RenderStep(const StepContext&, const Record& record) {
  absl::StatusOr<Rendered> rendered = LookAtRendered(record);
  if (!rendered.ok()) return rendered.status();
  StepResult result;
  result.digest = Sha256Hex(rendered->content);
  result.files = {rendered->path};
  if (!rendered->reason.has_value()) return result;
  result.reason = rendered->reason->text;
  if (absl::Status status = WriteFile(rendered->path, rendered->content, kMode); !status.ok()) {
    return ExplainHostError(status, "cannot render");
  }
  return result;
}

// What differs is told where the text goes, by the look of the step that installs it.
absl::StatusOr<Outlook> RenderLook(const LookContext&, const Record& record) {
  absl::StatusOr<Rendered> rendered = LookAtRendered(record);
  if (!rendered.ok()) return rendered.status();
  Outlook outlook;
  outlook.digest = Sha256Hex(rendered->content);
  if (!rendered->reason.has_value()) return outlook;
  outlook.changes_digest = rendered->reason->name != "mode";
  outlook.reasons.push_back(*std::move(rendered->reason));
  ForeseenFile file;
  file.content = std::move(rendered->content);
  outlook.files.emplace_back(std::move(rendered->path), std::move(file));
  return outlook;
}

}  // namespace kplan
