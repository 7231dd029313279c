// One part of a restore (restore.h), on the host of a member. It is no step of the plan: `kplan restore` has
// it done, and no stamp remembers it. restore_stage.h has what it makes.
//
//   prepare   makes the data folder of `name` from the snapshot `from`, beside the one that is there. etcd
//             may run with that meanwhile. The ids and the revision have to be those given
//   stop      stops etcd for good, so that a boot does not start it either
//   hold      from here on kplan starts nobody with what lies here
//   swap      puts what was prepared in place; the service has to be stopped
//   release   ends it
//   discard   removes what was prepared, when nobody has to hold
//
// Doing one again does nothing. Where there is a data folder, its owner and mode are the ones taken. A log
// that is apart goes the same ways, in a stage of its own: what holds is held until both are in place.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/bytes_text.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/folders.h"
#include "src/base/followed_path.h"
#include "src/base/text.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/facts/etcd_layout.h"
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

// What is prepared lies in: the data folder's stage, and that of a log apart.
struct Stages {
  RestoreStage data;
  std::optional<RestoreStage> log;

  // The data's first: whoever looks whether a restore holds, looks there.
  std::vector<RestoreStage*> All() {
    std::vector<RestoreStage*> all = {&data};
    if (log.has_value()) all.push_back(&*log);
    return all;
  }
};

absl::StatusOr<RestoreStage> OpenLogStage(const RestorePartRecord& part, bool create) {
  return RestoreStage::Open(part.root, FolderOf(part.wal), create, etcd_layout::kWal);
}

absl::StatusOr<Stages> OpenStages(const RestorePartRecord& part, bool create) {
  absl::StatusOr<RestoreStage> data = RestoreStage::Open(part.root, part.data, create);
  if (!data.ok()) return data.status();
  Stages stages{*std::move(data), std::nullopt};
  if (part.wal.empty()) return stages;
  absl::StatusOr<RestoreStage> log = OpenLogStage(part, create);
  if (!log.ok()) return log.status();
  stages.log = *std::move(log);
  return stages;
}

struct Attributes {
  std::optional<HostOwner> owner;
  mode_t mode = 0700;
};

// Those of FOLDER, of the data or of a log apart, that is there; else those that the plan gives it.
absl::StatusOr<Attributes> AttributesFor(const RestorePartRecord& part, const std::string& folder) {
  Attributes attributes;
  absl::StatusOr<FollowedPath> real = FollowLinks(part.root, folder);
  if (!real.ok()) return real.status();
  absl::StatusOr<HostFileState> there = LookAtHostFile(part.root, real->path);
  if (!there.ok()) return there.status();
  if (there->exists && there->folder) {
    attributes.mode = there->mode;
    attributes.owner = HostOwner{there->uid, there->gid};
    return attributes;
  }
  absl::StatusOr<mode_t> mode = ParseMode(part.mode);
  if (!mode.ok()) return mode.status();
  absl::StatusOr<std::optional<HostOwner>> owner = OwnerBelow(part.root, part.owner);
  if (!owner.ok()) return owner.status();
  attributes.mode = *mode;
  attributes.owner = *owner;
  return attributes;
}

