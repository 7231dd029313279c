#include "src/steps/verify_refusals.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

absl::StatusOr<ProbeResult> ProbeAs(const ClusterExpected& cluster, const MemberExpected& member,
                                    const std::string& kind) {
  if (kind == "plaintext") return ProbePlaintext(member.target, ProbeDeadline(cluster));
  ClientIdentity stranger;
  if (kind == "wrong-ca") {
    absl::StatusOr<ClientIdentity> made = MakeStranger(cluster.client);
    if (!made.ok()) return made.status();
    stranger = *std::move(made);
  }
  return ProbeTls(member.target, cluster.ca_pem, stranger, ProbeDeadline(cluster));
}

}  // namespace

Finding CheckRefused(const ClusterExpected& cluster, const MemberExpected& member, const std::string& kind,
                     std::vector<Refusal>* refusals) {
  static const std::map<std::string, std::string> kWho = {
      {"no-cert", "a client without a certificate"},
      {"wrong-ca", "a client with a certificate signed by a stranger's CA"},
      {"plaintext", "a client that speaks plain HTTP"}};
  static const std::map<std::string, std::string> kAdvice = {
      {"no-cert",
       "client-cert-auth (or trusted-ca-file) is missing from etcd's flags, or etcd was not restarted since"},
      {"wrong-ca", "trusted-ca-file: etcd does not check who signed a client's certificate"},
      {"plaintext", "listen-client-urls has an http:// address there"}};
  const std::string& who = kWho.at(kind);
  Finding finding = {absl::StrCat("refuse ", kind), absl::StrCat(member.probe, " refuses ", who), "",
                     kAdvice.at(kind)};
  absl::StatusOr<ProbeResult> probe = ProbeAs(cluster, member, kind);
  if (!probe.ok()) {
    finding.seen = std::string(probe.status().message());
    finding.advice = "no refusal was seen, so this proves nothing: the network, and the log";
    return finding;
  }
  const int http = HttpStatus(probe->response);
  bool refused;
  if (kind == "plaintext") {
    // etcd 3.4 closes without a byte; Go's own server says 400; other servers send an alert.
    refused = probe->alert >= 0 || http == 400 || (probe->closed && probe->response.empty());
  } else {
    refused = IsCertificateAlert(probe->alert) && probe->response.empty();
  }
  if (!refused) {
    const bool in = !probe->response.empty() && probe->alert < 0;
    finding.seen = absl::StrCat(in ? absl::StrCat(who, " got in: ") : "no refusal: ", DescribeProbe(*probe));
    if (!in) finding.advice = "neither let in nor turned away for its certificate: the network, and the log";
    return finding;
  }
  // The same endpoint, a moment later: what was turned away was the stranger, and not everybody.
  absl::StatusOr<ProbeResult> good =
      ProbeTls(member.target, cluster.ca_pem, cluster.client, ProbeDeadline(cluster));
  if (!good.ok() || !IsHealthy(*good)) {
    finding.expected = absl::StrCat(member.probe, " still answers a good client after it refused ", who);
    finding.seen = good.ok() ? DescribeProbe(*good) : std::string(good.status().message());
    finding.advice = "etcd ended or lost its quorum during the verification: the log";
    return finding;
  }
  refusals->push_back({member.probe, kind, DescribeProbe(*probe)});
  return {};
}

}  // namespace kplan
