// render: {"content":"...","kind":"render","path":"rendered/worker/etc/systemd/system/etcd.service"}
// Text that `gen` worked out, as a file (mode 0644) in the working folder.

#include <errno.h>
#include <sys/stat.h>

#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/host_file.h"
#include "src/steps/step.h"

namespace kplan {
namespace {

constexpr mode_t kMode = 0644;

// Why PATH has to be written; empty when it is a file of that content and mode.
absl::StatusOr<std::string> WhatDiffers(const std::string& path, const std::string& content) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::string("missing");
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a folder, and kplan has to write a file there; move it away"));
  }
  if (!S_ISREG(info.st_mode)) return std::string("was no regular file");
  if (static_cast<size_t>(info.st_size) != content.size()) return std::string("content differs");
  absl::StatusOr<std::string> old = ReadFile(path);
  if (!old.ok()) return old.status();
  if (*old != content) return std::string("content differs");
  if ((info.st_mode & 07777) == kMode) return std::string();
  return absl::StrCat("mode was ", ModeText(info.st_mode), ", is ", ModeText(kMode));
}

}  // namespace

absl::StatusOr<StepResult> RenderStep(const StepContext&, const Record& record) {
  std::string content = record.String("content");
  std::string path = record.String("path");
  if (absl::Status status = record.status(); !status.ok()) return status;

  StepResult result;
  result.digest = Sha256Hex(content);
  result.files = {path};
  absl::StatusOr<std::string> reason = WhatDiffers(path, content);
  if (!reason.ok()) return reason.status();
  result.reason = *reason;
  if (result.reason.empty()) return result;
  if (absl::Status status = WriteFile(path, content, kMode); !status.ok()) {
    return ExplainHostError(status, "cannot render");
  }
  return result;
}

}  // namespace kplan
