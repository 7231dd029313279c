// The files of a host that say who is trusted, while a CA is exchanged (step/trust_records.h): what is in
// them, and others in their place. A file goes the way of any other: beside its place, where its service is
// running with another one and has to be restarted for it (host/waiting_file.h).

#include "src/steps/files/trust_part.h"

#include <errno.h>
#include <fcntl.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/install_file.h"
#include "src/host/waiting_file.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/files/file_checked.h"

namespace kplan {
namespace {

// Debian's list of all public CAs is 220 kB.
constexpr size_t kMostOfTrust = 1 << 20;

absl::StatusOr<std::string> ReadTrust(const std::string& root, const std::string& path) {
  absl::StatusOr<HostFileState> state = LookAtHostFile(root, path);
  if (!state.ok()) return state.status();
  if (!state->exists) return std::string();
  if (absl::Status status = MayReplace(*state); !status.ok()) return status;
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return split.status();
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, split->folder, /*create=*/false);
  if (!folder.ok()) return folder.status();
  const UniqueFd fd(
      disk::OpenAt(folder->get(), split->name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot read it");
  std::string text(kMostOfTrust + 1, '\0');
  absl::StatusOr<size_t> n = ReadBlock(fd.get(), 0, &text);
  if (!n.ok()) return n.status();
  if (*n > kMostOfTrust) return absl::FailedPreconditionError("it is larger than 1 MiB");
  text.resize(*n);
  if (absl::StrContains(text, "PRIVATE KEY"))
    return absl::FailedPreconditionError("it holds a private key, and is to hold certificates of CAs");
  return text;
}

}  // namespace

absl::StatusOr<TrustAnswer> AnswerTrust(const TrustQuestion& question) {
  TrustAnswer answer;
  for (const std::string& path : question.paths) {
    absl::StatusOr<std::string> text = ReadTrust(question.root, path);
    if (!text.ok()) return InFront(PathFromHere(question.root, path), text.status());
    answer.files.push_back({*std::move(text), HasWaiting(question.root, path)});
  }
  return answer;
}

absl::StatusOr<StepResult> TrustPartStep(const StepContext&, const TrustPartRecord& part) {
  FileFields file;
  file.from = "the CAs that are trusted";
  file.root = part.root;
  file.path = part.path;
  file.mode = part.mode;
  file.owner = part.owner;
  file.waits_for = part.waits_for;
  return FileOfText(file, part.certificates);
}

absl::StatusOr<Outlook> TrustPartLook(const LookContext&, const TrustPartRecord&) {
  return absl::UnimplementedError("what is put into a file of CAs meanwhile is no step of a plan");
}

}  // namespace kplan
