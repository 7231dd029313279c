// A system user and the group of its name, made by systemd-sysusers from a file (sysusers.d(5)), which a step
// before has put there. A user of that name that is there already is taken as it is, whoever made it; only
// root is refused, and a user without a group of its name.
//
// /etc/passwd is not among the files of the result: it changes with every account. That a user is gone is
// seen by `gen`, which looks.

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"
#include "src/host/host_file.h"
#include "src/host/host_owner.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {
namespace {

// No value when there is no such user, or no group of its name.
absl::StatusOr<std::optional<HostOwner>> FindUser(const UserRecord& user) {
  AccountFiles files;
  if (user.root != "/") {
    files.passwd = PathFromHere(user.root, files.passwd);
    files.group = PathFromHere(user.root, files.group);
    files.here = false;
  }
  absl::StatusOr<HostOwner> found = LookUpOwner(absl::StrCat(user.name, ":", user.name), files);
  if (absl::IsNotFound(found.status())) return std::optional<HostOwner>();
  if (!found.ok()) return found.status();
  if (found->uid == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the user ", user.name, " is root (its number is 0); name another one"));
  }
  return std::optional<HostOwner>(*found);
}

std::string DigestOfUser(const UserRecord& user, const HostOwner& owner) {
  return Sha256Hex(absl::StrCat(user.name, ":", owner.uid, ":", owner.gid));
}

absl::Status MakeUser(const UserRecord& user) {
  // A name that is not absolute is one of the folders that it searches.
  std::error_code error;
  const std::string root = std::filesystem::canonical(user.root, error).string();
  if (error) {
    return absl::FailedPreconditionError(absl::StrCat("the host's root ", user.root, ": ", error.message()));
  }
  std::vector<std::string> command = {"systemd-sysusers"};
  if (root != "/") command.push_back(absl::StrCat("--root=", root));
  command.push_back(PathFromHere(root, user.file));
  absl::StatusOr<RunResult> result = Run(command);
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no systemd-sysusers here to make the user ", user.name));
  }
  if (!result.ok()) return result.status();
  if (result->ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot make the user ", user.name, ": systemd-sysusers failed: ", FailureOf(*result)));
}

}  // namespace

absl::StatusOr<StepResult> UserStep(const StepContext&, const UserRecord& user) {
  if (absl::Status status = SplitHostPath(user.file).status(); !status.ok()) return status;
  absl::StatusOr<std::optional<HostOwner>> found = FindUser(user);
  if (!found.ok()) return found.status();
  StepResult result;
  if (!found->has_value()) {
    result.reason = "missing";
    if (absl::Status status = MakeUser(user); !status.ok()) return status;
    found = FindUser(user);
    if (!found.ok()) return found.status();
    if (!found->has_value()) {
      return absl::FailedPreconditionError(absl::StrCat("systemd-sysusers made no user ", user.name,
                                                        " with a group of that name; what it was told is in ",
                                                        PathFromHere(user.root, user.file)));
    }
  }
  result.digest = DigestOfUser(user, **found);
  return result;
}

absl::StatusOr<Outlook> UserLook(const LookContext&, const UserRecord& user) {
  if (absl::Status status = SplitHostPath(user.file).status(); !status.ok()) return status;
  absl::StatusOr<std::optional<HostOwner>> found = FindUser(user);
  if (!found.ok()) return found.status();
  Outlook outlook;
  if (found->has_value()) {
    outlook.digest = DigestOfUser(user, **found);
    return outlook;
  }
  outlook.reasons.push_back({"missing", "missing"});
  outlook.changes_digest = true;
  return outlook;
}

}  // namespace kplan
