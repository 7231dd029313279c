#include "src/prune/prune.h"

// The removal. What becomes of a leftover is decided in prune_decision.cc.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/host/host_file.h"
#include "src/host/waiting_file.h"
#include "src/look/holdings.h"
#include "src/prune/leftover_check.h"
#include "src/prune/leftover_state.h"
#include "src/prune/prune_decision.h"
#include "src/steps/service/service_retire.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

constexpr char kMarkerFolder[] = "/run/kplan";

// Removals reach the disk before the notes of them go: one sync a file system.
class Disks {
 public:
  void Changed(int fd) {
    struct stat info;
    if (fstat(fd, &info) != 0 || fds_.count(info.st_dev) > 0) return;
    UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (own.ok()) fds_.emplace(info.st_dev, std::move(own));
  }
  absl::Status Sync() {
    for (const auto& [unused, fd] : fds_) {
      if (disk::SyncFileSystem(fd.get()) != 0) return ErrnoStatus(errno, "cannot sync the disk");
    }
    return absl::OkStatus();
  }

 private:
  std::map<dev_t, UniqueFd> fds_;
};

bool IsNothing(int error) { return error == ENOENT || error == ENOTDIR; }

class Remover {
 public:
  explicit Remover(Disks* disks) : disks_(disks) {}

  absl::Status Remove(const Leftover& leftover) {
    // Somebody has removed it where it was.
    if (leftover.over_ssh()) return absl::OkStatus();
    if (IsService(leftover)) return Retire(leftover);
    if (std::holds_alternative<PairRecord>(leftover.made_by)) {
      if (absl::Status status = SettlePair(leftover); !status.ok()) return status;
    }
    for (const Holding& holding : HoldingsOf(leftover.made_by)) {
      absl::Status status = holding.kind == Holding::Kind::kUnpacked ? RemoveUnpacked(leftover, holding)
                            : holding.on_host()                      ? RemoveOnHost(holding)
                                                                     : RemoveFile(holding.path);
      if (!status.ok()) return status;
    }
    absl::string_view name = leftover.label;
    if (absl::ConsumePrefix(&name, absl::StrCat("unit/", leftover.host, "/")) &&
        IsRealRoot(RootOf(leftover))) {
      return ForgetUnit(std::string(name));
    }
    return absl::OkStatus();
  }

 private:
  bool IsRealRoot(const std::string& root) {
    return names_.Of({Holding::Kind::kHostFolder, root, "/"}) == "/";
  }

  absl::Status Retire(const Leftover& leftover) {
    if (absl::Status status = RetireService(leftover.made_by); !status.ok()) return status;
    RemoveIfEmpty(RootOf(leftover), kMarkerFolder);
    return absl::OkStatus();
  }

  absl::Status SettlePair(const Leftover& leftover) {
    absl::StatusOr<PairSwap> swap = PairOf(leftover);
    if (!swap.ok()) return swap.status();
    absl::StatusOr<PairSwap::State> state = swap->Look();
    if (!state.ok() || !state->left_over) return state.status();
    absl::StatusOr<PendingFile> lock = swap->Lock();
    if (!lock.ok()) return lock.status();
    absl::StatusOr<PairContent> content = swap->Read(*state);
    return content.ok() ? swap->Settle(*state, *content) : content.status();
  }

  absl::Status RemoveOnHost(const Holding& holding) {
    absl::StatusOr<HostPath> split = SplitHostPath(holding.path);
    if (!split.ok()) return split.status();
    const std::string doing = absl::StrCat("cannot remove ", holding.Shown());
    absl::StatusOr<UniqueFd> folder = OpenFolderBelow(holding.root, split->folder, /*create=*/false);
    if (absl::IsNotFound(folder.status())) return absl::OkStatus();
    if (!folder.ok()) return ExplainHostError(folder.status(), doing);
    if (holding.kind == Holding::Kind::kHostFile) {
      if (absl::Status status = RemoveWaiting(holding.root, holding.path); !status.ok()) return status;
    }
    const int flags = holding.kind == Holding::Kind::kHostFolder ? AT_REMOVEDIR : 0;
    if (unlinkat(folder->get(), split->name.c_str(), flags) != 0 && errno != ENOENT) {
      return ExplainHostError(ErrnoStatus(errno, split->name), doing);
    }
    disks_->Changed(folder->get());
    if (IsEtcdConfig(split->folder)) RemoveIfEmpty(holding.root, split->folder);
    return absl::OkStatus();
  }

