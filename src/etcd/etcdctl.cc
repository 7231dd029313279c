#include "src/etcd/etcdctl.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "src/base/host_port_text.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/probe/socket_bridge.h"

namespace kplan {
namespace {

// How long a connection may take to come about.
constexpr absl::Duration kDialTime = absl::Seconds(5);

// The member NAME of OBJECT, null when there is none (or OBJECT is none).
const Json* Find(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// An id, in decimal in etcd's JSON; "" for 0 and for what is none: protobuf leaves zeros out.
std::string Id(const Json& object, const char* name) {
  const Json* id = Find(object, name);
  if (id == nullptr || !id->is_number_unsigned() || *id == uint64_t{0}) return "";
  return absl::StrCat(absl::Hex(id->get<uint64_t>()));
}

uint64_t Number(const Json& object, const char* name) {
  const Json* number = Find(object, name);
  return number != nullptr && number->is_number_unsigned() ? number->get<uint64_t>() : 0;
}

// One line, without what a terminal could act on: anybody may be at the other end, and these are names,
// versions and URLs.
std::string Text(const Json& object, const char* name) {
  const Json* text = Find(object, name);
  return text != nullptr && text->is_string() ? Shown(text->get_ref<const std::string&>()) : "";
}

std::vector<std::string> Texts(const Json& object, const char* name) {
  std::vector<std::string> texts;
  const Json* list = Find(object, name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const Json& text : *list) {
    if (text.is_string()) texts.push_back(Shown(text.get_ref<const std::string&>()));
  }
  return texts;
}

bool IsTrue(const Json& object, const char* name) {
  const Json* value = Find(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::vector<std::string> Sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

// What is none is null, of which nothing can be read.
Json Parse(absl::string_view text) { return ParseJson(text).value_or(Json()); }

// The end of SAID, which is what says why: etcdctl's client logs there, as often as it tries.
std::string LastOf(absl::string_view said) {
  constexpr size_t kMost = 8 << 10;
  return ShownLines(said.substr(said.size() - std::min(said.size(), kMost)));
}

absl::Status NotUnderstood(const char* command, absl::string_view output) {
  return absl::DataLossError(
      absl::StrCat("cannot read what ", command, " printed: ", Shown(output.substr(0, 500))));
}

// Who is asked, and as whom.
std::vector<std::string> FlagsOf(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints) {
  return {absl::StrCat("--endpoints=", absl::StrJoin(endpoints, ",")),
          absl::StrCat("--cacert=", etcdctl.cacert), absl::StrCat("--cert=", etcdctl.cert),
          absl::StrCat("--key=", etcdctl.key)};
}

// WORD as a POSIX shell reads it back (2.2.2, Single-Quotes).
std::string ShellWord(const std::string& word) {
  if (OnlyAlnumAnd(word, "_-./:,=@+%")) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

// PATH of a program that works in another folder.
std::string FromAnywhere(const std::string& path) {
  std::error_code none;
  return std::filesystem::absolute(path, none).string();
}

// Those of ENDPOINTS that this machine does not reach by itself. What is no URL is etcdctl's to tell.
std::vector<HostPort> OutOfReach(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints) {
  std::vector<HostPort> targets;
  if (etcdctl.dialer == nullptr) return targets;
  for (const std::string& endpoint : endpoints) {
    absl::StatusOr<HostPort> target = ParseHttpsUrl(endpoint);
    if (target.ok() && !etcdctl.dialer->IsFromHere(*target)) targets.push_back(*std::move(target));
  }
  return targets;
}

absl::StatusOr<std::string> Say(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                                const std::vector<std::string>& words, const std::string& folder,
                                absl::Duration timeout, absl::string_view input) {
  std::vector<std::string> argv = {etcdctl.program};
  argv.insert(argv.end(), words.begin(), words.end());
  for (std::string& flag : FlagsOf(etcdctl, endpoints)) argv.push_back(std::move(flag));
  RunOptions options;
  options.input = input;
  options.environment = {"ETCDCTL_API=3"};
  options.timeout = timeout;
  options.working_folder = folder;
  absl::StatusOr<RunResult> result = Run(argv, options);
  if (!result.ok()) return result.status();
  if (result->timed_out) {
    return absl::DeadlineExceededError(
        absl::StrCat("no answer within ", absl::ToInt64Seconds(timeout), " s"));
  }
  if (!result->ok()) {
    return absl::UnavailableError(absl::StrCat("exit ", result->exit_code, ": ", LastOf(FailureOf(*result))));
  }
  return std::move(result->out);
}

// TARGET for an etcdctl that works in the folder of a bridge. etcdctl (3.4 to 3.6) takes unixs://HOST:PORT
// for the socket HOST:PORT in its working folder, and checks that the certificate shown there is good for
// HOST (3.4: clientv3/balancer/resolver/endpoint, ParseEndpoint; 3.5 and later: client/v3/internal/endpoint,
// Interpret).
std::string EndpointInFolder(const HostPort& target) {
  return absl::StrCat("unixs://", HostPortText(target));
}

// By way of the dialer.
absl::StatusOr<std::string> SayOverBridge(const Etcdctl& etcdctl, const std::vector<HostPort>& targets,
                                          const std::vector<std::string>& endpoints,
                                          const std::vector<std::string>& words, absl::Duration timeout,
                                          absl::string_view input) {
  absl::StatusOr<std::unique_ptr<SocketBridge>> bridge =
      SocketBridge::Open(etcdctl.dialer, targets, std::min(timeout, kDialTime));
  if (!bridge.ok()) return bridge.status();
  Etcdctl there = etcdctl;
  for (std::string* path : {&there.cacert, &there.cert, &there.key}) *path = FromAnywhere(*path);
  if (absl::StrContains(there.program, '/')) there.program = FromAnywhere(there.program);
  std::vector<std::string> led;
  for (const std::string& endpoint : endpoints) {
    absl::StatusOr<HostPort> target = ParseHttpsUrl(endpoint);
    const bool out = target.ok() && std::any_of(targets.begin(), targets.end(), [&](const HostPort& it) {
                       return it.host == target->host && it.port == target->port;
                     });
    led.push_back(out ? EndpointInFolder(*target) : endpoint);
  }
  absl::StatusOr<std::string> said = Say(there, led, words, (*bridge)->folder(), timeout, input);
  const std::string why_not = said.ok() ? "" : (*bridge)->WhyNot();
  if (why_not.empty()) return said;
  return absl::Status(said.status().code(), why_not);
}

}  // namespace

absl::StatusOr<std::string> RunEtcdctl(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                                       const std::vector<std::string>& words, absl::Duration timeout,
                                       absl::string_view input) {
  const std::vector<HostPort> targets = OutOfReach(etcdctl, endpoints);
  return targets.empty() ? Say(etcdctl, endpoints, words, /*folder=*/"", timeout, input)
                         : SayOverBridge(etcdctl, targets, endpoints, words, timeout, input);
}

std::string EtcdctlLine(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                        const std::vector<std::string>& words) {
  // The words last: they are what a person changes.
  std::vector<std::string> argv = FlagsOf(etcdctl, endpoints);
  argv.insert(argv.begin(), etcdctl.program);
  argv.insert(argv.end(), words.begin(), words.end());
  return absl::StrJoin(argv, " ",
                       [](std::string* out, const std::string& word) { out->append(ShellWord(word)); });
}

absl::StatusOr<MemberList> ParseMemberList(absl::string_view text) {
  const Json json = Parse(text);
  const Json* header = Find(json, "header");
  const Json* members = Find(json, "members");
  MemberList list;
  if (header != nullptr) list.cluster_id = Id(*header, "cluster_id");
  if (list.cluster_id.empty() || members == nullptr || !members->is_array()) {
    return NotUnderstood("`etcdctl member list`", text);
  }
  for (const Json& item : *members) {
    ListedMember member;
    member.id = Id(item, "ID");
    member.name = Text(item, "name");
    member.peer_urls = Sorted(Texts(item, "peerURLs"));
    member.client_urls = Sorted(Texts(item, "clientURLs"));
    member.learner = IsTrue(item, "isLearner");
    if (member.id.empty()) return NotUnderstood("`etcdctl member list`", text);
    list.members.push_back(std::move(member));
  }
  return list;
}

absl::StatusOr<std::vector<EndpointStatus>> ParseEndpointStatus(absl::string_view text) {
  const Json json = Parse(text);
  if (!json.is_array()) return NotUnderstood("`etcdctl endpoint status`", text);
  std::vector<EndpointStatus> all;
  for (const Json& item : json) {
    const Json* status = Find(item, "Status");
    const Json* header = status == nullptr ? nullptr : Find(*status, "header");
    if (header == nullptr) return NotUnderstood("`etcdctl endpoint status`", text);
    EndpointStatus endpoint;
    endpoint.endpoint = Text(item, "Endpoint");
    endpoint.cluster_id = Id(*header, "cluster_id");
    endpoint.member_id = Id(*header, "member_id");
    endpoint.version = Text(*status, "version");
    endpoint.leader_id = Id(*status, "leader");
    if (const Json* downgrade = Find(*status, "downgradeInfo");
        downgrade != nullptr && IsTrue(*downgrade, "enabled"))
      endpoint.downgrade_target = Text(*downgrade, "targetVersion");
    endpoint.learner = IsTrue(*status, "isLearner");
    endpoint.raft_term = Number(*status, "raftTerm");
    endpoint.raft_index = Number(*status, "raftIndex");
    endpoint.raft_applied_index = Number(*status, "raftAppliedIndex");
    endpoint.revision = static_cast<int64_t>(Number(*header, "revision"));
    endpoint.db_size = static_cast<int64_t>(Number(*status, "dbSize"));
    endpoint.db_size_in_use = static_cast<int64_t>(Number(*status, "dbSizeInUse"));
    endpoint.errors = Texts(*status, "errors");
    if (endpoint.cluster_id.empty() || endpoint.member_id.empty()) {
      return NotUnderstood("`etcdctl endpoint status`", text);
    }
    all.push_back(std::move(endpoint));
  }
  return all;
}

}  // namespace kplan
