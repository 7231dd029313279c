#include "src/look/drift.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/paths.h"
#include "src/host/host_file.h"
#include "src/host/waiting_file.h"
#include "src/pki/certificate_due.h"
#include "src/pki/crl_due.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

// The file on this machine. Only its attributes are looked at; the step opens it with care.
std::string PlaceOf(const Watch& watch) { return PathFromHere(watch.root, watch.path); }

// Below DIR a link is the user's own affair (a CA's key on a disk that is mounted when it is needed), and
// what it leads to is the artifact; on a host it may be so with a folder (base/followed_path.h), and with no
// file.
int LinkFlag(const Watch& watch) {
  const bool may_be_link = watch.root.empty() || (watch.root == "/" && watch.kind == Watch::Kind::kFolder);
  return may_be_link ? 0 : AT_SYMLINK_NOFOLLOW;
}

std::string WhyFileIsStale(const Watch& watch) {
  struct stat info;
  const bool folder = watch.kind == Watch::Kind::kFolder;
  if (fstatat(AT_FDCWD, PlaceOf(watch).c_str(), &info, LinkFlag(watch)) != 0)
    return folder ? "is missing" : "";
  if (folder ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode))
    return folder ? "is not a folder" : "is not a file";
  const mode_t mode = info.st_mode & 07777;
  if (watch.mode == 0 || mode == watch.mode) return "";
  // What its service runs with may have another one; what waits for that has the right one.
  if (watch.kind == Watch::Kind::kFile && !watch.root.empty() && HasWaiting(watch.root, watch.path))
    return "";
  return absl::StrFormat("mode is %04o, should be %04o", mode, watch.mode);
}

}  // namespace

WatchIndex::WatchIndex(const Graph& graph)
    : graph_(graph), first_(graph.steps().size(), kNone), next_(graph.watches().size(), kNone) {
  // Backwards, so that the watches of a step come in their order.
  for (size_t i = graph.watches().size(); i-- > 0;) {
    StepId step = graph.watches()[i].step;
    next_[i] = first_[step];
    first_[step] = static_cast<uint32_t>(i);
  }
}

std::optional<int64_t> Watcher::EndOf(const std::string& issuer) {
  if (issuer.empty()) return std::nullopt;
  auto [end, fresh] = ends_.try_emplace(issuer);
  if (fresh) end->second = EndOfCertificate(issuer);
  return end->second;
}

std::string Watcher::WhyStale(const Watch& watch, bool* time) {
  *time = false;
  if (watch.kind == Watch::Kind::kService) {
    absl::StatusOr<std::string> stale = WhyServiceIsStale(watch.manager, watch.root, watch.path);
    // Where it cannot be told, the step finds out, and says why when it cannot either.
    return stale.ok() ? *std::move(stale) : std::string(stale.status().message());
  }
  if (watch.kind == Watch::Kind::kGone) {
    struct stat info;
    return lstat(PlaceOf(watch).c_str(), &info) == 0 ? absl::StrCat(watch.path, " is there still") : "";
  }
  if (watch.kind == Watch::Kind::kVerdict) {
    const JournalEntry verdict = LastEntry(paths::Journal(watch.root), watch.path);
    return verdict.Known() && verdict.failed ? absl::StrCat(watch.path, " failed") : "";
  }
  if (std::string reason = WhyFileIsStale(watch); !reason.empty()) return reason;
  *time = true;
  switch (watch.kind) {
    case Watch::Kind::kCertificate: {
      // One that somebody else has to renew is good to its last second; running its step before helps nobody.
      const int64_t renew_before = watch.renewable ? watch.renew_before : 1;
      return WhyCertificateIsDue(PlaceOf(watch), EndOf(watch.issuer), renew_before, now_);
    }
    case Watch::Kind::kCrl:
      return WhyCrlIsDue(PlaceOf(watch), now_);
    default:
      return "";
  }
}

bool FilesDiffer(const JournalEntry& entry) {
  return std::any_of(entry.files.begin(), entry.files.end(),
                     [](const auto& file) { return FileSignature(file.first) != file.second; });
}

bool FilesAreNewer(const JournalEntry& entry) {
  return std::any_of(entry.files.begin(), entry.files.end(), [&](const auto& file) {
    struct stat info;
    if (IsWaitingPath(file.first)) return false;  // ninja knows nothing of it
    if (stat(file.first.c_str(), &info) != 0) return true;
    return !S_ISDIR(info.st_mode) &&
           int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1000000 > entry.at;
  });
}

}  // namespace kplan