  // Where an etcd's certificates are, when nobody says.
  static bool IsEtcdConfig(absl::string_view folder) {
    const std::string first = paths::on_host::EtcdConfig("etcd");
    return folder == first || absl::StartsWith(folder, absl::StrCat(first, "-"));
  }

  // A folder that kplan makes, as long as the root is one of ours: in / others may count on it.
  void RemoveIfEmpty(const std::string& root, absl::string_view path) {
    if (IsRealRoot(root)) return;
    absl::StatusOr<HostPath> split = SplitHostPath(path);
    absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, split->folder, /*create=*/false);
    // Failing, because it is not empty, is the rule.
    if (folder.ok() && unlinkat(folder->get(), split->name.c_str(), AT_REMOVEDIR) == 0)
      disks_->Changed(folder->get());
  }

  // PATH is below DIR, where folders that are links are the user's own affair.
  absl::Status RemoveFile(const std::string& path) {
    const std::string parent = FolderOf(path);
    struct stat info;
    if (disk::StatAt(AT_FDCWD, absl::StrCat(parent, "/.").c_str(), &info, 0) != 0 && IsNothing(errno)) {
      RemoveEmptyFolders(parent);
      return absl::OkStatus();
    }
    absl::StatusOr<UniqueFd> folder = OpenFolder(parent);
    if (!folder.ok()) return folder.status();
    const std::string name = path.substr(path.rfind('/') + 1);
    if (unlinkat(folder->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", path));
    }
    disks_->Changed(folder->get());
    RemoveEmptyFolders(parent);
    return absl::OkStatus();
  }

  static void RemoveEmptyFolders(std::string folder) {
    while (folder != "." && (rmdir(folder.c_str()) == 0 || IsNothing(errno))) folder = FolderOf(folder);
  }

  absl::Status RemoveUnpacked(const Leftover& leftover, const Holding& holding) {
    const auto* record = std::get_if<UnpackRecord>(&leftover.made_by);
    if (record == nullptr) return absl::DataLossError("the record names no archive");
    UniqueFd folder(disk::Open(holding.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.ok() && IsNothing(errno)) {
      RemoveEmptyFolders(FolderOf(holding.path));
      return absl::OkStatus();
    }
    if (!folder.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", holding.path));
    std::vector<std::string> names;
    for (const auto& [unused, name] : record->members) names.push_back(name);
    // Without it nothing is known of the others, so it goes last.
    names.push_back(".kplan.json");
    for (const std::string& name : names) {
      if (absl::StrContains(name, '/')) return absl::InvalidArgumentError(absl::StrCat(name, " is no name"));
      if (unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return ErrnoStatus(errno, absl::StrCat("cannot remove ", holding.path, "/", name));
    }
    disks_->Changed(folder.get());
    RemoveEmptyFolders(holding.path);
    return absl::OkStatus();
  }

  Disks* disks_;
  HoldingNames names_;
};

// Kplan's own notes of what is gone.
absl::Status ForgetNotes(const Graph& graph, const std::vector<const PruneItem*>& gone) {
  absl::flat_hash_set<absl::string_view> in_plan;
  for (const Step& step : graph.steps()) in_plan.insert(step.label);
  std::map<std::string, absl::flat_hash_set<absl::string_view>> by_shard;
  for (const PruneItem* item : gone) {
    const std::string& label = item->leftover.label;
    // At another place the step is done, and these notes are of that.
    if (in_plan.contains(label)) continue;
    for (const std::string& note : {paths::Stamp(label), paths::Depfile(label)}) {
      if (unlink(note.c_str()) != 0 && !IsNothing(errno))
        return ErrnoStatus(errno, absl::StrCat("cannot remove ", note));
      std::string folder = FolderOf(note);
      while (FolderOf(folder) != paths::kState && (rmdir(folder.c_str()) == 0 || IsNothing(errno))) {
        folder = FolderOf(folder);
      }
    }
    by_shard[item->leftover.host].insert(label);
  }
  for (const auto& [shard, labels] : by_shard) {
    const std::string path = paths::Journal(shard);
    const Journal journal = Journal::Read(path);
    std::vector<const JournalEntry*> rest;
    for (const auto& [label, entry] : journal.entries()) {
      if (!labels.contains(label)) rest.push_back(entry);
    }
    if (rest.size() == journal.entries().size()) continue;
    if (rest.empty()) {
      if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return ErrnoStatus(errno, absl::StrCat("cannot remove ", path));
    } else if (absl::Status status = WriteJournal(path, rest); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Prune(const Graph& graph, const std::vector<PruneItem>& items, const PruneOptions& options,
                   absl::FunctionRef<void(const PruneItem&, const absl::Status&)> done) {
  Disks disks;
  Remover remover(&disks);
  Roots roots(graph);
  std::map<std::string, std::string> running;  // services that did not end, by root
  std::vector<const PruneItem*> gone;
  auto remove = [&](const PruneItem& item) -> absl::Status {
    // Since it was shown, somebody may have worked on it.
    const PruneItem now = ItemOf(item.leftover, options, &roots);
    if (!now.remove) return absl::FailedPreconditionError(now.why);
    if (item.what.empty() && !now.what.empty()) return absl::FailedPreconditionError("it is there again");
    if (!WhyKeptForGood(item.leftover).empty()) return absl::OkStatus();  // gone, but not by us
    // Also of what is gone already: a kill may have come before its empty folder went, or systemd knew of it.
    const Holding first = HoldingsOf(item.leftover.made_by)[0];
    if (first.on_host()) {
      auto found = running.find(roots.NameOf(first));
      if (found != running.end()) return absl::AbortedError(absl::StrCat(found->second, " did not end"));
    }
    absl::Status status = remover.Remove(item.leftover);
    if (!status.ok() && IsService(item.leftover)) running.emplace(roots.NameOf(first), item.leftover.key);
    return status;
  };
  for (const bool services : {true, false}) {
    for (const PruneItem& item : items) {
      if (!item.remove || IsService(item.leftover) != services) continue;
      const absl::Status status = remove(item);
      if (status.ok()) gone.push_back(&item);
      done(item, status);
    }
  }
  if (absl::Status status = disks.Sync(); !status.ok()) return status;
  if (absl::Status status = ForgetNotes(graph, gone); !status.ok()) return status;

  absl::flat_hash_set<absl::string_view> forgotten;
  for (const PruneItem* item : gone) forgotten.insert(item->leftover.key);
  std::vector<Leftover> rest;
  for (const PruneItem& item : items) {
    if (!forgotten.contains(item.leftover.key)) rest.push_back(item.leftover);
  }
  std::sort(rest.begin(), rest.end(), [](const Leftover& a, const Leftover& b) { return a.key < b.key; });
  return WriteLeftovers(rest);
}

absl::Status CheckThatGenHasRun(const Graph& graph) {
  const absl::Status stale = absl::FailedPreconditionError(
      "what is in .kplan is not the plan of this cluster.yaml; run `kplan gen` first");
  absl::flat_hash_set<std::string> wanted;
  for (const Shard& shard : graph.shards()) {
    absl::StatusOr<std::string> text = ReadFile(paths::Shard(shard.name));
    if (!text.ok() || *text != graph.ShardText(shard)) return stale;
    wanted.insert(shard.name);
  }
  absl::StatusOr<std::vector<std::string>> names = ShardsOnDisk();
  if (!names.ok()) return stale;
  const bool others = std::any_of(names->begin(), names->end(),
                                  [&](const std::string& name) { return !wanted.contains(name); });
  return others || names->empty() ? stale : absl::OkStatus();
}

}  // namespace kplan
