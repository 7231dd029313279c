// Whether the etcd that runs is the one that was asked for: a verdict that is earned.
//
// Record: {"cacert":PATH, "cert":PATH, "cluster-id":"cdf818194e3a8c32", "etcdctl":PATH, "key":PATH,
// "kind":"verify-etcd",
//   "manager":"systemd|process", "members":[{"client-urls":[URL], "id":"8e9e05c52164694d", "name":"etcd",
//   "peer-urls":[URL], "probe":"https://127.0.0.1:2379", "server-cert":PATH},...],
//   "refuse":["no-cert","wrong-ca","plaintext"], "report":FILE, "root":"/", "service":"etcd",
//   "timeout":SECONDS}
// Every PATH is a path inside the root. cacert, cert and key are the client's; probe is where a member is
// asked.
//
// The checks, in this order: every member answers /health over TLS (waited for, at most `timeout`); shows the
// very certificate that is installed, good for the address it was asked at; `etcdctl member list` has exactly
// the members, with the ids, names and URLs foretold, started and no learners; each endpoint is the member it
// should be, in the cluster it should be; and every kind of stranger in `refuse` is turned away, seen on the
// wire, while a good client still gets in.
//
// The verdict is a fact of one moment, so its digest covers the time too: nothing is made from it, and the
// stamp is then always newer than the report.

#include <openssl/pem.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/steps/service_marker.h"
#include "src/steps/service_state.h"
#include "src/steps/step.h"
#include "src/steps/tls_probe.h"
#include "src/steps/verify_report.h"

