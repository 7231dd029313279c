// restore-etcd: {"cluster-id":"..", "data":"/var/lib/etcd", "etcdctl":"/usr/local/bin/etcdctl",
//   "file":"/srv/backup/....db", "from":"snapshots/....db",
//   "initial-cluster":"etcd-1=https://10.0.0.11:2380,...", "kind":"restore-etcd", "member-id":"..",
//   "mode":"0700", "name":"etcd-1", "owner":"etcd:etcd", "peer-urls":[URL],
//   "phase":"prepare|stop|hold|swap|release|discard", "restore":"..", "revision":N, "root":"/", "service":{a
//   record of the kind "service"}, "target":"/var/lib/.etcd.kplan-restore/snapshot.db",
//   "time":"20261122T205905.123Z", "token":"prod"}
// One part of a restore (restore.h), on the host of a member. It is no step of the plan: `kplan restore` has
// it done, and no stamp remembers it. restore_stage.h has what it makes.
//
//   prepare   makes the data folder of `name` from the snapshot `from`, beside the one that is there. etcd
//             may run with that meanwhile. The ids and the revision have to be those given. All keys
//   stop      stops etcd for good, so that a boot does not start it either. "service"
//   hold      from here on kplan starts nobody with what lies here
//   swap      puts what was prepared in place. "service", which has to be stopped
//   release   ends it
//   discard   removes what was prepared, when nobody has to hold
//
// Every phase but prepare has "data", "phase", "restore" and "root" and those named with it. Doing one again
// does nothing. file is what the snapshot is called, for a person. owner is optional; where there is a data
// folder, its owner and mode are the ones taken.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/etcd_steps.h"
#include "src/etcd/restore_stage.h"
#include "src/etcd/snapshot_file.h"
#include "src/host/host_file.h"
#include "src/host/host_owner.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/service/service_retire.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

// etcd makes its log with room for more (64 MB, wal.SegmentSizeBytes), and that much has to stay free.
constexpr int64_t kLogSize = 80 << 20;

struct Task {
  std::string phase, restore, root, data;
};

struct Attributes {
  absl::optional<HostOwner> owner;
  mode_t mode = 0700;
};

// Those of the data folder that is there; else those that the plan gives it.
absl::StatusOr<Attributes> AttributesFor(const Task& task, const Record& record) {
  Attributes attributes;
  absl::StatusOr<HostFileState> there = LookAtHostFile(task.root, task.data);
  if (!there.ok()) return there.status();
  if (there->exists && there->folder) {
    attributes.mode = there->mode;
    attributes.owner = HostOwner{there->uid, there->gid};
    return attributes;
  }
  absl::StatusOr<mode_t> mode = ParseMode(record.String("mode"));
  if (!mode.ok()) return mode.status();
  absl::StatusOr<absl::optional<HostOwner>> owner = OwnerBelow(task.root, record.StringOr("owner", ""));
  if (!owner.ok()) return owner.status();
  attributes.mode = *mode;
  attributes.owner = *owner;
  return attributes;
}

// Gives all below PATH, in which nobody else can write, to OWNER.
absl::Status GiveTree(const std::string& path, const absl::optional<HostOwner>& owner) {
  if (!owner.has_value()) return absl::OkStatus();
  const auto give = [&](const std::string& file) {
    struct stat info;
    if (lstat(file.c_str(), &info) != 0) return false;
    if (info.st_uid == owner->uid && info.st_gid == owner->gid) return true;
    return lchown(file.c_str(), owner->uid, owner->gid) == 0;
  };
  std::error_code error;
  bool good = give(path);
  for (fs::recursive_directory_iterator it(path, error), end; good && !error && it != end;
       it.increment(error))
    good = give(it->path().string());
  if (error) return ErrnoStatus(error.value(), "cannot list what was restored");
  return good ? absl::OkStatus() : ErrnoStatus(errno, "cannot give what was restored to its owner");
}

absl::Status CheckRoomFor(int folder, int64_t snapshot, const std::string& shown) {
  struct statvfs disk;
  if (fstatvfs(folder, &disk) != 0) return ErrnoStatus(errno, shown);
  const auto free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
  if (free >= snapshot + kLogSize) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("there is no room for the restored data in ", shown,
                                                   ": it needs ", BytesText(snapshot + kLogSize), ", and ",
                                                   BytesText(free), " are free"));
}

// Swapping two folders at once is what this is built on; a file system that cannot (NFS) is found out before
// anything depends on it.
absl::Status CheckExchange(int stage) {
  const char* const names[] = {"trial-1", "trial-2"};
  absl::Status status;
  for (const char* name : names) {
    if (mkdirat(stage, name, 0700) != 0 && errno != EEXIST)
      status = ErrnoStatus(errno, "cannot make a folder");
  }
  if (status.ok() && renameat2(stage, names[0], stage, names[1], RENAME_EXCHANGE) != 0)
    status = ErrnoStatus(errno, "this file system cannot exchange two folders in one step");
  for (const char* name : names) unlinkat(stage, name, AT_REMOVEDIR);
  return status;
}

