#include "src/cli/look.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/model/paths.h"
#include "src/steps/certificate_due.h"
#include "src/steps/crl_due.h"
#include "src/steps/host_file.h"
#include "src/steps/service_state.h"

namespace kplan {
namespace {

// The file on this machine. Only its attributes are looked at; the step opens it with care.
std::string PlaceOf(const Watch& watch) { return PathFromHere(watch.root, watch.path); }

// Below DIR a link is the user's own affair (a CA's key on a disk that is mounted when it is needed), and
// what it leads to is the artifact; on a host there are none.
int LinkFlag(const Watch& watch) { return watch.root.empty() ? 0 : AT_SYMLINK_NOFOLLOW; }

// Why the file or folder is not as it should be; empty when it is, or when ninja sees it by itself.
std::string LookAtFile(const Watch& watch) {
  struct stat info;
  bool folder = watch.kind == Watch::Kind::kFolder;
  if (fstatat(AT_FDCWD, PlaceOf(watch).c_str(), &info, LinkFlag(watch)) != 0)
    return folder ? "is missing" : "";
  if (folder ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode))
    return folder ? "is not a folder" : "is not a file";
  mode_t mode = info.st_mode & 07777;
  if (watch.mode == 0 || mode == watch.mode) return "";
  return absl::StrFormat("mode is %04o, should be %04o", mode, watch.mode);
}

// When certificates end that have signed others: of one that signed thousands it is read once.
class IssuerEnds {
 public:
  std::optional<int64_t> Of(const std::string& issuer) {
    if (issuer.empty()) return std::nullopt;
    auto [end, fresh] = ends_.try_emplace(issuer);
    if (fresh) end->second = EndOfCertificate(issuer);
    return end->second;
  }

 private:
  absl::flat_hash_map<std::string, std::optional<int64_t>> ends_;
};

std::string LookAt(const Watch& watch, absl::Time now, IssuerEnds* issuer_ends) {
  switch (watch.kind) {
    case Watch::Kind::kFile:
    case Watch::Kind::kFolder:
      return LookAtFile(watch);
    case Watch::Kind::kCertificate: {
      std::string reason = LookAtFile(watch);
      if (!reason.empty()) return reason;
      // One that somebody else has to renew is good to its last second; running its step before helps nobody.
      int64_t renew_before = watch.renewable ? watch.renew_before : 1;
      return WhyCertificateIsDue(PlaceOf(watch), issuer_ends->Of(watch.issuer), renew_before, now);
    }
    case Watch::Kind::kCrl: {
      std::string reason = LookAtFile(watch);
      return reason.empty() ? WhyCrlIsDue(PlaceOf(watch), now) : reason;
    }
    case Watch::Kind::kService: {
      absl::StatusOr<bool> running = ServiceIsRunning(watch.manager, watch.root, watch.path);
      // Where it cannot be told, the step finds out, and says why when it cannot either.
      if (!running.ok()) return std::string(running.status().message());
      return *running ? "" : "is not running";
    }
  }
  return "";
}

// A file is touched: it is an input of its own stamp, so ninja runs the step, and, where the digest stays,
// nothing that depends on it. What has no file loses its stamp.
void MakeStale(const Watch& watch, const std::string& stamp) {
  bool file = watch.kind != Watch::Kind::kFolder && watch.kind != Watch::Kind::kService;
  if (file && utimensat(AT_FDCWD, PlaceOf(watch).c_str(), nullptr, LinkFlag(watch)) == 0) return;
  unlink(stamp.c_str());
}

}  // namespace

std::vector<std::string> LookForStale(const Graph& graph, absl::Time now) {
  std::vector<std::string> found;
  IssuerEnds issuer_ends;
  for (const Watch& watch : graph.watches()) {
    const std::string& label = graph.steps()[watch.step].label;
    std::string stamp = paths::Stamp(label);
    if (access(stamp.c_str(), F_OK) != 0) continue;
    std::string reason = LookAt(watch, now, &issuer_ends);
    if (reason.empty()) continue;
    MakeStale(watch, stamp);
    // A step that keeps two files of a host has the label of one of them.
    const bool other = !watch.root.empty() && watch.kind == Watch::Kind::kFile &&
                       !absl::EndsWith(label, watch.path) && absl::StartsWith(label, "file/");
    found.push_back(absl::StrCat(label, ": ", other ? absl::StrCat(watch.path, " ") : "", reason));
  }
  return found;
}

}  // namespace kplan