namespace kplan {
namespace {

constexpr absl::Duration kProbeTime = absl::Seconds(5);
// How long a client with the right certificate may be turned away before that is the verdict: long enough for
// a certificate and its key that are just being exchanged.
constexpr absl::Duration kPatienceWithRefusals = absl::Seconds(2);

struct Member {
  std::string id, name, probe, server_cert;  // server_cert: PEM, as installed
  std::string server_cert_path;
  std::vector<std::string> client_urls, peer_urls;
  HostPort target;
};

struct Cluster {
  std::string manager, root, service, cluster_id;
  std::string cacert_path, cert_path, key_path, etcdctl;  // on this machine
  std::string ca_pem;
  ClientIdentity client;
  std::vector<Member> members;
  std::vector<std::string> refuse;
  absl::Time deadline;
};

std::string Listed(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  return absl::StrJoin(items, ",");
}

absl::StatusOr<Cluster> ReadCluster(const Record& record) {
  Cluster cluster;
  cluster.manager = record.String("manager");
  cluster.service = record.String("service");
  cluster.cluster_id = record.String("cluster-id");
  cluster.refuse = record.Strings("refuse");
  cluster.deadline = absl::Now() + absl::Seconds(record.Int("timeout"));
  absl::StatusOr<std::string> root = RealRoot(record.String("root"));
  if (!record.status().ok()) return record.status();
  if (!root.ok()) return root.status();
  cluster.root = *root;
  cluster.cacert_path = BelowRoot(*root, record.String("cacert"));
  cluster.cert_path = BelowRoot(*root, record.String("cert"));
  cluster.key_path = BelowRoot(*root, record.String("key"));
  cluster.etcdctl = BelowRoot(*root, record.String("etcdctl"));
  auto members = record.json().find("members");
  if (members == record.json().end() || !members->is_array() || members->empty()) {
    return absl::DataLossError("the record has no members");
  }
  for (const Json& json : *members) {
    Record item(json);
    Member member;
    member.id = item.String("id");
    member.name = item.String("name");
    member.probe = item.String("probe");
    member.server_cert_path = BelowRoot(*root, item.String("server-cert"));
    member.client_urls = item.Strings("client-urls");
    member.peer_urls = item.Strings("peer-urls");
    if (!item.status().ok()) return item.status();
    absl::StatusOr<HostPort> target = ParseHttpsUrl(member.probe);
    if (!target.ok()) return target.status();
    member.target = *target;
    cluster.members.push_back(std::move(member));
  }
  for (const std::string& kind : cluster.refuse) {
    if (kind != "no-cert" && kind != "wrong-ca" && kind != "plaintext") {
      return absl::InvalidArgumentError(absl::StrCat("refuse: there is no kind of client \"", kind, "\""));
    }
  }
  return cluster;
}

Finding Unreadable(const absl::Status& status) {
  return {"installed-files", "readable certificates and key", std::string(status.message()),
          "the install steps put them there; run ninja again"};
}

Finding ReadCertificates(Cluster* cluster) {
  absl::StatusOr<std::string> ca = ReadFile(cluster->cacert_path, 1 << 20);
  if (!ca.ok()) return Unreadable(ca.status());
  absl::StatusOr<std::string> cert = ReadFile(cluster->cert_path, 1 << 20);
  if (!cert.ok()) return Unreadable(cert.status());
  absl::StatusOr<std::string> key = ReadFile(cluster->key_path, 1 << 20);
  if (!key.ok()) return Unreadable(key.status());
  cluster->ca_pem = *std::move(ca);
  cluster->client.cert_pem = *std::move(cert);
  cluster->client.key_pem = Secret(*std::move(key));
  for (Member& member : cluster->members) {
    absl::StatusOr<std::string> served = ReadFile(member.server_cert_path, 1 << 20);
    if (!served.ok()) return Unreadable(served.status());
    member.server_cert = *std::move(served);
  }
  return {};
}

absl::Time ProbeDeadline(const Cluster& cluster) {
  // A probe after the deadline still has a moment: the bound is on waiting for etcd, not on looking at it.
  return std::max(std::min(absl::Now() + kProbeTime, cluster.deadline), absl::Now() + absl::Seconds(1));
}

bool IsHealthy(const ProbeResult& probe) {
  if (HttpStatus(probe.response) != 200) return false;
  Json json = Json::parse(std::string(HttpBody(probe.response)), nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("health") && json["health"] == "true";
}

std::string DescribeProbe(const ProbeResult& probe) {
  if (probe.alert >= 0) return absl::StrCat("TLS alert ", probe.alert, " ", AlertName(probe.alert));
  if (!probe.response.empty()) {
    return absl::StrCat("\"", probe.response.substr(0, probe.response.find_first_of("\r\n")), "\" ",
                        HttpBody(probe.response).substr(0, 200));
  }
  if (!probe.error.empty()) return probe.error;
  return probe.closed ? "the connection was closed without a byte" : "no answer";
}

// Waits until MEMBER is healthy for a good client. *PROBE is the last one.
Finding AwaitHealth(const Cluster& cluster, const Member& member, ProbeResult* probe) {
  Finding finding = {"health", absl::StrCat(member.probe, " answers /health with true over TLS"), "", ""};
  absl::Time first_refusal = absl::InfiniteFuture();
  for (;;) {
    absl::StatusOr<ProbeResult> result =
        ProbeTls(member.target, cluster.ca_pem, cluster.client, ProbeDeadline(cluster));
    if (result.ok()) {
      *probe = *std::move(result);
      if (IsHealthy(*probe)) return {};
      finding.seen = DescribeProbe(*probe);
      finding.advice = "the log; a member that has no quorum or an alarm is not healthy";
      if (probe->alert >= 0) {
        first_refusal = std::min(first_refusal, absl::Now());
        finding.advice = absl::StrCat("etcd turns away the client that has ", cluster.cert_path,
                                      ": does its trusted-ca-file hold the CA that signed it (",
                                      cluster.cacert_path, "), and was etcd restarted since it does?");
      }
    } else {
      finding.seen = std::string(result.status().message());
      if (absl::IsInvalidArgument(result.status()) || absl::IsNotFound(result.status())) {
        finding.advice = "the installed certificate, key and CA, and the address";
        return finding;
      }
      finding.advice =
          absl::StrCat("does ", cluster.service, " run, and listen at that address (listen-client-urls)?");
    }
    if (absl::Now() >= cluster.deadline || absl::Now() - first_refusal > kPatienceWithRefusals)
      return finding;
    if (!result.ok()) {
      absl::StatusOr<bool> starting_or_running =
          ServiceMayComeUp(cluster.manager, cluster.root, cluster.service);
      if (starting_or_running.ok() && !*starting_or_running) {
        finding.seen = absl::StrCat(cluster.service, " is not running (", finding.seen, ")");
        return finding;
      }
    }
    poll(nullptr, 0, 20);  // there is nothing to be told by: it is another machine's process, perhaps
  }
}

Finding CheckServedCertificate(const Member& member, const ProbeResult& probe, CertificateSeen* seen) {
  Finding finding = {"serving-certificate", "", "", ""};
  BioPtr bio(BIO_new_mem_buf(member.server_cert.data(), static_cast<int>(member.server_cert.size())));
  CertificatePtr installed(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (installed == nullptr) {
    finding.expected = absl::StrCat("a PEM certificate in ", member.server_cert_path);
    finding.seen = std::string(OpenSslError("it cannot be read").message());
    finding.advice = "run ninja again: the install step repairs it";
    return finding;
  }
  std::string installed_der = ToDer(installed.get(), i2d_X509);
  absl::StatusOr<CertificateSeen> served = DescribeCertificate(probe.certificate);
  absl::StatusOr<CertificateSeen> wanted = DescribeCertificate(installed_der);
  if (!served.ok() || !wanted.ok()) {
    finding.expected = "two certificates to compare";
    finding.seen = std::string((served.ok() ? wanted : served).status().message());
    finding.advice = member.server_cert_path;
    return finding;
  }
  *seen = *served;
  if (probe.certificate != installed_der) {
    auto brief = [](const CertificateSeen& certificate) {
      return absl::StrCat("sha256 ", certificate.fingerprint, " (", certificate.subject, "; ",
                          absl::StrJoin(certificate.sans, ", "), "; until ", certificate.not_after, ")");
    };
    finding.expected = absl::StrCat("the certificate in ", member.server_cert_path, ", ", brief(*wanted));
    finding.seen = absl::StrCat(member.probe, " serves ", brief(*served));
    finding.advice = "does etcd's cert-file name that file, and is it this etcd that listens there?";
    return finding;
  }
  if (!probe.chain_error.empty()) {
    finding.expected = "a certificate that the CA signed and that is valid now";
    finding.seen = absl::StrCat(member.probe, ": ", probe.chain_error);
    finding.advice = absl::StrCat(member.server_cert_path, " and the clock of this machine");
    return finding;
  }
  const std::string& host = member.target.host;
  if (X509_check_ip_asc(installed.get(), host.c_str(), 0) != 1 &&
      X509_check_host(installed.get(), host.data(), host.size(), 0, nullptr) != 1) {
    finding.expected = absl::StrCat("a certificate that is good for ", host);
    finding.seen = absl::StrCat("it is good for ", absl::StrJoin(served->sans, ", "));
    finding.advice = absl::StrCat("add ", host, " to the certificate's hosts in cluster.yaml");
    return finding;
  }
  return {};
}

// Runs the installed etcdctl as a client would, on every endpoint.
Finding RunEtcdctl(const Cluster& cluster, const std::vector<std::string>& words, std::string* output) {
  std::vector<std::string> endpoints;
  for (const Member& member : cluster.members) endpoints.push_back(member.probe);
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
Finding CheckMembers(const Cluster& cluster, absl::string_view lines, std::vector<MemberSeen>* seen) {
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
  for (const Member& member : cluster.members) {
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
Finding CheckEndpoints(const Cluster& cluster, const std::string& status, VerifyReport* report) {
  Json json = Json::parse(status, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer cluster_id("/Status/header/cluster_id"), member_id("/Status/header/member_id"),
      version("/Status/version"), endpoint("/Endpoint");
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
  for (const Member& member : cluster.members) {
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
      if (entry.endpoint == member.probe && item.contains(version) && item[version].is_string()) {
        entry.version = item[version].get<std::string>();
      }
    }
  }
  return {};
}

absl::StatusOr<ProbeResult> ProbeAs(const Cluster& cluster, const Member& member, const std::string& kind) {
  if (kind == "plaintext") return ProbePlaintext(member.target, ProbeDeadline(cluster));
  ClientIdentity stranger;
  if (kind == "wrong-ca") {
    absl::StatusOr<ClientIdentity> made = MakeStranger(cluster.client);
    if (!made.ok()) return made.status();
    stranger = *std::move(made);
  }
  return ProbeTls(member.target, cluster.ca_pem, stranger, ProbeDeadline(cluster));
}

// Shows that a client of KIND is turned away at MEMBER. Only what the server itself says counts: silence, a
// reset or a timeout looks the same when the network is dead.
Finding CheckRefused(const Cluster& cluster, const Member& member, const std::string& kind,
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

Finding Check(Cluster* cluster, VerifyReport* report, std::string* member_lines) {
  if (Finding finding = ReadCertificates(cluster); !finding.ok()) return finding;
  for (const Member& member : cluster->members) {
    ProbeResult probe;
    if (Finding finding = AwaitHealth(*cluster, member, &probe); !finding.ok()) return finding;
    MemberSeen seen;
    seen.endpoint = member.probe;
    Finding finding = CheckServedCertificate(member, probe, &seen.certificate);
    report->members.push_back(std::move(seen));
    if (!finding.ok()) return finding;
  }
  if (Finding finding = RunEtcdctl(*cluster, {"member", "list"}, member_lines); !finding.ok()) return finding;
  if (Finding finding = CheckMembers(*cluster, *member_lines, &report->members); !finding.ok())
    return finding;
  std::string status;
  if (Finding finding = RunEtcdctl(*cluster, {"endpoint", "status", "--write-out=json"}, &status);
      !finding.ok()) {
    return finding;
  }
  if (Finding finding = CheckEndpoints(*cluster, status, report); !finding.ok()) return finding;
  for (const Member& member : cluster->members) {
    for (const std::string& kind : cluster->refuse) {
      Finding finding = CheckRefused(*cluster, member, kind, &report->refusals);
      if (!finding.ok()) return finding;
    }
  }
  return {};
}

}  // namespace

absl::StatusOr<StepResult> VerifyEtcdStep(const StepContext& context, const Record& record) {
  InitOpenSsl();
  absl::StatusOr<Cluster> cluster = ReadCluster(record);
  if (!cluster.ok()) return cluster.status();
  const std::string report_path = record.String("report");
  if (!record.status().ok()) return record.status();

  VerifyReport report;
  report.label = context.label;
  StepResult result;
  report.failure = Check(&*cluster, &report, &result.output);
  std::string text = report.ToJson(context.now);
  if (absl::Status status = WriteFile(report_path, text, 0644); !status.ok()) return status;
  if (!report.failure.ok()) {
    const Finding& failure = report.failure;
    return absl::FailedPreconditionError(absl::StrCat(
        "verification failed: ", failure.check, "\n  expected: ", failure.expected,
        "\n  seen:     ", failure.seen, "\n  look at:  ", failure.advice, "\n  the last log lines of ",
        cluster->service, ":\n", LastLogLines(cluster->manager, cluster->root, cluster->service)));
  }
  result.digest = Sha256Hex(text);
  result.files.push_back(report_path);
  return result;
}

}  // namespace kplan