// Runs the restore into the folder NEW_FOLDER of the stage.
absl::Status MakeNew(const Task& task, const Record& record, const RestoreStage& stage,
                     const std::string& new_folder, const std::string& program, const std::string& snapshot,
                     int64_t size) {
  const std::string name = record.String("name"), token = record.String("token"),
                    cluster = record.String("initial-cluster");
  const std::vector<std::string> peer_urls = record.Strings("peer-urls");
  if (!record.status().ok()) return record.status();
  // By its descriptor, so that no link on the way is followed.
  const std::string folder = absl::StrCat("/proc/", getpid(), "/fd/", stage.folder());
  absl::Status status =
      RunSnapshotProgram(program,
                         {"snapshot", "restore", snapshot, absl::StrCat("--data-dir=", new_folder),
                          absl::StrCat("--name=", name), absl::StrCat("--initial-cluster=", cluster),
                          absl::StrCat("--initial-cluster-token=", token),
                          absl::StrCat("--initial-advertise-peer-urls=", absl::StrJoin(peer_urls, ","))},
                         TimeForSnapshot(size), folder)
          .status();
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("`", program, " snapshot restore` of ", PathFromHere(task.root, task.data),
                                   ": ", status.message()));
}

// That what was made is what was asked for.
absl::Status CheckNew(const Task& task, const Record& record, const RestoreStage& stage,
                      const std::string& new_folder, const std::string& program) {
  absl::StatusOr<EtcdData> data = ReadEtcdData(task.root, absl::StrCat(stage.path(), "/", new_folder));
  if (!data.ok()) return data.status();
  const std::string cluster_id = record.String("cluster-id"), member_id = record.String("member-id");
  const int64_t revision = record.Int("revision");
  if (!record.status().ok()) return record.status();
  if (!data->initialised || data->cluster_id != cluster_id || data->member_id != member_id) {
    return absl::DataLossError(absl::StrCat("what was restored is member ", data->member_id, " of cluster ",
                                            data->cluster_id, data->strange, ", and the plan has member ",
                                            member_id, " of cluster ", cluster_id));
  }
  absl::StatusOr<SnapshotInfo> info = AskSnapshotStatus(
      program, absl::StrCat("/proc/", getpid(), "/fd/", stage.folder(), "/", new_folder, "/member/snap/db"));
  if (!info.ok()) return info.status();
  if (info->revision == revision) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("what was restored has revision ", info->revision,
                                          ", and the snapshot has revision ", revision));
}