// Gives all below PATH, in which nobody else can write, to OWNER.
absl::Status GiveTree(const std::string& path, const std::optional<HostOwner>& owner) {
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

// BYTES, in the open FOLDER.
absl::Status CheckRoomFor(int folder, int64_t bytes, const std::string& shown) {
  struct statvfs disk;
  if (fstatvfs(folder, &disk) != 0) return ErrnoStatus(errno, shown);
  const auto free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
  if (free >= bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("there is no room for the restored data in ", shown,
                                                   ": it needs ", BytesText(bytes), ", and ", BytesText(free),
                                                   " are free"));
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
  if (status.ok() && disk::Rename(stage, names[0], stage, names[1], RENAME_EXCHANGE) != 0)
    status = ErrnoStatus(errno, "this file system cannot exchange two folders in one step");
  for (const char* name : names) unlinkat(stage, name, AT_REMOVEDIR);
  return status;
}

// The folder of STAGE for the child that works in it: by its descriptor, so that no link on the way is
// followed, and by the child's own, for nobody else sees those of this process (cli/main.cc).
std::string WorkingFolder(const RestoreStage& stage) {
  return absl::StrCat("/proc/self/fd/", stage.folder());
}

// The folder NAME in the stage of a log apart, made, by a path without links: the child that works in the
// other stage has to find it, too.
absl::StatusOr<std::string> MakeLogFolder(const RestoreStage& log, const std::string& name) {
  if (mkdirat(log.folder(), name.c_str(), 0700) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot make a folder in ", log.shown()));
  std::error_code error;
  const fs::path folder = fs::read_symlink(absl::StrCat("/proc/self/fd/", log.folder()), error);
  if (error) return ErrnoStatus(error.value(), log.shown());
  return absl::StrCat(folder.string(), "/", name, "/", etcd_layout::kWal);
}

// Runs the restore into the folder NEW_FOLDER of the stages.
absl::Status MakeNew(const RestorePartRecord& part, const Stages& stages, const std::string& new_folder,
                     const std::string& program, const std::string& snapshot, int64_t size) {
  std::vector<std::string> arguments = {
      "snapshot",
      "restore",
      snapshot,
      absl::StrCat("--data-dir=", new_folder),
      absl::StrCat("--name=", part.name),
      absl::StrCat("--initial-cluster=", part.initial_cluster),
      absl::StrCat("--initial-cluster-token=", part.token),
      absl::StrCat("--initial-advertise-peer-urls=", absl::StrJoin(part.peer_urls, ","))};
  if (stages.log.has_value()) {
    absl::StatusOr<std::string> log = MakeLogFolder(*stages.log, new_folder);
    if (!log.ok()) return log.status();
    arguments.push_back(absl::StrCat("--wal-dir=", *log));
  }
  absl::Status status =
      RunSnapshotProgram(program, arguments, TimeForSnapshot(size), WorkingFolder(stages.data)).status();
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("`", program, " snapshot restore` of ", PathFromHere(part.root, part.data),
                                   ": ", status.message()));
}

// That what was made is what was asked for.
absl::Status CheckNew(const RestorePartRecord& part, const Stages& stages, const std::string& new_folder,
                      const std::string& program) {
  const std::string log =
      stages.log.has_value() ? absl::StrCat(stages.log->path(), "/", new_folder, "/", etcd_layout::kWal) : "";
  absl::StatusOr<EtcdData> data = ReadEtcdData(part.root, absl::StrCat(stages.data.path(), "/", new_folder),
                                               /*versions=*/false, log);
  if (!data.ok()) return data.status();
  if (!data->initialised || data->cluster_id != part.cluster_id || data->member_id != part.member_id) {
    return absl::DataLossError(absl::StrCat("what was restored is member ", data->member_id, " of cluster ",
                                            data->cluster_id, data->strange, ", and the plan has member ",
                                            part.member_id, " of cluster ", part.cluster_id));
  }
  absl::StatusOr<SnapshotInfo> info =
      AskSnapshotStatus(program, absl::StrCat(new_folder, "/member/snap/db"), WorkingFolder(stages.data));
  if (!info.ok()) return info.status();
  if (info->revision == part.revision) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("what was restored has revision ", info->revision,
                                          ", and the snapshot has revision ", part.revision));
}

// Whether another run of the same restore came as far as this with STAGE.
absl::StatusOr<bool> IsPrepared(const RestorePartRecord& part, const RestoreStage& stage) {
  const RestoreState& state = stage.state();
  if (!state.held || state.restore != part.restore || state.fresh == 0) return false;
  absl::StatusOr<ino_t> in_place = stage.InPlace(), fresh = stage.Fresh();
  if (!in_place.ok()) return in_place.status();
  if (!fresh.ok()) return fresh.status();
  return *in_place == state.fresh || *fresh == state.fresh;
}

