#include "src/etcd/verify_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/record.h"

namespace kplan {
namespace {

Json ToJsonValue(const CertificateSeen& certificate) {
  return Json{{"fingerprint-sha256", certificate.fingerprint},
              {"not-after", certificate.not_after},
              {"sans", certificate.sans},
              {"subject", certificate.subject}};
}

Json ToJsonValue(const Finding& finding) {
  return Json{{"advice", finding.advice},
              {"check", finding.check},
              {"expected", finding.expected},
              {"seen", finding.seen}};
}

}  // namespace

std::string VerifyReport::ToJson(absl::Time time) const {
  Json json = {{"cluster-id", cluster_id},  {"label", label},        {"members", Json::array()},
               {"refusals", Json::array()}, {"time", UtcText(time)}, {"verdict", ok() ? "pass" : "fail"}};
  for (const MemberSeen& member : members) {
    Json entry = {{"certificate", ToJsonValue(member.certificate)},
                  {"client-urls", member.client_urls},
                  {"endpoint", member.endpoint},
                  {"id", member.id},
                  {"leader", member.leader},
                  {"name", member.name},
                  {"peer-urls", member.peer_urls},
                  {"version", member.version}};
    if (clustered) {
      entry["raft-index"] = member.raft_index;
      entry["raft-term"] = member.raft_term;
    }
    if (!member.peer_endpoint.empty()) {
      entry["peer-certificate"] = ToJsonValue(member.peer_certificate);
      entry["peer-endpoint"] = member.peer_endpoint;
    }
    json["members"].push_back(std::move(entry));
  }
  for (const Refusal& refusal : refusals) {
    json["refusals"].push_back(
        {{"endpoint", refusal.endpoint}, {"evidence", refusal.evidence}, {"kind", refusal.kind}});
  }
  if (!write.key.empty()) {
    json["write"] = {{"endpoint", write.endpoint},
                     {"key", write.key},
                     {"read-at", write.read_at},
                     {"revision", write.revision}};
  }
  if (!data.not_compared.empty()) json["data"] = {{"not-compared", data.not_compared}};
  if (data.revision != 0) {
    json["data"] = {{"compacted", data.compacted}, {"hashes", Json::object()}, {"revision", data.revision}};
    for (const auto& [member, hash] : data.hashes) json["data"]["hashes"][member] = hash;
  }
  if (!ok()) json["failure"] = ToJsonValue(failures.front());
  if (!ok() && clustered) {
    json["failures"] = Json::array();
    for (const Finding& finding : failures) {
      json["failures"].push_back(ToJsonValue(finding));
      json["failures"].back()["member"] = finding.member;
    }
  }
  // What a server sent is quoted in places; bytes that are no UTF-8 must not end the report.
  return absl::StrCat(json.dump(-1, ' ', false, Json::error_handler_t::replace), "\n");
}

}  // namespace kplan
