#include "src/host/may_write.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

// linux/capability.h
constexpr int kCapChown = 0, kCapFowner = 3;

uint64_t EffectiveCapabilities() {
  absl::StatusOr<std::string> status = ReadFile("/proc/self/status", 1 << 16);
  if (!status.ok()) return 0;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    uint64_t set = 0;
    if (absl::ConsumePrefix(&line, "CapEff:") && absl::SimpleHexAtoi(line, &set)) return set;
  }
  return 0;
}

std::string UserText(uid_t user) {
  // The group is nobody's business here: of the text only the name counts.
  return std::string(
      absl::string_view(*absl::StrSplit(OwnerText({user, user}), absl::MaxSplits(':', 1)).begin()));
}

WriteSight SeePlace(absl::string_view root, absl::string_view path) {
  WriteSight sight;
  struct stat info;
  std::string place = PathFromHere(root, path);
  if (fstatat(AT_FDCWD, place.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) sight.there = info.st_uid;
  for (;;) {
    const size_t slash = place.rfind('/');
    place = slash == std::string::npos ? "." : slash == 0 ? "/" : place.substr(0, slash);
    if (stat(place.c_str(), &info) == 0) break;
    // What cannot be looked at is not judged.
    if (errno != ENOENT || place == "." || place == "/") return sight;
  }
  sight.folder = place;
  sight.folder_owner = info.st_uid;
  sight.sticky = (info.st_mode & S_ISVTX) != 0;
  if (faccessat(AT_FDCWD, place.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return sight;
  sight.read_only = errno == EROFS;
  sight.writable = errno != EACCES && errno != EROFS && errno != EPERM;
  return sight;
}

bool IsGiven(const std::optional<HostOwner>& owner, bool needed, const WriteRights& rights) {
  if (!owner.has_value() || !needed || rights.gives_away) return true;
  return owner->uid == rights.user &&
         (owner->gid == rights.group ||
          std::find(rights.groups.begin(), rights.groups.end(), owner->gid) != rights.groups.end());
}

}  // namespace

WriteRights WriteRights::Own() {
  WriteRights rights;
  rights.user = geteuid();
  rights.group = getegid();
  const int count = getgroups(0, nullptr);
  rights.groups.resize(static_cast<size_t>(std::max(count, 0)));
  if (count > 0 && getgroups(count, rights.groups.data()) < 0) rights.groups.clear();
  const uint64_t capabilities = EffectiveCapabilities();
  rights.as_owner = (capabilities >> kCapFowner & 1) != 0;
  rights.gives_away = (capabilities >> kCapChown & 1) != 0;
  return rights;
}

std::string WhyMayNotWrite(WriteDeed deed, const WriteSight& sight, const WriteRights& rights,
                           const std::optional<HostOwner>& owner, bool changes_owner) {
  const std::string who = absl::StrCat("user ", rights.user);
  if (sight.read_only) return absl::StrCat(sight.folder, ": Read-only file system");
  if (deed == WriteDeed::kSet) {
    if (sight.there.has_value() && *sight.there != rights.user && !rights.as_owner)
      return absl::StrCat(who, " may not change what belongs to ", UserText(*sight.there));
  } else {
    if (!sight.writable && sight.folder_owner != rights.user) {
      return absl::StrCat(who, " may not write to ", sight.folder, ", a folder of ",
                          UserText(sight.folder_owner));
    }
    const bool others = sight.there.has_value() && *sight.there != rights.user;
    if (others && sight.sticky && sight.folder_owner != rights.user && !rights.as_owner) {
      return absl::StrCat(who, " may not replace what belongs to ", UserText(*sight.there), " in ",
                          sight.folder);
    }
  }
  const bool given = deed != WriteDeed::kSet || changes_owner;
  if (!IsGiven(owner, given, rights)) return absl::StrCat(who, " may give nothing to ", OwnerText(*owner));
  return "";
}

absl::Status CheckMayWrite(WriteDeed deed, absl::string_view root, absl::string_view path,
                           const std::optional<HostOwner>& owner) {
  const WriteSight sight = SeePlace(root, path);
  if (sight.folder.empty()) return absl::OkStatus();
  bool changes_owner = false;
  struct stat info;
  if (owner.has_value() && lstat(PathFromHere(root, path).c_str(), &info) == 0)
    changes_owner = info.st_uid != owner->uid || info.st_gid != owner->gid;
  std::string why = WhyMayNotWrite(deed, sight, WriteRights::Own(), owner, changes_owner);
  return why.empty() ? absl::OkStatus() : absl::PermissionDeniedError(std::move(why));
}

}  // namespace kplan