// Makes STAGE ready for what is going to be made in it. ROOM: bytes.
absl::Status Clear(RestoreStage* stage, int64_t room) {
  if (absl::Status status = stage->ClearNew(); !status.ok()) return status;
  RestoreState state = stage->state();
  state.restore.clear();
  state.fresh = 0;
  if (absl::Status status = stage->SetState(state); !status.ok()) return status;
  if (absl::Status status = CheckRoomFor(stage->folder(), room, stage->shown()); !status.ok()) return status;
  return CheckExchange(stage->folder());
}

// Gives what was made as NEW_FOLDER in STAGE, for FOLDER, its owner, its mode and its name.
absl::Status Finish(const RestorePartRecord& part, RestoreStage* stage, const std::string& folder,
                    const std::string& new_folder) {
  absl::StatusOr<Attributes> attributes = AttributesFor(part, folder);
  if (!attributes.ok()) return attributes.status();
  const std::string path = absl::StrCat("/proc/self/fd/", stage->folder(), "/", new_folder);
  if (absl::Status status = GiveTree(path, attributes->owner); !status.ok()) return status;
  if (chmod(path.c_str(), attributes->mode) != 0) return ErrnoStatus(errno, "cannot set the mode");
  if (disk::SyncFileSystem(stage->folder()) != 0) return ErrnoStatus(errno, "cannot sync what was restored");
  return stage->SetNew(new_folder);
}

// Notes in STAGE that what lies in it is what PART prepared.
absl::Status NotePrepared(const RestorePartRecord& part, RestoreStage* stage) {
  absl::StatusOr<ino_t> fresh = stage->Fresh();
  if (!fresh.ok()) return fresh.status();
  RestoreState state = stage->state();
  state.file = part.file;
  state.fresh = *fresh;
  state.restore = part.restore;
  state.time = part.time;
  return stage->SetState(std::move(state));
}

// Makes what SNAPSHOT, of SIZE bytes, has, in STAGES.
absl::Status MakeIn(const RestorePartRecord& part, Stages* stages, const std::string& snapshot,
                    int64_t size) {
  std::error_code error;
  const std::string in_root = PathFromHere(part.root, part.etcdctl);
  const std::string program = SnapshotProgram(fs::absolute(in_root, error).string());
  if (error) return ErrnoStatus(error.value(), in_root);
  // A name of its own: the etcdctl of one that was killed may be at work still.
  const std::string new_folder = absl::StrCat("making-", getpid());
  absl::Status made = MakeNew(part, *stages, new_folder, program, snapshot, size);
  if (absl::IsNotFound(made)) {
    return absl::FailedPreconditionError(
        absl::StrCat(in_root, " is not there; run ninja first, so that etcd's programs are"));
  }
  if (made.ok()) made = CheckNew(part, *stages, new_folder, program);
  if (made.ok()) made = Finish(part, &stages->data, part.data, new_folder);
  if (made.ok() && stages->log.has_value())
    made = Finish(part, &*stages->log, FolderOf(part.wal), new_folder);
  return made;
}

absl::Status Prepare(const RestorePartRecord& part, StepResult* result) {
  absl::StatusOr<Stages> stages = OpenStages(part, /*create=*/true);
  if (!stages.ok()) return stages.status();
  bool prepared = true;
  for (RestoreStage* stage : stages->All()) {
    absl::StatusOr<bool> is = IsPrepared(part, *stage);
    if (!is.ok()) return is.status();
    prepared = prepared && *is;
  }
  if (prepared) return absl::OkStatus();
  std::error_code error;
  const std::string snapshot = fs::absolute(part.from, error).string();
  if (error) return ErrnoStatus(error.value(), part.from);
  struct stat file;
  if (stat(snapshot.c_str(), &file) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", part.from));
  const bool apart = stages->log.has_value();
  absl::Status status = Clear(&stages->data, file.st_size + (apart ? 0 : kLogSize));
  if (status.ok() && apart) status = Clear(&*stages->log, kLogSize);
  if (!status.ok()) return status;
  status = MakeIn(part, &*stages, snapshot, file.st_size);
  if (!status.ok()) {
    // What the next run does, too.
    for (RestoreStage* stage : stages->All()) stage->ClearNew().IgnoreError();
    return status;
  }
  result->reason = "prepared";
  for (RestoreStage* stage : stages->All()) {
    if (absl::Status noted = NotePrepared(part, stage); !noted.ok()) return noted;
  }
  return absl::OkStatus();
}

absl::Status NoService() { return absl::DataLossError("the record has no service"); }

absl::Status Stop(const RestorePartRecord& part) {
  return part.service.has_value() ? RetireService(*part.service) : NoService();
}

// The stages as this restore prepared them.
absl::StatusOr<Stages> PreparedStages(const RestorePartRecord& part) {
  absl::StatusOr<Stages> stages = OpenStages(part, /*create=*/true);
  if (!stages.ok()) return stages;
  for (const RestoreStage* stage : stages->All()) {
    if (stage->state().restore == part.restore) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(stage->shown(), " was not prepared by this restore; does another one run?"));
  }
  return stages;
}

