#include "src/etcd/client_rights.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/pki/common_name.h"

namespace kplan {
namespace {

// Of the role that the commands below make.
constexpr char kRole[] = "kplan";

// As `etcdctl txn` reads one: what is compared, what is done then, and what else. No version is negative.
std::string NeverTrue() {
  const std::string key = absl::StrCat("\"", kVerifyPrefix, "rights\"");
  return absl::StrCat("ver(", key, ") = \"-1\"\n\nget ", key, "\nput ", key, " \"\"\n\n\n");
}

// Of the user itself; etcd tells everybody of the own one (apply_auth.go, UserGet).
void AskUser(const Etcdctl& etcdctl, const std::string& endpoint, absl::Duration timeout,
             ClientRights* rights) {
  const std::string& name = rights->user;
  if (name.empty() || name[0] == '-') return;  // to etcdctl that is an option
  absl::StatusOr<std::string> text =
      RunEtcdctl(etcdctl, {endpoint}, {"user", "get", name, "--write-out=json"}, timeout);
  if (!text.ok()) {
    rights->user_is_there = !absl::StrContains(text.status().message(), "user name not found");
    return;
  }
  absl::StatusOr<Json> json = ParseJson(*text);
  if (!json.ok() || !json->is_object() || !json->contains("roles") || !(*json)["roles"].is_array()) return;
  for (const Json& role : (*json)["roles"]) {
    if (role.is_string()) rights->roles.push_back(role.get<std::string>());
  }
}

bool Has(const std::vector<std::string>& roles, absl::string_view role) {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

}  // namespace

ClientRights AskClientRights(const Etcdctl& etcdctl, const std::string& endpoint, absl::Duration timeout) {
  ClientRights rights;
  rights.user = UserOf(etcdctl);
  // The greatest there is.
  const absl::Status hash =
      RunEtcdctl(etcdctl, {endpoint}, {"endpoint", "hashkv", "--rev=9223372036854775807"}, timeout).status();
  if (hash.ok() || absl::StrContains(hash.message(), "required revision is a future revision")) {
    rights.has = EtcdRight::kRoot;
    return rights;
  }
  if (!IsForWantOfRights(hash.message())) return rights;
  const absl::Status keys = RunEtcdctl(etcdctl, {endpoint}, {"txn"}, timeout, NeverTrue()).status();
  if (!keys.ok() && !IsForWantOfRights(keys.message())) return rights;
  rights.has = keys.ok() ? EtcdRight::kVerifyKeys : EtcdRight::kName;
  AskUser(etcdctl, endpoint, timeout, &rights);
  return rights;
}

absl::Status AsRefusal(const absl::Status& status) {
  if (status.ok() || !IsForWantOfRights(status.message())) return status;
  std::vector<std::string> lines = absl::StrSplit(status.message(), '\n', absl::SkipWhitespace());
  absl::string_view last = lines.back();
  for (absl::string_view prefix : {"etcdserver: ", "auth: "}) {
    if (const size_t at = last.rfind(prefix); at != absl::string_view::npos) {
      last.remove_prefix(at);
      break;
    }
  }
  // etcdctl may close a bracket that it opened before.
  while (!last.empty() && (last.back() == ')' || last.back() == '.')) last.remove_suffix(1);
  return absl::PermissionDeniedError(Shown(last));
}

std::string UserOf(const Etcdctl& etcdctl) { return ReadCommonName(etcdctl.cert).value_or(""); }

std::string UserText(const Etcdctl& etcdctl, absl::string_view user) {
  return user.empty() ? absl::StrCat("no user (no CN can be read from ", etcdctl.cert, ")")
                      : absl::StrCat("user ", Shown(user), " (the CN of ", etcdctl.cert, ")");
}

std::string WantOfRights(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                         const ClientRights& rights, EtcdRight needed, absl::string_view what) {
  const bool root = needed == EtcdRight::kRoot;
  const std::string name = rights.user.empty() ? UserOf(etcdctl) : rights.user;
  std::string text = absl::StrCat(
      "auth is enabled in this etcd, and kplan asks it as ", UserText(etcdctl, name), ", who may not ", what,
      ": it needs ",
      root ? std::string("the role root") : absl::StrCat("a role with readwrite on ", kVerifyPrefix));
  if (name.empty())
    return absl::StrCat(text, ". Take a client certificate (`etcd.tls.client`) whose CN is such a user");
  std::vector<std::vector<std::string>> commands;
  if (!rights.user_is_there) commands.push_back({"user", "add", name, "--no-password"});
  const char* role = root ? "root" : kRole;
  if (!root) {
    if (!Has(rights.roles, role)) commands.push_back({"role", "add", role});
    commands.push_back({"role", "grant-permission", role, "--prefix=true", "readwrite", kVerifyPrefix});
  }
  if (!Has(rights.roles, role)) commands.push_back({"user", "grant-role", name, role});
  absl::StrAppend(
      &text,
      ". Type what follows; --user=root asks for the password of root. (Where root has none, leave "
      "--user out, and give root's own certificate and key.)");
  for (std::vector<std::string>& words : commands) {
    words.insert(words.begin(), "--user=root");
    absl::StrAppend(&text, "\n    ", EtcdctlLine(etcdctl, endpoints, words));
  }
  return text;
}

}  // namespace kplan
