#include "src/etcd/host_ground.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/bytes_text.h"
#include "src/base/followed_path.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/host/host_file.h"
#include "src/step/service_records.h"
#include "src/steps/service/ports.h"
#include "src/steps/service/service_info.h"
#include "src/systemd/missing_mount.h"

namespace kplan {
namespace {

// What etcd makes its log with from the start, with room for more (wal.SegmentSizeBytes, 3.4 to 3.6).
constexpr int64_t kLogSize = 64 * 1000 * 1000;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string OtherFolder(const GroundFolder& folder) {
  return folder.key.empty() ? ""
                            : absl::StrCat(", or name another folder in cluster.yaml (", folder.key, ")");
}

// The programs of QUESTION that are not in place yet, by their size.
std::vector<GroundQuestion::Program> ProgramsToCome(const EtcdDataQuestion& question) {
  std::vector<GroundQuestion::Program> to_come;
  for (const GroundQuestion::Program& program : question.ground->programs) {
    struct stat info;
    const std::string path =
        PathFromHere(question.root, absl::StrCat(question.ground->bin, "/", program.name));
    const bool there = stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
    if (!there || info.st_size != program.size) to_come.push_back(program);
  }
  return to_come;
}

// Programs arrive all before the first is put in place, and each goes from there when it is. So within one
// file system the largest is there twice.
int64_t ArrivingBytes(const std::vector<GroundQuestion::Program>& programs, bool same_file_system) {
  int64_t all = 0, largest = 0;
  for (const GroundQuestion::Program& program : programs) {
    all += program.size;
    largest = std::max(largest, program.size);
  }
  return same_file_system ? largest : all;
}

// Those that something is going to be put into, which are not below a disk that is missing; that is said in
// MISSING.
std::vector<GroundFolder> FoldersOf(const EtcdDataQuestion& question, bool initialised,
                                    const std::string& agent, std::vector<std::string>* missing) {
  const GroundQuestion& ground = *question.ground;
  std::vector<GroundFolder> folders;
  auto add = [&](const std::string& path, GroundFolder folder) {
    // A link that will not do is said by whoever reads the folder.
    const absl::StatusOr<FollowedPath> real = FollowLinks(question.root, path);
    if (absl::Status mounted = CheckMounted(question.root, real.ok() ? real->path : path); !mounted.ok()) {
      const std::string why(mounted.message());
      if (std::find(missing->begin(), missing->end(), why) == missing->end()) missing->push_back(why);
      return;
    }
    folder.path = PathFromHere(question.root, path);
    folders.push_back(std::move(folder));
  };
  const std::vector<GroundQuestion::Program> programs = ProgramsToCome(question);
  if (!programs.empty()) {
    int64_t bytes = 0;
    for (const GroundQuestion::Program& program : programs) bytes += program.size;
    add(ground.bin, {"", "etcd's programs", "bin-dir", bytes, /*runs=*/true});
    if (ground.sent && !agent.empty()) {
      const std::optional<FileSystemSight> here = SeeFileSystem(agent),
                                           there = SeeFileSystem(PathFromHere(question.root, ground.bin));
      const bool same = here.has_value() && there.has_value() && here->device == there->device;
      folders.push_back({agent, "what is sent", "", ArrivingBytes(programs, same)});
    }
  }
  if (initialised) return folders;
  add(ground.config, {"", "etcd's certificates", "config-dir"});
  if (ground.manager == "systemd") add(paths::on_host::kUnits, {"", "its unit", ""});
  const bool log_apart = !question.wal.empty();
  add(question.data, {"", log_apart ? "etcd's data" : "etcd's log", "data-dir", log_apart ? 0 : kLogSize});
  if (log_apart) add(question.wal, {"", "etcd's log", "wal-dir", kLogSize});
  return folders;
}

// Whose addresses are taken, or nobody's here.
std::vector<std::string> AddressLacks(const EtcdDataQuestion& question) {
  ServiceRecord record;
  record.manager = question.ground->manager;
  record.root = question.root;
  record.name = question.ground->service;
  record.unit = paths::on_host::Unit(record.name);
  record.argv = {{"", absl::StrCat(question.ground->bin, "/etcd")},
                 {absl::StrCat("--listen-urls=", absl::StrJoin(question.ground->listens, ",")), ""}};
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(record);
  // What cannot be looked at, the step of the service says.
  return info.ok() ? AddressProblems(record, info->instance) : std::vector<std::string>();
}

}  // namespace

std::optional<FileSystemSight> SeeFileSystem(const std::string& folder) {
  std::string nearest = folder;
  struct stat info;
  while (stat(nearest.c_str(), &info) != 0) {
    if (nearest == "/" || nearest == ".") return std::nullopt;
    nearest = ParentOf(nearest);
  }
  struct statvfs disk;
  if (statvfs(nearest.c_str(), &disk) != 0) return std::nullopt;
  FileSystemSight sight;
  sight.device = info.st_dev;
  // What is kept for root (mke2fs(8), -m) is root's to use.
  sight.free = static_cast<int64_t>((geteuid() == 0 ? disk.f_bfree : disk.f_bavail) * disk.f_frsize);
  sight.read_only = (disk.f_flag & ST_RDONLY) != 0;
  sight.no_exec = (disk.f_flag & ST_NOEXEC) != 0;
  while (nearest != "/" && nearest != ".") {
    struct stat above;
    const std::string parent = ParentOf(nearest);
    if (stat(parent.c_str(), &above) != 0 || above.st_dev != info.st_dev) break;
    nearest = parent;
  }
  sight.place = nearest;
  return sight;
}

std::vector<std::string> FolderLacks(const std::vector<GroundFolder>& folders, SeeFolder see) {
  struct Room {
    FileSystemSight sight;
    int64_t needed = 0;
    std::vector<std::string> whats;
  };
  std::vector<std::string> lacks;
  std::vector<Room> rooms;
  for (const GroundFolder& folder : folders) {
    const std::optional<FileSystemSight> sight = see(folder.path);
    if (!sight.has_value()) continue;
    if (sight->read_only) {
      lacks.push_back(absl::StrCat(folder.path, ", where ", folder.what,
                                   " will be, is on a read-only file system; let it be written to (mount -o "
                                   "remount,rw ",
                                   sight->place, ")", OtherFolder(folder)));
      continue;
    }
    if (folder.runs && sight->no_exec) {
      lacks.push_back(absl::StrCat(folder.path, ", where ", folder.what,
                                   " will be, is on a file system that is mounted noexec: nothing can be "
                                   "started from there; let it be (mount -o remount,exec ",
                                   sight->place, ")", OtherFolder(folder)));
      continue;
    }
    if (folder.bytes == 0) continue;
    auto room = std::find_if(rooms.begin(), rooms.end(),
                             [&](const Room& it) { return it.sight.device == sight->device; });
    if (room == rooms.end()) room = rooms.insert(rooms.end(), Room{*sight, 0, {}});
    room->needed += folder.bytes;
    room->whats.push_back(absl::StrCat(BytesText(folder.bytes), " for ", folder.what, " in ", folder.path,
                                       folder.key.empty() ? "" : absl::StrCat(" (", folder.key, ")")));
  }
  for (const Room& room : rooms) {
    if (room.sight.free >= room.needed) continue;
    lacks.push_back(absl::StrCat("the file system at ", room.sight.place, " has ", BytesText(room.sight.free),
                                 " free, and ", BytesText(room.needed), " are needed: ", JoinAnd(room.whats),
                                 "; make room there, or name another folder in cluster.yaml"));
  }
  return lacks;
}

std::vector<std::string> GroundLacks(const EtcdDataQuestion& question, bool initialised,
                                     const std::string& agent) {
  // What is in the way of a member that has data, the rollout says, which starts those that nothing keeps.
  std::vector<std::string> lacks = initialised ? std::vector<std::string>() : AddressLacks(question), missing;
  const std::vector<GroundFolder> folders = FoldersOf(question, initialised, agent, &missing);
  lacks.insert(lacks.end(), missing.begin(), missing.end());
  for (std::string& lack : FolderLacks(folders, SeeFileSystem)) lacks.push_back(std::move(lack));
  return lacks;
}

}  // namespace kplan