absl::Status Hold(const RestorePartRecord& part) {
  absl::StatusOr<Stages> stages = PreparedStages(part);
  if (!stages.ok()) return stages.status();
  for (RestoreStage* stage : stages->All()) {
    RestoreState state = stage->state();
    if (state.held) continue;
    state.held = true;
    if (absl::Status status = stage->SetState(std::move(state)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Swap(const RestorePartRecord& part, StepResult* result) {
  absl::StatusOr<Stages> stages = PreparedStages(part);
  if (!stages.ok()) return stages.status();
  if (!part.service.has_value()) return NoService();
  for (const RestoreStage* stage : stages->All()) {
    if (!stage->state().held) return absl::InternalError("no hold");
  }
  absl::StatusOr<ServiceRemains> remains = LookAtRemains(*part.service);
  if (!remains.ok()) return remains.status();
  if (remains->running) {
    return absl::FailedPreconditionError(
        "etcd runs there again: somebody started it; run kplan restore again, which stops it");
  }
  std::vector<std::string> kept;
  for (RestoreStage* stage : stages->All()) {
    std::string aside;
    if (absl::Status status = stage->Exchange(&aside); !status.ok()) return status;
    if (!aside.empty()) kept.push_back(std::move(aside));
  }
  result->output = JoinAnd(kept);
  return absl::OkStatus();
}

// What STAGE has of PART is over.
absl::Status EndStage(const RestorePartRecord& part, RestoreStage* stage) {
  if (stage->state().held && part.phase == RestorePartRecord::kDiscard) return absl::OkStatus();
  return stage->Remove();
}

// Each stage by itself, for one of the two may be gone already; last that of the data, by which is seen that
// a restore holds.
absl::Status End(const RestorePartRecord& part) {
  for (const bool log : {true, false}) {
    if (log && part.wal.empty()) continue;
    absl::StatusOr<RestoreStage> stage = log ? OpenLogStage(part, /*create=*/false)
                                             : RestoreStage::Open(part.root, part.data, /*create=*/false);
    if (absl::IsNotFound(stage.status())) continue;
    if (!stage.ok()) return stage.status();
    if (absl::Status status = EndStage(part, &*stage); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DoPhase(const RestorePartRecord& part, StepResult* result) {
  using Part = RestorePartRecord;
  if (part.phase == Part::kPrepare) return Prepare(part, result);
  if (part.phase == Part::kStop) return Stop(part);
  if (part.phase == Part::kHold) return Hold(part);
  if (part.phase == Part::kSwap) return Swap(part, result);
  if (part.phase == Part::kRelease || part.phase == Part::kDiscard) return End(part);
  return absl::DataLossError("the record has no phase that is known here");
}

}  // namespace

absl::StatusOr<StepResult> RestorePartStep(const StepContext&, const RestorePartRecord& part) {
  StepResult result;
  if (absl::Status status = DoPhase(part, &result); !status.ok()) return status;
  result.digest = Sha256Hex(absl::StrCat(part.restore, "\n", part.phase, "\n"));
  return result;
}

absl::StatusOr<Outlook> RestorePartLook(const LookContext&, const RestorePartRecord&) {
  return absl::UnimplementedError("a restore is no step of a plan");
}

}  // namespace kplan
