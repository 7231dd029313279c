#include "src/remote/agent_home.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/wipe.h"
#include "src/host/host_file.h"
#include "src/host/waiting_file.h"

namespace kplan {
namespace {

constexpr char kAgentPrefix[] = "kplan-agent-";
constexpr char kWorkPrefix[] = "work-";
// Letters enough that no two names are ever the same, few enough to be read aloud.
constexpr size_t kNameLength = 16;

std::string RandomName() {
  unsigned char bytes[kNameLength / 2];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return "";
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(bytes), sizeof(bytes)));
}

std::string HashName(absl::string_view text) { return Sha256Hex(text).substr(0, kNameLength); }

// One name for one folder, by whatever name it is given.
std::string RealRoot(const std::string& root) {
  std::error_code error;
  std::filesystem::path real = std::filesystem::weakly_canonical(root, error);
  if (error) real = std::filesystem::path(root).lexically_normal();
  std::string text = real.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

absl::Status MakePrivateFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot make ", folder));
}

// For tidying up: what cannot be listed now is tidied up by the next agent.
std::vector<std::string> NamesIn(const std::string& folder) {
  return ListFolder(folder).value_or(std::vector<std::string>());
}

// What cannot be removed now is removed by the next agent.
void RemoveAll(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// Which host of which cluster a root is.
struct ClaimFile {
  std::string cluster, host, id, root;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("cluster", self.cluster);
    fields.Always("host", self.host);
    fields.Always("id", self.id);
    fields.Always("root", self.root);
  }
};

absl::StatusOr<ClaimFile> ReadClaim(const std::string& path) {
  constexpr size_t kMost = 16 << 10;
  absl::StatusOr<std::string> text = ReadFile(path, kMost);
  if (!text.ok()) return text.status();
  absl::StatusOr<ClaimFile> claim = FromText<ClaimFile>(*text);
  if (claim.ok()) return claim;
  return absl::DataLossError(absl::StrCat(path, " is damaged; remove it there, and run ninja again"));
}

std::string HostOfCluster(const std::string& host, const std::string& cluster) {
  return cluster.empty() ? absl::StrCat("host ", host, " of a cluster without a name")
                         : absl::StrCat("host ", host, " of ", cluster);
}

}  // namespace

absl::StatusOr<AgentHome> AgentHome::Open(const std::string& folder) {
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0) return ErrnoStatus(errno, folder);
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is where kplan works, and has to be a folder of user ", geteuid(),
                     "; remove it there, and run ninja again"));
  }
  absl::StatusOr<UniqueFd> fd = OpenFolder(folder);
  if (!fd.ok()) return fd.status();
  if ((info.st_mode & 077) != 0 && fchmod(fd->get(), 0700) != 0) return ErrnoStatus(errno, folder);
  return AgentHome(folder);
}

std::string AgentHome::ClaimPath(const std::string& root) const {
  return absl::StrCat(folder_, "/claims/", HashName(RealRoot(root)));
}

