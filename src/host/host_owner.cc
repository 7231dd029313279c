#include "src/host/host_owner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"

namespace kplan {
namespace {

constexpr size_t kMaxAccountFile = 64 << 20;

// The fields of the line of TEXT whose first field is NAME, or whose third is (an id); empty when there is
// none.
std::vector<std::string> FindAccount(absl::string_view text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<std::string> fields = absl::StrSplit(line, ':');
    if (fields.size() >= 4 && (fields[0] == name || fields[2] == name)) return fields;
  }
  return {};
}

absl::StatusOr<std::vector<std::string>> LookUp(const std::string& file, const char* database,
                                                const std::string& name, bool here) {
  absl::StatusOr<std::string> text = ReadFile(file, kMaxAccountFile);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (text.ok()) {
    std::vector<std::string> fields = FindAccount(*text, name);
    if (!fields.empty()) return fields;
  }
  if (!here) return std::vector<std::string>();
  absl::StatusOr<RunResult> result = Run({"getent", "--", database, name});
  if (absl::IsNotFound(result.status())) return std::vector<std::string>();
  if (!result.ok()) return result.status();
  if (result->exit_code == 2) return std::vector<std::string>();  // getent(1): the key was not found
  if (!result->ok()) {
    return absl::UnavailableError(
        absl::StrCat("getent ", database, " ", name, " failed: ", FailureOf(*result)));
  }
  return FindAccount(result->out, name);
}

bool IsName(absl::string_view text) {
  if (text.empty() || text.size() > 256) return false;
  for (char c : text) {
    if (!(absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '$')) return false;
  }
  return text[0] != '-';
}

}  // namespace

absl::StatusOr<HostOwner> LookUpOwner(absl::string_view owner, const AccountFiles& files) {
  std::pair<std::string, std::string> parts = absl::StrSplit(owner, absl::MaxSplits(':', 1));
  const std::string& user = parts.first;
  const std::string& group = parts.second;
  bool has_group = owner.find(':') != absl::string_view::npos;
  if (!IsName(user) || (has_group && !IsName(group))) {
    return absl::InvalidArgumentError(absl::StrCat("\"", owner, "\" is no owner; write USER or USER:GROUP"));
  }
  HostOwner found;
  uint32_t id = 0;
  bool is_number = absl::SimpleAtoi(user, &id);
  if (is_number) found.uid = id;
  if (!is_number || !has_group) {
    absl::StatusOr<std::vector<std::string>> account = LookUp(files.passwd, "passwd", user, files.here);
    if (!account.ok()) return account.status();
    uint32_t login_group = 0;
    if (account->empty() || !absl::SimpleAtoi((*account)[2], &id) ||
        !absl::SimpleAtoi((*account)[3], &login_group)) {
      if (is_number) {
        return absl::NotFoundError(
            absl::StrCat("no user with the number ", user, " on this host; write ", user, ":GROUP"));
      }
      return absl::NotFoundError(absl::StrCat("no user \"", user,
                                              "\" on this host; create it first (useradd --system ", user,
                                              "), or name another owner"));
    }
    found.uid = id;
    found.gid = login_group;
  }
  if (!has_group) return found;
  if (absl::SimpleAtoi(group, &id)) {
    found.gid = id;
    return found;
  }
  absl::StatusOr<std::vector<std::string>> account = LookUp(files.group, "group", group, files.here);
  if (!account.ok()) return account.status();
  if (account->empty() || !absl::SimpleAtoi((*account)[2], &id)) {
    return absl::NotFoundError(absl::StrCat("no group \"", group,
                                            "\" on this host; create it first (groupadd --system ", group,
                                            "), or name another"));
  }
  found.gid = id;
  return found;
}

absl::StatusOr<std::optional<HostOwner>> OwnerBelow(absl::string_view root, absl::string_view owner) {
  if (root != "/") return std::optional<HostOwner>();
  if (owner.empty()) return std::optional<HostOwner>(HostOwner());
  absl::StatusOr<HostOwner> found = LookUpOwner(owner);
  if (!found.ok()) return found.status();
  return std::optional<HostOwner>(*found);
}

std::vector<AttributeDifference> AttributeDifferences(const HostFileState& state, mode_t mode,
                                                      const std::optional<HostOwner>& owner) {
  std::vector<AttributeDifference> differences;
  if (state.mode != mode) {
    differences.push_back({"mode", absl::StrCat("mode was ", ModeText(state.mode), ", is ", ModeText(mode)),
                           ModeText(state.mode), ModeText(mode)});
  }
  if (owner.has_value() && (state.uid != owner->uid || state.gid != owner->gid)) {
    differences.push_back(
        {"owner", absl::StrCat("owner was ", state.uid, ":", state.gid, ", is ", owner->uid, ":", owner->gid),
         OwnerText({state.uid, state.gid}), OwnerText(*owner)});
  }
  return differences;
}

std::string OwnerText(const HostOwner& owner, const AccountFiles& files) {
  // A name that cannot be looked up is no reason to fail: the number is as good.
  auto account_of = [](const std::string& file, uint32_t id) -> std::vector<std::string> {
    absl::StatusOr<std::string> text = ReadFile(file, kMaxAccountFile);
    const std::string number = absl::StrCat(id);
    for (absl::string_view line : absl::StrSplit(text.ok() ? absl::string_view(*text) : "", '\n')) {
      std::vector<std::string> fields = absl::StrSplit(line, ':');
      if (fields.size() >= 4 && fields[2] == number) return fields;
    }
    return {};
  };
  std::vector<std::string> user = account_of(files.passwd, owner.uid);
  const std::string name = user.empty() ? absl::StrCat(owner.uid) : user[0];
  if (!user.empty() && user[3] == absl::StrCat(owner.gid)) return name;
  std::vector<std::string> group = account_of(files.group, owner.gid);
  return absl::StrCat(name, ":", group.empty() ? absl::StrCat(owner.gid) : group[0]);
}

absl::Status GiveTo(const std::optional<HostOwner>& owner, int fd) {
  if (!owner.has_value()) return absl::OkStatus();
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "cannot stat it");
  if (info.st_uid == owner->uid && info.st_gid == owner->gid) return absl::OkStatus();
  if (fchown(fd, owner->uid, owner->gid) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot give it to ", owner->uid, ":", owner->gid));
}

}  // namespace kplan
