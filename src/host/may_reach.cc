#include "src/host/may_reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

constexpr size_t kMaxAccountFile = 64 << 20;
constexpr unsigned kEnter = 1;

// The groups that list USER, by the file.
std::vector<gid_t> GroupsThatList(const std::string& user, const std::string& file) {
  std::vector<gid_t> groups;
  absl::StatusOr<std::string> text = ReadFile(file, kMaxAccountFile);
  for (absl::string_view line : absl::StrSplit(text.ok() ? absl::string_view(*text) : "", '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    gid_t id = 0;
    if (fields.size() < 4 || !absl::SimpleAtoi(fields[2], &id)) continue;
    const std::vector<absl::string_view> members = absl::StrSplit(fields[3], ',');
    if (std::find(members.begin(), members.end(), user) != members.end()) groups.push_back(id);
  }
  return groups;
}

// Those that a directory of accounts (LDAP) has, too; none where nobody can be asked.
std::vector<gid_t> AllGroupsOf(const std::string& user) {
  std::vector<gid_t> groups;
  absl::StatusOr<RunResult> result = Run({"id", "-G", "--", user});
  if (!result.ok() || !result->ok()) return groups;
  for (absl::string_view word : absl::StrSplit(result->out, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    gid_t id = 0;
    if (absl::SimpleAtoi(word, &id)) groups.push_back(id);
  }
  return groups;
}

bool IsIn(const Reader& reader, gid_t group) {
  return reader.owner.gid == group ||
         std::find(reader.groups.begin(), reader.groups.end(), group) != reader.groups.end();
}

std::optional<PlaceRights> SeeRights(const std::string& place) {
  struct stat info;
  if (stat(place.c_str(), &info) != 0) return std::nullopt;
  PlaceRights rights;
  rights.mode = info.st_mode & 07777;
  rights.owner = {info.st_uid, info.st_gid};
  char value[4096];  // the kernel lists no more than 500 entries of 8 bytes on any file system
  const ssize_t size = getxattr(place.c_str(), "system.posix_acl_access", value, sizeof(value));
  if (size > 0) rights.entries = ParseAccessEntries(absl::string_view(value, static_cast<size_t>(size)));
  return rights;
}

void AddFolders(const std::string& path, std::vector<std::string>* folders) {
  for (size_t slash = 0; slash != std::string::npos; slash = path.find('/', slash + 1)) {
    std::string folder = slash == 0 ? "/" : path.substr(0, slash);
    if (std::find(folders->begin(), folders->end(), folder) != folders->end()) continue;
    struct stat info;
    if (lstat(folder.c_str(), &info) != 0) return;
    if (!S_ISLNK(info.st_mode)) {
      folders->push_back(std::move(folder));
      continue;
    }
    // Without links, so that this ends.
    const std::unique_ptr<char, decltype(&free)> real(realpath(folder.c_str(), nullptr), &free);
    if (real == nullptr) return;
    AddFolders(absl::StrCat(real.get(), "/"), folders);
  }
}

// "chmod o+x /etc/etcd"
std::string Remedy(const Reader& reader, const std::string& folder, char by) {
  if (by != 'a') return absl::StrCat("chmod ", std::string(1, by), "+x ", folder);
  return absl::StrCat("setfacl -m u:", reader.name, ":x ", folder);
}

absl::Status CheckEach(const Reader& reader, const std::string& path, PlaceToCome to_come,
                       absl::FunctionRef<bool(const std::string& folder)> is_readers) {
  for (const std::string& folder : FoldersTo(path)) {
    if (is_readers(folder)) continue;
    std::optional<PlaceRights> rights = to_come(folder);
    if (!rights.has_value()) rights = SeeRights(folder);
    char by = 'o';
    if (!rights.has_value() || (RightsOf(reader, *rights, &by) & kEnter) != 0) continue;
    return absl::PermissionDeniedError(
        absl::StrCat(reader.name, " may not enter ", folder, " (", ModeText(rights->mode), ", of ",
                     OwnerText(rights->owner), "), which is on the way to ", path, "; `",
                     Remedy(reader, folder, by), "` lets it, or move the file to where it may get"));
  }
  return absl::OkStatus();
}

std::optional<PlaceRights> AsItIs(const std::string&) { return std::nullopt; }
bool IsNobodys(const std::string&) { return false; }

}  // namespace

absl::StatusOr<Reader> ReaderOf(const std::string& user, const std::string& group,
                                const std::vector<std::string>& more, const AccountFiles& files) {
  Reader reader;
  reader.name = user;
  reader.owner = {kNoUser, kNoUser};
  auto absent = [](const absl::Status& status) {
    return absl::IsNotFound(status) || absl::IsInvalidArgument(status);
  };
  absl::StatusOr<HostOwner> owner = LookUpOwner(user, files);
  if (!owner.ok() && !absent(owner.status())) return owner.status();
  uid_t number = 0;
  if (owner.ok()) {
    reader.owner = *owner;
    reader.groups = GroupsThatList(user, files.group);
  } else if (absl::SimpleAtoi(user, &number)) {
    reader.owner.uid = number;
  }
  auto gid_of = [&](const std::string& name) -> absl::StatusOr<gid_t> {
    absl::StatusOr<HostOwner> found = LookUpOwner(absl::StrCat("0:", name), files);
    if (found.ok()) return found->gid;
    return absent(found.status()) ? absl::StatusOr<gid_t>(kNoUser) : found.status();
  };
  if (!group.empty()) {
    absl::StatusOr<gid_t> id = gid_of(group);
    if (!id.ok()) return id.status();
    reader.owner.gid = *id;
  }
  for (const std::string& name : more) {
    absl::StatusOr<gid_t> id = gid_of(name);
    if (!id.ok()) return id.status();
    reader.groups.push_back(*id);
  }
  return reader;
}

std::vector<AccessEntry> ParseAccessEntries(absl::string_view value) {
  constexpr size_t kHeader = 4, kEntry = 8;
  uint32_t version = 0;
  if (value.size() < kHeader || (value.size() - kHeader) % kEntry != 0) return {};
  memcpy(&version, value.data(), sizeof(version));
  if (version != 2) return {};
  std::vector<AccessEntry> entries;
  for (size_t at = kHeader; at < value.size(); at += kEntry) {
    AccessEntry entry;
    memcpy(&entry.tag, value.data() + at, sizeof(entry.tag));
    memcpy(&entry.bits, value.data() + at + 2, sizeof(entry.bits));
    memcpy(&entry.id, value.data() + at + 4, sizeof(entry.id));
    entries.push_back(entry);
  }
  return entries;
}

unsigned RightsOf(const Reader& reader, const PlaceRights& place, char* by) {
  *by = 'u';
  if (reader.owner.uid == place.owner.uid) return place.mode >> 6 & 7;
  if (place.entries.empty()) {
    *by = IsIn(reader, place.owner.gid) ? 'g' : 'o';
    return *by == 'g' ? place.mode >> 3 & 7 : place.mode & 7;
  }
  // The order of the kernel (fs/posix_acl.c, posix_acl_permission). With a list the group's bits of the mode
  // are its mask.
  *by = 'a';
  unsigned mask = 7, groups = 0;
  bool in_group = false;
  for (const AccessEntry& entry : place.entries) {
    if (entry.tag == AccessEntry::kMask) mask = entry.bits;
  }
  for (const AccessEntry& entry : place.entries) {
    if (entry.tag == AccessEntry::kUser && entry.id == reader.owner.uid) return entry.bits & mask;
    const bool is_in = (entry.tag == AccessEntry::kGroup && IsIn(reader, place.owner.gid)) ||
                       (entry.tag == AccessEntry::kNamedGroup && IsIn(reader, entry.id));
    if (!is_in) continue;
    in_group = true;
    groups |= entry.bits;
  }
  return in_group ? groups & mask : place.mode & 7;
}

std::vector<std::string> FoldersTo(const std::string& path) {
  std::vector<std::string> folders;
  AddFolders(path, &folders);
  return folders;
}

absl::Status CheckMayReach(const Reader& reader, const std::string& path, PlaceToCome to_come,
                           absl::FunctionRef<bool(const std::string& folder)> is_readers) {
  const absl::Status status = CheckEach(reader, path, to_come, is_readers);
  if (status.ok() || reader.owner.uid == kNoUser) return status;
  // Before that is said of somebody, all groups count.
  Reader known = reader;
  const std::vector<gid_t> groups = AllGroupsOf(reader.name);
  known.groups.insert(known.groups.end(), groups.begin(), groups.end());
  return CheckEach(known, path, to_come, is_readers);
}

absl::Status CheckMayReach(const Reader& reader, const std::string& path) {
  return CheckMayReach(reader, path, AsItIs, IsNobodys);
}

}  // namespace kplan
