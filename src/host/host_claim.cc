#include "src/host/host_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/host/host_file.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"

namespace kplan {
namespace {

constexpr char kFolder[] = "/run/kplan";

struct ClaimFile {
  std::string boot, holder;
  int64_t until = 0;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("boot", self.boot);
    fields.Always("holder", self.holder);
    fields.Always("until", self.until);
  }
};

int64_t SecondsSinceBoot() {
  struct timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

// It becomes a part of a file's name.
absl::StatusOr<std::string> NameOf(const std::string& cluster) {
  if (cluster.empty() || !OnlyAlnumAnd(cluster, ""))
    return absl::InvalidArgumentError(absl::StrCat("a cluster has no id as ", Quote(cluster)));
  return absl::StrCat("etcd-", cluster, ".claim");
}

// Nothing where there is none, or what is there is none: a torn file is no claim.
std::optional<HostClaim> ReadClaim(const std::string& root, const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(root == "/" ? "" : root, kFolder, "/", name));
  if (!text.ok()) return std::nullopt;
  absl::StatusOr<Json> json = ParseRecord(*text);
  if (!json.ok()) return std::nullopt;
  absl::StatusOr<ClaimFile> file = FromJson<ClaimFile>(*json);
  if (!file.ok()) return std::nullopt;
  return HostClaim{file->holder, file->boot, file->until};
}

}  // namespace

ClaimState StateOfClaim(const std::optional<HostClaim>& claim, absl::string_view holder,
                        absl::string_view gone, absl::string_view boot, int64_t now) {
  if (!claim.has_value() || claim->boot != boot || claim->until <= now) return ClaimState::kFree;
  if (claim->holder == holder) return ClaimState::kOurs;
  return claim->holder == gone ? ClaimState::kFree : ClaimState::kTaken;
}

absl::StatusOr<ClaimResult> TakeHostClaim(const std::string& root, const std::string& cluster,
                                          const std::string& holder, const std::string& gone,
                                          int64_t seconds) {
  absl::StatusOr<std::string> name = NameOf(cluster);
  if (!name.ok()) return name.status();
  absl::StatusOr<UniqueFd> lock = LockService(root, *name);
  if (!lock.ok()) return lock.status();
  const std::optional<HostClaim> claim = ReadClaim(root, *name);
  const std::string boot = BootId();
  const int64_t now = SecondsSinceBoot();
  ClaimResult result;
  result.before = StateOfClaim(claim, holder, gone, boot, now);
  result.holder = result.before == ClaimState::kTaken ? claim->holder : holder;
  if (result.before == ClaimState::kTaken) return result;
  ClaimFile content;
  content.boot = boot;
  content.holder = holder;
  content.until = now + seconds;
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, kFolder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file = PendingFile::Create(folder->get(), *name, 0644);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(absl::StrCat(ToText(content), "\n")); !status.ok()) return status;
  if (absl::Status status = file->Commit(); !status.ok()) return status;
  return result;
}

absl::Status DropHostClaim(const std::string& root, const std::string& cluster, const std::string& holder) {
  absl::StatusOr<std::string> name = NameOf(cluster);
  if (!name.ok()) return name.status();
  absl::StatusOr<UniqueFd> lock = LockService(root, *name);
  if (!lock.ok()) return lock.status();
  const std::optional<HostClaim> claim = ReadClaim(root, *name);
  if (!claim.has_value() || claim->holder != holder) return absl::OkStatus();
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, kFolder, /*create=*/false);
  if (!folder.ok()) return folder.status();
  if (unlinkat(folder->get(), name->c_str(), 0) != 0 && errno != ENOENT)
    return ErrnoStatus(errno, absl::StrCat("cannot remove ", *name));
  return absl::OkStatus();
}

}  // namespace kplan
