#include "src/etcd/etcd_data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/etcd/bolt_file.h"
#include "src/etcd/host_ground.h"
#include "src/etcd/raft_entry.h"
#include "src/etcd/restore_stage.h"
#include "src/etcd/wal_segment.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

// More entries than any member's folder has: two snapshots a gigabyte, and five segments, are the default.
constexpr size_t kMaxEntries = 10000;

// More reasons than a host has not to do.
constexpr size_t kMostLacks = 20;

std::string IdText(uint64_t id) { return absl::StrCat(absl::Hex(id)); }

bool IsHex16(absl::string_view text) {
  return text.size() == 16 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

// "000000000000000a-00000000000001f4.wal": two numbers of 16 hexadecimal digits and SUFFIX (wal.go walName,
// snap.go). *FIRST is the first one.
bool ParseName(absl::string_view name, absl::string_view suffix, uint64_t* first) {
  if (!absl::ConsumeSuffix(&name, suffix) || name.size() != 33 || name[16] != '-') return false;
  return IsHex16(name.substr(0, 16)) && IsHex16(name.substr(17)) &&
         absl::SimpleHexAtoi(name.substr(0, 16), first);
}

// A folder of the data, opened without following a link, and the names in it.
struct Folder {
  bool there = false;
  std::string strange;  // why it is none that etcd made
  UniqueFd fd;
  std::vector<std::string> names;  // sorted
};

absl::StatusOr<Folder> ListFolder(UniqueFd fd, const std::string& shown) {
  Folder folder;
  folder.there = true;
  // A descriptor of its own: closedir closes it.
  UniqueFd reading(disk::OpenAt(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = reading.ok() ? fdopendir(reading.get()) : nullptr;
  if (stream == nullptr) return ErrnoStatus(errno, absl::StrCat("cannot read the folder ", shown));
  reading.release();
  int error = 0;
  while (folder.names.size() <= kMaxEntries) {
    errno = 0;
    const dirent* entry = readdir(stream);
    if (entry == nullptr) {
      error = errno;
      break;
    }
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") folder.names.emplace_back(name);
  }
  closedir(stream);
  if (error != 0) return ErrnoStatus(error, absl::StrCat("cannot read the folder ", shown));
  if (folder.names.size() > kMaxEntries) {
    folder.strange = absl::StrCat(shown, " holds more than ", kMaxEntries, " files");
  }
  std::sort(folder.names.begin(), folder.names.end());
  folder.fd = std::move(fd);
  return folder;
}

// The folder NAME inside PARENT.
absl::StatusOr<Folder> OpenInside(const Folder& parent, const char* name, const std::string& shown) {
  Folder folder;
  UniqueFd fd(disk::OpenAt(parent.fd.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.ok()) return ListFolder(std::move(fd), shown);
  const int error = errno;
  if (error == ENOENT) return folder;
  if (error == ENOTDIR || error == ELOOP) {
    folder.strange = absl::StrCat(shown, " is not a folder");
    return folder;
  }
  return ErrnoStatus(error, absl::StrCat("cannot open the folder ", shown));
}

// NAME, whatever bytes it has, for a message.
std::string ShownName(const std::string& name) { return Brief(Shown(name)); }

std::string SomeNames(const std::vector<std::string>& names) {
  std::vector<std::string> some;
  for (const std::string& name : names) {
    if (some.size() == 3) {
      some.push_back(absl::StrCat(names.size() - 3, " more"));
      break;
    }
    some.push_back(ShownName(name));
  }
  return JoinAnd(some);
}

// The names in FOLDER but for KNOWN ones and what does not matter: hidden files (etcd's own ".touch", those
// of an account that has its home here) and what mkfs leaves.
std::vector<std::string> Unknown(const Folder& folder, const std::vector<absl::string_view>& known) {
  std::vector<std::string> unknown;
  for (const std::string& name : folder.names) {
    if (name[0] == '.' || name == "lost+found") continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) unknown.push_back(name);
  }
  return unknown;
}

bool IsRegular(const Folder& folder, const std::string& name) {
  struct stat info;
  return fstatat(folder.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
}

// The file NAME of FOLDER, opened without following a link, and its size. *STRANGE: why it is none.
absl::StatusOr<UniqueFd> OpenRegular(const Folder& folder, const std::string& name, const std::string& path,
                                     uint64_t* size, std::string* strange) {
  UniqueFd fd(disk::OpenAt(folder.fd.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const int error = errno;
  struct stat info = {};
  if ((!fd.ok() && error == ELOOP) || (fd.ok() && fstat(fd.get(), &info) == 0 && !S_ISREG(info.st_mode))) {
    *strange = absl::StrCat(path, " is not a file");
    return fd;
  }
  if (!fd.ok()) return ErrnoStatus(error, absl::StrCat("cannot open ", path));
  *size = static_cast<uint64_t>(info.st_size);
  return fd;
}

// Reads at most N bytes from OFFSET on; how many it could. *ERROR: errno, where it failed.
size_t ReadAt(int fd, uint64_t offset, char* to, size_t n, int* error) {
  size_t done = 0;
  while (done < n) {
    const ssize_t got = disk::ReadAt(fd, to + done, n - done, static_cast<off_t>(offset + done));
    if (got < 0) *error = errno;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

// The segment NAME of LOG. *STRANGE: why it is none.
absl::StatusOr<WalSegment> ReadSegment(const Folder& log, const std::string& name, const std::string& path,
                                       std::string* strange) {
  uint64_t size = 0;
  absl::StatusOr<UniqueFd> fd = OpenRegular(log, name, path, &size, strange);
  if (!fd.ok()) return fd.status();
  if (!strange->empty()) return WalSegment();
  int error = 0;
  WalSegment segment = ReadWalSegment(
      size, [&](uint64_t offset, char* to, size_t n) { return ReadAt(fd->get(), offset, to, n, &error); });
  if (error != 0) return ErrnoStatus(error, absl::StrCat("cannot read ", path));
  if (!segment.damage.empty()) *strange = absl::StrCat(path, " is damaged: ", segment.damage);
  return segment;
}

// The segments of LOG, by their numbers.
std::map<uint64_t, std::string> Segments(const Folder& log) {
  std::map<uint64_t, std::string> segments;
  uint64_t number = 0;
  for (const std::string& name : log.names) {
    if (ParseName(name, ".wal", &number)) segments[number] = name;
  }
  return segments;
}

// The newest segment of LOG, a folder, into DATA.
absl::Status ReadLog(const Folder& log, const std::string& shown, EtcdData* data) {
  const std::map<uint64_t, std::string> segments = Segments(log);
  if (segments.empty()) {
    for (const std::string& name : log.names) {
      if (absl::EndsWith(name, ".wal")) {
        data->strange = absl::StrCat(shown, " holds ", ShownName(name), ", which is no name of a segment");
      }
    }
    return absl::OkStatus();
  }
  const std::string& newest = segments.rbegin()->second;
  absl::StatusOr<WalSegment> segment =
      ReadSegment(log, newest, absl::StrCat(shown, "/", newest), &data->strange);
  if (!segment.ok()) return segment.status();
  if (!data->strange.empty()) return absl::OkStatus();
  data->initialised = true;
  data->member_id = IdText(segment->member_id);
  data->cluster_id = IdText(segment->cluster_id);
  data->commit = segment->commit;
  data->snapshot = segment->snapshot;
  return absl::OkStatus();
}

// The version of the cluster that the snapshot NAME of SNAP has, in the tree of etcd's v2 store, which is
// JSON (store.Save): {"Path":"/0/version",...,"Value":"3.5.0",...}. A quote inside a value is escaped there,
// so no value can look like that. "": it does not say.
std::string VersionInSnapshot(const Folder& snap, const std::string& name) {
  constexpr uint64_t kMaxSnapshot = uint64_t{16} << 20;  // with the members alone it has some kilobytes
  std::string strange;
  uint64_t size = 0;
  absl::StatusOr<UniqueFd> fd = OpenRegular(snap, name, name, &size, &strange);
  if (!fd.ok() || !strange.empty() || size > kMaxSnapshot) return "";
  std::string bytes(size, '\0');
  int error = 0;
  bytes.resize(ReadAt(fd->get(), 0, &bytes[0], size, &error));
  constexpr absl::string_view kPath = "\"Path\":\"/0/version\",", kValue = "\"Value\":\"";
  const absl::string_view text = bytes;
  const size_t path = text.find(kPath);
  if (path == absl::string_view::npos) return "";
  const absl::string_view node = text.substr(path, 300);
  const size_t value = node.find(kValue);
  if (value == absl::string_view::npos) return "";
  absl::string_view version = node.substr(value + kValue.size());
  version = version.substr(0, version.find('"'));
  return IsVersionText(version) ? std::string(version) : "";
}

// The snapshots of SNAP by their index, the newest last.
std::map<uint64_t, std::string> Snapshots(const Folder& snap) {
  std::map<uint64_t, std::string> snapshots;
  for (const std::string& name : snap.names) {
    uint64_t term = 0, index = 0;
    if (ParseName(name, ".snap", &term) && absl::SimpleHexAtoi(name.substr(17, 16), &index) &&
        IsRegular(snap, name))
      snapshots[index] = name;
  }
  return snapshots;
}

// EtcdData::version, downgrade and refused_by_36. As etcd, it goes by the newest snapshot that the log knows
// of, too (snap.go, LoadNewestAvailable).
absl::Status ReadVersions(const Folder& log, const Folder& snap, const std::string& log_shown,
                          EtcdData* data) {
  const std::map<uint64_t, std::string> segments = Segments(log);
  std::vector<uint64_t> recorded;
  uint64_t refused = 0;
  for (const auto& [number, name] : segments) {
    const std::string path = absl::StrCat(log_shown, "/", name);
    std::string strange;
    absl::StatusOr<WalSegment> segment = ReadSegment(log, name, path, &strange);
    if (!segment.ok()) return segment.status();
    const bool newest = number == segments.rbegin()->first;
    if (!newest && strange.empty() && !segment->torn.empty())
      strange = absl::StrCat(path, " is damaged: ", segment->torn);
    if (!strange.empty()) return absl::DataLossError(strange);
    recorded.insert(recorded.end(), segment->snapshots.begin(), segment->snapshots.end());
    refused = std::max(refused, segment->refused_by_36);
    if (!segment->version.empty()) data->version = segment->version;
    if (segment->downgrade.has_value()) data->downgrade = *segment->downgrade;
  }
  const std::map<uint64_t, std::string> snapshots = Snapshots(snap);
  for (auto it = snapshots.rbegin(); it != snapshots.rend(); ++it) {
    if (std::find(recorded.begin(), recorded.end(), it->first) == recorded.end()) continue;
    if (data->version.empty()) data->version = VersionInSnapshot(snap, it->second);
    if (refused <= it->first) refused = 0;
    break;
  }
  data->refused_by_36 = refused;
  return absl::OkStatus();
}

// A log outside of the data folder.
struct LogApart {
  std::string path;       // as seen from here; empty: there is none, the log is in the data folder
  Folder folder, around;  // the log's own, and the one that it lies in
};

// WAL: as of ReadEtcdData.
absl::StatusOr<LogApart> OpenLogApart(const std::string& root, const std::string& wal) {
  LogApart log;
  if (wal.empty()) return log;
  absl::StatusOr<HostPath> split = SplitHostPath(wal);
  if (!split.ok()) return split.status();
  log.path = PathFromHere(root, wal);
  absl::StatusOr<UniqueFd> fd = OpenFolderBelow(root, split->folder, /*create=*/false);
  if (absl::IsNotFound(fd.status())) return log;
  if (absl::IsFailedPrecondition(fd.status())) {
    log.folder.strange = std::string(fd.status().message());
    return log;
  }
  if (!fd.ok()) return fd.status();
  absl::StatusOr<Folder> around = ListFolder(*std::move(fd), PathFromHere(root, split->folder));
  if (!around.ok()) return around.status();
  absl::StatusOr<Folder> folder = OpenInside(*around, split->name.c_str(), log.path);
  if (!folder.ok()) return folder.status();
  log.around = *std::move(around);
  log.folder = *std::move(folder);
  return log;
}

// The last entry of the log whose change is in the database of SNAP (etcd keeps its number there, as 8 bytes,
// the most significant first); 0: there is none, or the file is no database.
uint64_t AppliedIn(const Folder& snap) {
  std::string strange;
  uint64_t size = 0;
  absl::StatusOr<UniqueFd> fd = snap.there ? OpenRegular(snap, "db", "db", &size, &strange) : UniqueFd();
  if (!fd.ok() || !fd->ok() || !strange.empty()) return 0;
  int error = 0;
  const int file = fd->get();
  absl::StatusOr<BoltFile> database = BoltFile::Open(
      [file, &error](uint64_t offset, char* to, size_t n) { return ReadAt(file, offset, to, n, &error); });
  if (!database.ok()) return 0;
  absl::StatusOr<std::optional<std::string>> index = database->Find("meta", "consistent_index");
  if (!index.ok() || !index->has_value() || (*index)->size() != sizeof(uint64_t)) return 0;
  uint64_t number = 0;
  for (char c : **index) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

// What is there of a member with the folder MEMBER whose log LOG_SHOWN is missing. INNER: the one that the
// data folder has; the log is APART, or that.
void JudgeWithoutLog(const Folder& member, const std::string& member_shown, const Folder& inner,
                     const LogApart& apart, const Folder& snap, EtcdData* data) {
  const std::string log = apart.path.empty() ? absl::StrCat(member_shown, "/wal") : apart.path;
  const std::string snap_shown = absl::StrCat(member_shown, "/snap");
  if (!apart.path.empty() && !Segments(inner).empty()) {
    data->unlogged = HowToMoveLog(absl::StrCat(member_shown, "/wal"), log);
  } else if (!Snapshots(snap).empty()) {
    data->strange = absl::StrCat(snap_shown, " has snapshots, but ", log, " has no log");
  } else if (const uint64_t applied = AppliedIn(snap); applied != 0) {
    data->strange = absl::StrCat(snap_shown, "/db has all up to entry ", applied, ", but ", log,
                                 " has no log: is that in another folder (etcd.wal-dir)?");
  } else if (std::vector<std::string> unknown = Unknown(member, {"snap", "wal", "wal.tmp"});
             !unknown.empty()) {
    data->strange = absl::StrCat(member_shown, " has no log of etcd, but holds ", SomeNames(unknown));
  } else if (std::vector<std::string> strangers = Unknown(apart.around, {"wal", "wal.tmp"});
             !strangers.empty()) {
    data->strange = absl::StrCat(FolderOf(log), " has no log of etcd, but holds ", SomeNames(strangers));
  }
}

// What is there of a member whose data folder SHOWN is empty, or not there.
void JudgeWithoutData(const std::string& shown, const LogApart& apart, EtcdData* data) {
  if (!Segments(apart.folder).empty()) {
    data->strange = absl::StrCat(apart.path, " has a log of etcd, but ", shown,
                                 " has no data: was one of the two moved alone?");
  } else if (std::vector<std::string> strangers = Unknown(apart.around, {"wal", "wal.tmp"});
             !strangers.empty()) {
    data->strange =
        absl::StrCat(FolderOf(apart.path), " has no log of etcd, but holds ", SomeNames(strangers));
  }
}

// What the folder TOP, the data folder SHOWN, holds, with its log APART or in it.
absl::Status ReadTop(const Folder& top, const std::string& shown, const LogApart& apart, bool versions,
                     EtcdData* data) {
  const std::string member_shown = absl::StrCat(shown, "/member");
  absl::StatusOr<Folder> member = OpenInside(top, "member", member_shown);
  if (!member.ok()) return member.status();
  data->strange = !member->strange.empty() ? member->strange : apart.folder.strange;
  if (!data->strange.empty()) return absl::OkStatus();
  if (!member->there) {
    const std::vector<std::string> unknown = Unknown(top, {});
    if (!unknown.empty()) {
      data->strange = absl::StrCat(shown, " has no data of an etcd member, but holds ", SomeNames(unknown));
    } else {
      JudgeWithoutData(shown, apart, data);
    }
    return absl::OkStatus();
  }
  const std::string inner_shown = absl::StrCat(member_shown, "/wal"), snap_shown = member_shown + "/snap";
  const std::string log_shown = apart.path.empty() ? inner_shown : apart.path;
  absl::StatusOr<Folder> inner = OpenInside(*member, "wal", inner_shown);
  if (!inner.ok()) return inner.status();
  const Folder* log = apart.path.empty() ? &*inner : &apart.folder;
  absl::StatusOr<Folder> snap = OpenInside(*member, "snap", snap_shown);
  if (!snap.ok()) return snap.status();
  data->strange = !log->strange.empty() ? log->strange : snap->strange;
  if (data->strange.empty() && log->there) {
    if (absl::Status status = ReadLog(*log, log_shown, data); !status.ok()) return status;
  }
  if (!data->strange.empty()) return absl::OkStatus();

  if (!data->initialised) {
    JudgeWithoutLog(*member, member_shown, *inner, apart, *snap, data);
    return absl::OkStatus();
  }
  data->snapshot = data->snapshot || !Snapshots(*snap).empty();
  return versions ? ReadVersions(*log, *snap, log_shown, data) : absl::OkStatus();
}

// EtcdData::place of the folder that is SHOWN here: which boot of which kernel, which inode of the last
// folder on the way that is there, and the rest of the way. Empty when the kernel does not say.
std::string PlaceOf(const std::string& shown) {
  absl::StatusOr<std::string> boot = ReadFile("/proc/sys/kernel/random/boot_id", 100);
  if (!boot.ok()) return "";
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(shown, '/', absl::SkipEmpty())) {
    if (part != ".") parts.push_back(part);
  }
  const char* start = absl::StartsWith(shown, "/") ? "/" : "./";
  for (size_t there = parts.size();; --there) {
    const std::string path = absl::StrCat(start, absl::StrJoin(parts.begin(), parts.begin() + there, "/"));
    struct stat info;
    if (stat(path.c_str(), &info) == 0) {
      return absl::StrCat(absl::StripAsciiWhitespace(*boot), " ", uint64_t{info.st_dev}, ":",
                          uint64_t{info.st_ino}, " ", absl::StrJoin(parts.begin() + there, parts.end(), "/"));
    }
    if (there == 0) return "";
  }
}

// EtcdData::held. A folder beside it that is not kplan's holds nobody.
std::string HeldBy(const std::string& root, const std::string& path) {
  absl::StatusOr<RestoreStage> stage = RestoreStage::Open(root, path, /*create=*/false);
  if (absl::IsDataLoss(stage.status())) return absl::StrCat("a snapshot (", stage.status().message(), ")");
  if (!stage.ok() || !stage->state().held) return "";
  return stage->state().file.empty() ? "a snapshot" : stage->state().file;
}

}  // namespace

void AppendValue(const LogIndex& index, std::string* out) { absl::StrAppend(out, index.value); }

bool ReadValue(const Json& json, LogIndex* index) {
  if (!json.is_number_integer()) return false;
  index->value = json.get<uint64_t>();
  return true;
}

absl::StatusOr<EtcdData> ReadEtcdData(const std::string& root, const std::string& path, bool versions,
                                      const std::string& wal) {
  const std::string shown = PathFromHere(root, path);
  EtcdData data;
  data.place = PlaceOf(shown);
  data.held = HeldBy(root, path);
  absl::StatusOr<LogApart> log = OpenLogApart(root, wal);
  if (!log.ok()) return log.status();
  absl::StatusOr<UniqueFd> fd = OpenFolderBelow(root, path, /*create=*/false);
  if (absl::IsNotFound(fd.status())) {
    data.strange = log->folder.strange;
    if (data.strange.empty()) JudgeWithoutData(shown, *log, &data);
    return data;
  }
  if (absl::IsFailedPrecondition(fd.status())) {  // a link or a file where a folder should be
    data.strange = std::string(fd.status().message());
    return data;
  }
  if (!fd.ok()) return fd.status();
  absl::StatusOr<Folder> top = ListFolder(*std::move(fd), shown);
  if (!top.ok()) return top.status();
  data.strange = top->strange;
  if (!data.strange.empty()) return data;
  EtcdData found;
  if (absl::Status status = ReadTop(*top, shown, *log, versions, &found); !status.ok()) return status;
  if (!found.strange.empty()) {
    data.strange = found.strange;
    return data;
  }
  found.place = data.place;
  found.held = data.held;
  return found;
}

absl::StatusOr<Json> EtcdDataJson(const EtcdDataQuestion& question, const std::string& agent) {
  absl::StatusOr<EtcdData> data = ReadEtcdData(question.root, question.data, question.versions, question.wal);
  if (!data.ok()) return data.status();
  if (!question.unit.empty() && question.root == "/") {
    absl::StatusOr<std::optional<UnitEtcd>> unit = FindOtherEtcd(question.unit, question.data, question.wal);
    if (!unit.ok()) return unit.status();
    data->unit = *std::move(unit);
  }
  if (question.ground.has_value()) data->lacks = GroundLacks(question, data->initialised, agent);
  return ToJson(*data);
}

absl::StatusOr<EtcdData> ParseEtcdData(const Json& answer) {
  const absl::Status wrong = absl::DataLossError("the host's answer about the data folder is none");
  absl::StatusOr<EtcdData> data = FromJson<EtcdData>(answer);
  if (!data.ok()) return wrong;
  data->held = Shown(data->held);
  data->strange = Shown(data->strange);
  data->unlogged = Shown(data->unlogged);
  if (data->lacks.size() > kMostLacks) data->lacks.resize(kMostLacks);
  for (std::string& lack : data->lacks) lack = Shown(lack);
  if (data->unit.has_value()) {
    for (std::string* text : {&data->unit->shown, &data->unit->data, &data->unit->wal, &data->unit->member_id,
                              &data->unit->cluster_id})
      *text = Shown(*text);
  }
  if (!data->initialised) return data;
  for (const std::string& version : {data->version, data->downgrade}) {
    if (!version.empty() && !IsVersionText(version)) return wrong;
  }
  for (const std::string& id : {data->cluster_id, data->member_id}) {
    uint64_t number = 0;
    if (id.size() > 16 || !absl::SimpleHexAtoi(id, &number) || number == 0 || IdText(number) != id) {
      return wrong;
    }
  }
  return data;
}

}  // namespace kplan