absl::Status Prepare(const Task& task, const Record& record, StepResult* result) {
  const std::string file_name = record.String("file"), from = record.String("from"),
                    time = record.String("time"), etcdctl = record.String("etcdctl");
  if (!record.status().ok()) return record.status();
  absl::StatusOr<RestoreStage> stage = RestoreStage::Open(task.root, task.data, /*create=*/true);
  if (!stage.ok()) return stage.status();
  RestoreState state = stage->state();
  if (state.held && state.restore == task.restore && state.fresh != 0) {
    absl::StatusOr<ino_t> in_place = stage->InPlace(), fresh = stage->Fresh();
    if (!in_place.ok()) return in_place.status();
    if (!fresh.ok()) return fresh.status();
    // Another run of the same restore came as far as this.
    if (*in_place == state.fresh || *fresh == state.fresh) return absl::OkStatus();
  }
  if (absl::Status status = stage->ClearNew(); !status.ok()) return status;
  state.restore.clear();
  state.fresh = 0;
  if (absl::Status status = stage->SetState(state); !status.ok()) return status;

  std::error_code error;
  const std::string snapshot = fs::absolute(from, error).string();
  if (error) return ErrnoStatus(error.value(), from);
  struct stat file;
  if (stat(snapshot.c_str(), &file) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", from));
  if (absl::Status status = CheckRoomFor(stage->folder(), file.st_size, stage->shown()); !status.ok())
    return status;
  if (absl::Status status = CheckExchange(stage->folder()); !status.ok()) return status;
  const std::string in_root = PathFromHere(task.root, etcdctl);
  const std::string program = SnapshotProgram(fs::absolute(in_root, error).string());
  if (error) return ErrnoStatus(error.value(), in_root);
  // A name of its own: the etcdctl of one that was killed may be at work still.
  const std::string new_folder = absl::StrCat("making-", getpid());
  absl::Status made = MakeNew(task, record, *stage, new_folder, program, snapshot, file.st_size);
  if (absl::IsNotFound(made)) {
    return absl::FailedPreconditionError(
        absl::StrCat(in_root, " is not there; run ninja first, so that etcd's programs are"));
  }
  if (made.ok()) made = CheckNew(task, record, *stage, new_folder, program);
  absl::StatusOr<Attributes> attributes = AttributesFor(task, record);
  if (made.ok() && !attributes.ok()) made = attributes.status();
  const std::string path = absl::StrCat("/proc/self/fd/", stage->folder(), "/", new_folder);
  if (made.ok()) made = GiveTree(path, attributes->owner);
  if (made.ok() && chmod(path.c_str(), attributes->mode) != 0)
    made = ErrnoStatus(errno, "cannot set the mode");
  if (made.ok() && syncfs(stage->folder()) != 0) made = ErrnoStatus(errno, "cannot sync what was restored");
  if (made.ok()) made = stage->SetNew(new_folder);
  if (!made.ok()) {
    stage->ClearNew().IgnoreError();  // what the next run does, too
    return made;
  }
  absl::StatusOr<ino_t> fresh = stage->Fresh();
  if (!fresh.ok()) return fresh.status();
  state.file = file_name;
  state.fresh = *fresh;
  state.restore = task.restore;
  state.time = time;
  result->reason = "prepared";
  return stage->SetState(std::move(state));
}

absl::StatusOr<Record> ServiceOf(const Record& record) {
  auto service = record.json().find("service");
  if (service == record.json().end() || !service->is_object())
    return absl::DataLossError("the record has no service");
  return Record(*service);
}

absl::Status Stop(const Record& record) {
  absl::StatusOr<Record> service = ServiceOf(record);
  return service.ok() ? RetireService(*service) : service.status();
}

// The stage as this restore prepared it.
absl::StatusOr<RestoreStage> PreparedStage(const Task& task) {
  absl::StatusOr<RestoreStage> stage = RestoreStage::Open(task.root, task.data, /*create=*/true);
  if (!stage.ok() || stage->state().restore == task.restore) return stage;
  return absl::FailedPreconditionError(
      absl::StrCat(stage->shown(), " was not prepared by this restore; does another one run?"));
}

absl::Status Hold(const Task& task) {
  absl::StatusOr<RestoreStage> stage = PreparedStage(task);
  if (!stage.ok()) return stage.status();
  RestoreState state = stage->state();
  if (state.held) return absl::OkStatus();
  state.held = true;
  return stage->SetState(std::move(state));
}

absl::Status Swap(const Task& task, const Record& record, StepResult* result) {
  absl::StatusOr<RestoreStage> stage = PreparedStage(task);
  if (!stage.ok()) return stage.status();
  if (!stage->state().held) return absl::InternalError("no hold");
  absl::StatusOr<Record> service = ServiceOf(record);
  if (!service.ok()) return service.status();
  absl::StatusOr<ServiceRemains> remains = LookAtRemains(*service);
  if (!remains.ok()) return remains.status();
  if (remains->running) {
    return absl::FailedPreconditionError(
        "etcd runs there again: somebody started it; run kplan restore again, which stops it");
  }
  return stage->Exchange(&result->output);
}

absl::Status End(const Task& task) {
  absl::StatusOr<RestoreStage> stage = RestoreStage::Open(task.root, task.data, /*create=*/false);
  if (absl::IsNotFound(stage.status())) return absl::OkStatus();
  if (!stage.ok()) return stage.status();
  if (stage->state().held && task.phase == "discard") return absl::OkStatus();
  return stage->Remove();
}

absl::Status DoPhase(const Task& task, const Record& record, StepResult* result) {
  if (task.phase == "prepare") return Prepare(task, record, result);
  if (task.phase == "stop") return Stop(record);
  if (task.phase == "hold") return Hold(task);
  if (task.phase == "swap") return Swap(task, record, result);
  if (task.phase == "release" || task.phase == "discard") return End(task);
  return absl::DataLossError("the record has no phase that is known here");
}

}  // namespace

absl::StatusOr<StepResult> RestoreEtcdStep(const StepContext&, const Record& record) {
  Task task;
  task.data = record.String("data");
  task.phase = record.String("phase");
  task.restore = record.String("restore");
  task.root = record.String("root");
  if (!record.status().ok()) return record.status();
  StepResult result;
  if (absl::Status status = DoPhase(task, record, &result); !status.ok()) return status;
  result.digest = Sha256Hex(absl::StrCat(task.restore, "\n", task.phase, "\n"));
  return result;
}

absl::StatusOr<Outlook> RestoreEtcdLook(const LookContext&, const Record&) {
  return absl::UnimplementedError("a restore is no step of a plan");
}

}  // namespace kplan
