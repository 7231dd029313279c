#include "src/steps/verify_members.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/process.h"
#include "src/base/record.h"

namespace kplan {
namespace {

std::string Listed(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  return absl::StrJoin(items, ",");
}

// Runs the installed etcdctl as a client would, on every endpoint.
Finding RunEtcdctl(const ClusterExpected& cluster, const std::vector<std::string>& words,
                   std::string* output) {
  std::vector<std::string> endpoints;
  for (const MemberExpected& member : cluster.members) endpoints.push_back(member.probe);
  std::vector<std::string> argv = {cluster.etcdctl};
  argv.insert(argv.end(), words.begin(), words.end());
  for (const std::string& option :
       {absl::StrCat("--endpoints=", absl::StrJoin(endpoints, ",")),
        absl::StrCat("--cacert=", cluster.cacert_path), absl::StrCat("--cert=", cluster.cert_path),
        absl::StrCat("--key=", cluster.key_path)}) {
    argv.push_back(option);
  }
  RunOptions options;
  options.environment = {"ETCDCTL_API=3"};
  options.timeout = absl::Seconds(30);
  const std::string command = absl::StrCat(cluster.etcdctl, " ", absl::StrJoin(words, " "));
  absl::StatusOr<RunResult> result = Run(argv, options);
  if (result.ok() && result->ok()) {
    *output = result->out;
    return {};
  }
  return {"etcdctl", absl::StrCat(command, " succeeds"),
          !result.ok() ? std::string(result.status().message())
          : result->timed_out
              ? "no answer within 30 s"
              : absl::StrCat("exit ", result->exit_code, ": ", absl::StripAsciiWhitespace(result->err)),
          "is it the etcdctl of this architecture and of etcd's version?"};
}

// LINES is etcdctl's table without borders: id, status, name, peer URLs, client URLs, is-learner
// (etcd 3.4; 3.3 has no last).
Finding CheckMembers(const ClusterExpected& cluster, absl::string_view lines, std::vector<MemberSeen>* seen) {
  std::map<std::string, std::vector<std::string>> by_id;
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    std::vector<std::string> fields = absl::StrSplit(line, ", ");
    if (fields.size() != 6) {
      return {"members", "six fields a line of `etcdctl member list`", std::string(line),
              "etcdctl's version"};
    }
    by_id[fields[0]] = fields;
  }
  const std::string all = absl::StrJoin(absl::StrSplit(absl::StripAsciiWhitespace(lines), '\n'), " | ");
  if (by_id.size() != cluster.members.size()) {
    return {"member-count", absl::StrCat(cluster.members.size(), " members"),
            absl::StrCat(by_id.size(), " members: ", all),
            "members that were added by hand, or a data folder that belongs to another cluster"};
  }
  for (const MemberExpected& member : cluster.members) {
    auto it = by_id.find(member.id);
    if (it == by_id.end()) {
      return {"member-id", absl::StrCat("a member ", member.id, " (", member.name, ")"), all,
              "the id follows from the peer URLs and the initial-cluster-token: a data folder of an earlier "
              "cluster keeps "
              "its ids"};
    }
    const std::vector<std::string>& fields = it->second;
    auto differs = [&](const char* check, const std::string& expected, const std::string& value,
                       const char* advice) {
      return Finding{check, absl::StrCat(expected, " for member ", member.id),
                     value.empty() ? "nothing" : value, advice};
    };
    if (fields[1] != "started") return differs("member-status", "started", fields[1], "that member's log");
    if (fields[2] != member.name) return differs("member-name", member.name, fields[2], "etcd's name flag");
    if (Listed(absl::StrSplit(fields[3], ',')) != Listed(member.peer_urls)) {
      return differs("peer-urls", Listed(member.peer_urls), fields[3],
                     "a member keeps its peer URLs until `etcdctl member update`");
    }
    if (Listed(absl::StrSplit(fields[4], ',')) != Listed(member.client_urls)) {
      return differs("client-urls", Listed(member.client_urls), fields[4],
                     "advertise-client-urls; etcd publishes it when it starts");
    }
    if (fields[5] != "false") return differs("learner", "no learner", fields[5], "`etcdctl member promote`");
    for (MemberSeen& entry : *seen) {
      if (entry.endpoint != member.probe) continue;
      entry.id = fields[0];
      entry.name = fields[2];
      entry.peer_urls = absl::StrSplit(fields[3], ',');
      entry.client_urls = absl::StrSplit(fields[4], ',');
    }
  }
  return {};
}

// STATUS is `endpoint status -w json`: which member, of which cluster, answers at each endpoint. Ids are JSON
// numbers.
Finding CheckEndpoints(const ClusterExpected& cluster, const std::string& status, VerifyReport* report) {
  Json json = Json::parse(status, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer cluster_id("/Status/header/cluster_id"), member_id("/Status/header/member_id"),
      version("/Status/version"), leader("/Status/leader"), endpoint("/Endpoint");
  std::map<std::string, const Json*> by_endpoint;
  if (json.is_array()) {
    for (const Json& item : json) {
      if (item.contains(endpoint) && item[endpoint].is_string() && item.contains(cluster_id) &&
          item[cluster_id].is_number_unsigned() && item.contains(member_id) &&
          item[member_id].is_number_unsigned()) {
        by_endpoint[item[endpoint].get<std::string>()] = &item;
      }
    }
  }
  for (const MemberExpected& member : cluster.members) {
    auto it = by_endpoint.find(member.probe);
    if (it == by_endpoint.end()) {
      return {"endpoint-status", absl::StrCat("a status of ", member.probe), status.substr(0, 500),
              "etcdctl's version"};
    }
    const Json& item = *it->second;
    std::string seen_cluster = absl::StrCat(absl::Hex(item[cluster_id].get<uint64_t>()));
    std::string seen_member = absl::StrCat(absl::Hex(item[member_id].get<uint64_t>()));
    report->cluster_id = seen_cluster;
    if (seen_cluster != cluster.cluster_id) {
      return {"cluster-id", absl::StrCat("cluster ", cluster.cluster_id, " at ", member.probe),
              absl::StrCat("cluster ", seen_cluster),
              "the id follows from the members' ids at bootstrap: a data folder of an earlier cluster keeps "
              "its own"};
    }
    if (seen_member != member.id) {
      return {"endpoint-member", absl::StrCat("member ", member.id, " at ", member.probe),
              absl::StrCat("member ", seen_member), "which etcd listens at that address"};
    }
    for (MemberSeen& entry : report->members) {
      if (entry.endpoint != member.probe) continue;
      if (item.contains(version) && item[version].is_string()) entry.version = item[version];
      entry.leader = item.contains(leader) && item[leader] == item[member_id];
    }
  }
  return {};
}

}  // namespace

Finding CheckMembership(const ClusterExpected& cluster, VerifyReport* report) {
  std::string lines, status;
  Finding finding = RunEtcdctl(cluster, {"member", "list"}, &lines);
  if (finding.ok()) finding = CheckMembers(cluster, lines, &report->members);
  if (finding.ok()) finding = RunEtcdctl(cluster, {"endpoint", "status", "--write-out=json"}, &status);
  if (finding.ok()) finding = CheckEndpoints(cluster, status, report);
  return finding;
}

}  // namespace kplan