absl::StatusOr<std::string> AgentHome::Claim(const std::string& cluster, const std::string& host,
                                             const std::string& root) const {
  if (absl::Status status = MakePrivateFolder(folder_ + "/claims"); !status.ok()) return status;
  // Two that claim at once do so one after the other, so that the second is told who was first.
  UniqueFd turn(disk::Open((folder_ + "/claims").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!turn.ok()) return ErrnoStatus(errno, folder_ + "/claims");
  if (absl::Status status = AwaitLock(turn.get(), LOCK_EX, folder_ + "/claims"); !status.ok()) return status;
  const std::string path = ClaimPath(root);
  absl::StatusOr<ClaimFile> claim = ReadClaim(path);
  if (absl::IsNotFound(claim.status())) {
    const std::string id = RandomName();
    if (id.empty()) return absl::InternalError("there are no random numbers there");
    absl::Status made =
        WriteFile(path, ToText(ClaimFile{cluster, host, id, RealRoot(root)}) + "\n", 0600, Overwrite::kNo);
    if (made.ok()) return id;
    if (!absl::IsAlreadyExists(made)) return made;
    claim = ReadClaim(path);  // of whoever was faster
  }
  if (!claim.ok()) return claim.status();
  if (claim->cluster == cluster && claim->host == host) return claim->id;
  return absl::FailedPreconditionError(absl::StrCat(
      "this machine is already ", HostOfCluster(claim->host, claim->cluster),
      root == "/" ? "" : absl::StrCat(" in ", root), ", and cannot be ", HostOfCluster(host, cluster),
      ", too; do two hosts have the same address?\n  if it is given up there, remove ", path,
      " on it, and run ninja again"));
}

absl::Status AgentHome::CheckClaim(const std::string& root, const std::string& id) const {
  absl::StatusOr<ClaimFile> claim = ReadClaim(ClaimPath(root));
  if (claim.ok() && claim->id == id) return absl::OkStatus();
  if (!claim.ok() && !absl::IsNotFound(claim.status())) return claim.status();
  return absl::UnauthenticatedError(
      "this is another machine than the one that kplan found here first, or it was installed anew; run ninja "
      "again, and kplan looks at it afresh");
}

absl::Status AgentHome::CheckOwner(const std::string& root, const std::string& cluster,
                                   const std::string& host) const {
  absl::StatusOr<ClaimFile> claim = ReadClaim(ClaimPath(root));
  if (absl::IsNotFound(claim.status())) return absl::OkStatus();
  if (!claim.ok()) return claim.status();
  if (claim->cluster == cluster && claim->host == host) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this machine is ", HostOfCluster(claim->host, claim->cluster), ", and not ",
                   HostOfCluster(host, cluster), "; do two hosts have the same address?"));
}

void AgentHome::RemoveOthers(const std::string& agent) const {
  for (const std::string& name : NamesIn(folder_)) {
    if (absl::StartsWith(name, kAgentPrefix) && name != agent) RemoveAll(absl::StrCat(folder_, "/", name));
  }
}

Spool::Spool(std::string root, std::string folder, UniqueFd fd)
    : root_(std::move(root)), folder_(std::move(folder)), fd_(std::move(fd)) {}

absl::StatusOr<Spool> Spool::Open(const AgentHome& home, const std::string& root) {
  const std::string real = RealRoot(root);
  const std::string all = home.folder() + "/spool", folder = absl::StrCat(all, "/", HashName(real));
  for (const std::string& each : {all, folder}) {
    if (absl::Status status = MakePrivateFolder(each); !status.ok()) return status;
  }
  UniqueFd fd(disk::Open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, folder);
  return Spool(real, folder, std::move(fd));
}

std::string Spool::PathOf(const SentFile& file) const {
  // By where it goes: a name that tells nothing of what is in it.
  return absl::StrCat(folder_, "/", HashName(file.target));
}

bool Spool::Has(const SentFile& file) const {
  struct stat info;
  const std::string path = PathOf(file);
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != file.size) return false;
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  return digest.ok() && *digest == file.sha256;
}

absl::StatusOr<PendingFile> Spool::Receive(const SentFile& file) const {
  return PendingFile::Create(fd_.get(), HashName(file.target), 0600);
}

void Spool::Remove(const SentFile& file) const { unlink(PathOf(file).c_str()); }

