// kplan restore: gives the etcd of the plan the data of a snapshot.

#include "src/etcd/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/etcd/member_health.h"
#include "src/etcd/planned_etcd.h"
#include "src/etcd/snapshot_file.h"
#include "src/host/run_lock.h"
#include "src/remote/plan_hosts.h"

namespace kplan {
namespace {

// A file of the current folder with the content of FILE, which may lie anywhere; removed with the object when
// it had to be made.
class SnapshotHere {
 public:
  static absl::StatusOr<SnapshotHere> Of(const std::string& file) {
    std::error_code error;
    const std::filesystem::path here = std::filesystem::current_path(error);
    if (error) return ErrnoStatus(error.value(), "cannot tell the current folder");
    const std::string relative =
        std::filesystem::path(file).lexically_normal().lexically_proximate(here).string();
    SnapshotHere snapshot;
    if (IsPlainPath(relative) && relative[0] != '/' && !absl::StartsWith(relative, "../")) {
      snapshot.path_ = relative;
      return snapshot;
    }
    const std::string copy = absl::StrCat(paths::kState, "/restore.db");
    if (absl::Status status = Copy(file, copy); !status.ok()) return status;
    snapshot.path_ = snapshot.made_ = copy;
    return snapshot;
  }
  SnapshotHere(SnapshotHere&& other) noexcept : path_(std::move(other.path_)) { made_.swap(other.made_); }
  ~SnapshotHere() {
    if (!made_.empty()) unlink(made_.c_str());
  }

  const std::string& path() const { return path_; }

 private:
  SnapshotHere() = default;

  static absl::Status Copy(const std::string& from, const std::string& to) {
    UniqueFd in(disk::Open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!in.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", from));
    absl::StatusOr<UniqueFd> folder = OpenFolder(FolderOf(to));
    if (!folder.ok()) return folder.status();
    absl::StatusOr<PendingFile> out = PendingFile::Create(folder->get(), to.substr(to.rfind('/') + 1), 0600);
    if (!out.ok()) return out.status();
    std::string block(1 << 20, '\0');
    for (;;) {
      const ssize_t n = disk::Read(in.get(), &block[0], block.size());
      if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", from));
      if (n == 0) return out->CommitUnsynced();
      absl::Status status = out->Append(absl::string_view(block).substr(0, static_cast<size_t>(n)));
      if (!status.ok()) return status;
    }
  }

  std::string path_, made_;
};

void Say(const std::string& line) {
  PrintText(absl::StrCat(line, "\n"));
  FlushOutput();
}

}  // namespace

int RestoreCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("restore", arguments)) return kExitUsage;
  std::error_code error;
  const std::string file = std::filesystem::canonical(options.operands()[0], error).string();
  if (error)
    return Fail(ErrnoStatus(error.value(), absl::StrCat("cannot open ", options.operands()[0])).message());
  const std::string folder = options.Value("-C");
  if (absl::Status status = folder.empty() ? absl::OkStatus() : EnterFolder(folder); !status.ok())
    return Fail(status.message());

  PlanHosts hosts;
  absl::StatusOr<RestorePlan> plan = ReadRestoreRecords(options.Value("--etcd"), &hosts);
  if (!plan.ok()) return Fail(plan.status().message());
  // No step of ninja's may start what is stopped here.
  absl::StatusOr<RunLock> lock = RunLock::Exclusive("kplan restore");
  if (!lock.ok()) return Fail(lock.status().message());
  absl::StatusOr<SnapshotHere> here = SnapshotHere::Of(file);
  if (!here.ok()) return Fail(here.status().message());
  absl::StatusOr<SnapshotInfo> snapshot =
      CheckSnapshot(SnapshotProgram(plan->cluster.etcdctl.program), here->path());
  if (!snapshot.ok()) return Fail(absl::StrCat("nothing was touched: ", snapshot.status().message()));
  Say(absl::StrCat(options.operands()[0], ": ", snapshot->Describe()));

  plan->snapshot_name = file;
  plan->unchecked = options.Has("--unchecked");
  if (absl::Status status = plan->unchecked ? absl::OkStatus() : CheckComparable(*plan, *snapshot);
      !status.ok())
    return Fail(absl::StrCat("nothing was touched: ", status.message()));
  absl::StatusOr<RestoreLook> look = LookBeforeRestore(*plan, &hosts);
  if (!look.ok()) return Fail(look.status().message());
  const std::string replaced = WhatRestoreReplaces(*plan, *look, *snapshot);
  if (!replaced.empty() && !options.Has("--yes")) {
    return Fail(
        absl::StrCat("nothing was touched: there is data that would be replaced:\n", replaced,
                     "--yes does it; what is there now stays beside it, as DATA.before-restore-TIME"));
  }
  if (!replaced.empty()) Say(absl::StrCat("replaces:\n", replaced.substr(0, replaced.size() - 1)));
  absl::StatusOr<std::unique_ptr<ClusterView>> view = OpenClusterView(plan->cluster);
  if (!view.ok()) return Fail(view.status().message());
  if (absl::Status status = ForgetEtcdStamps(plan->cluster); !status.ok()) return Fail(status.message());
  if (absl::Status status = RestoreCluster(*plan, *snapshot, &hosts, view->get(), Say); !status.ok())
    return Fail(status.message());
  Say("restored; run ninja, which verifies it");
  return kExitDone;
}

}  // namespace kplan