absl::Status Spool::KeepOnly(const std::vector<SentFile>& files) const {
  std::set<std::string> kept;
  for (const SentFile& file : files) kept.insert(HashName(file.target));
  absl::StatusOr<std::vector<std::string>> names = ListFolder(fd_, folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (kept.count(name) == 0 && unlinkat(fd_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", folder_, "/", name));
  }
  return absl::OkStatus();
}

namespace {

// Whether the file TARGET below ROOT is one with the content of FILE.
bool IsAt(const std::string& root, const std::string& target, const SentFile& file) {
  absl::StatusOr<HostPath> path = SplitHostPath(target);
  if (!path.ok()) return false;
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, path->folder, /*create=*/false);
  if (!folder.ok()) return false;
  UniqueFd fd(
      disk::OpenAt(folder->get(), path->name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info;
  if (!fd.ok() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != file.size)
    return false;
  absl::StatusOr<std::string> digest = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", fd.get()));
  return digest.ok() && *digest == file.sha256;
}

}  // namespace

std::string FindInPlace(const std::string& root, const SentFile& file) {
  for (const std::string& path : {file.target, WaitingPath(file.target)}) {
    if (IsAt(root, path, file)) return path;
  }
  return "";
}

namespace {

// The folder's lock.
absl::StatusOr<UniqueFd> LockFolder(const std::string& path, int how) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok() || disk::Lock(fd.get(), how) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot lock the folder ", path));
  return fd;
}

// A work folder that nobody holds is one whose agent was killed.
void RemoveDeadWork(const std::string& home) {
  for (const std::string& name : NamesIn(home)) {
    if (!absl::StartsWith(name, kWorkPrefix)) continue;
    const std::string path = absl::StrCat(home, "/", name);
    absl::StatusOr<UniqueFd> lock = LockFolder(path, LOCK_EX | LOCK_NB);
    if (lock.ok()) RemoveAll(path);
  }
}

bool IsStillThere(const std::string& path, int fd) {
  struct stat by_name, open_one;
  return lstat(path.c_str(), &by_name) == 0 && fstat(fd, &open_one) == 0 &&
         by_name.st_ino == open_one.st_ino && by_name.st_dev == open_one.st_dev;
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  auto fail = [&] { return ErrnoStatus(errno, absl::StrCat("cannot copy ", from)); };
  UniqueFd in(disk::Open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!in.ok()) return fail();
  UniqueFd out(disk::Open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out.ok()) return fail();
  std::string block(256 << 10, '\0');
  const WipeAtEnd wipe(&block);
  for (;;) {
    const ssize_t n = disk::Read(in.get(), &block[0], block.size());
    if (n == 0) return absl::OkStatus();
    if (n < 0) return fail();
    absl::Status status = WriteAll(out.get(), absl::string_view(block).substr(0, static_cast<size_t>(n)), to);
    if (!status.ok()) return status;
  }
}

}  // namespace

absl::StatusOr<WorkFolder> WorkFolder::Make(const AgentHome& home) {
  RemoveDeadWork(home.folder());
  constexpr int kAttempts = 8;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string name = RandomName();
    if (name.empty()) return absl::InternalError("there are no random numbers there");
    WorkFolder work;
    work.path_ = absl::StrCat(home.folder(), "/", kWorkPrefix, name);
    if (absl::Status status = MakePrivateFolder(work.path_); !status.ok()) return status;
    absl::StatusOr<UniqueFd> lock = LockFolder(work.path_, LOCK_EX);
    // Another agent may have taken it for a dead one's before it was locked.
    if (absl::IsNotFound(lock.status())) continue;
    if (!lock.ok()) return lock.status();
    work.lock_ = *std::move(lock);
    if (work.lock_.ok() && IsStillThere(work.path_, work.lock_.get())) return work;
  }
  return absl::UnavailableError(absl::StrCat("cannot lock a folder in ", home.folder()));
}

WorkFolder::~WorkFolder() {
  if (lock_.ok()) RemoveAll(path_);
}

absl::StatusOr<std::string> WorkFolder::PlaceFor(const std::string& path) const {
  std::string place = absl::StrCat(path_, "/", path);
  absl::Status made = MakeFolders(FolderOf(place), Durability::kUnsynced);
  if (!made.ok()) return made;
  // One source may go to two targets.
  if (unlink(place.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, place);
  return place;
}

absl::Status WorkFolder::Link(const std::string& path, const std::string& from) const {
  absl::StatusOr<std::string> place = PlaceFor(path);
  if (!place.ok()) return place.status();
  return link(from.c_str(), place->c_str()) == 0 ? absl::OkStatus() : CopyFile(from, *place);
}

absl::Status WorkFolder::Copy(const std::string& path, const std::string& from) const {
  absl::StatusOr<std::string> place = PlaceFor(path);
  if (!place.ok()) return place.status();
  return CopyFile(from, *place);
}

}  // namespace kplan
