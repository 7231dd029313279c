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

#include <errno.h>
#include <openssl/pem.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/host_file.h"
#include "src/steps/outlook.h"
#include "src/steps/service_marker.h"
#include "src/steps/service_state.h"
#include "src/steps/step.h"
#include "src/steps/tls_probe.h"
#include "src/steps/verify_members.h"
#include "src/steps/verify_refusals.h"
#include "src/steps/verify_report.h"
#include "src/steps/verify_table.h"
#include "src/steps/waited.h"

namespace kplan {
namespace {

// How long a client with the right certificate may be turned away before that is the verdict: long enough for
// a certificate and its key that are just being exchanged.
constexpr absl::Duration kPatienceWithRefusals = absl::Seconds(2);

// ROOT_TO_COME: the root need not be there yet.
absl::StatusOr<ClusterExpected> ReadCluster(const Record& record, bool root_to_come = false) {
  ClusterExpected cluster;
  cluster.manager = record.String("manager");
  cluster.service = record.String("service");
  cluster.cluster_id = record.String("cluster-id");
  cluster.refuse = record.Strings("refuse");
  cluster.deadline = absl::Now() + absl::Seconds(record.Int("timeout"));
  absl::StatusOr<std::string> root = record.String("root");
  if (!root_to_come || access(root->c_str(), F_OK) == 0) root = RealRoot(*root);
  if (!record.status().ok()) return record.status();
  if (!root.ok()) return root.status();
  cluster.root = *root;
  cluster.cacert_path = PathFromHere(*root, record.String("cacert"));
  cluster.cert_path = PathFromHere(*root, record.String("cert"));
  cluster.key_path = PathFromHere(*root, record.String("key"));
  cluster.etcdctl = PathFromHere(*root, record.String("etcdctl"));
  auto members = record.json().find("members");
  if (members == record.json().end() || !members->is_array() || members->empty()) {
    return absl::DataLossError("the record has no members");
  }
  for (const Json& json : *members) {
    Record item(json);
    MemberExpected member;
    member.id = item.String("id");
    member.name = item.String("name");
    member.probe = item.String("probe");
    member.server_cert_path = PathFromHere(*root, item.String("server-cert"));
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

// Reads what is installed, but for what IS_TO_COME: files that a step before is going to write.
Finding ReadCertificates(ClusterExpected* cluster, absl::FunctionRef<bool(const std::string&)> is_to_come) {
  absl::Status status;
  auto read = [&](const std::string& path) -> std::string {
    if (!status.ok() || is_to_come(path)) return "";
    absl::StatusOr<std::string> text = ReadFile(path, 1 << 20);
    if (text.ok()) return *std::move(text);
    status = text.status();
    return "";
  };
  cluster->ca_pem = read(cluster->cacert_path);
  cluster->client.cert_pem = read(cluster->cert_path);
  cluster->client.key_pem = Secret(read(cluster->key_path));
  for (MemberExpected& member : cluster->members) member.server_cert = read(member.server_cert_path);
  return status.ok() ? Finding() : Unreadable(status);
}

// Waits until MEMBER is healthy for a good client. *PROBE is the last one.
Finding AwaitHealth(const ClusterExpected& cluster, const MemberExpected& member, ProbeResult* probe) {
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

Finding CheckServedCertificate(const MemberExpected& member, const ProbeResult& probe,
                               CertificateSeen* seen) {
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

// *WAITED: lines about what took long.
Finding Check(const std::string& label, ClusterExpected* cluster, VerifyReport* report, std::string* waited) {
  auto nothing = [](const std::string&) { return false; };
  if (Finding finding = ReadCertificates(cluster, nothing); !finding.ok()) return finding;
  for (const MemberExpected& member : cluster->members) {
    ProbeResult probe;
    const absl::Time begun = absl::Now();
    if (Finding finding = AwaitHealth(*cluster, member, &probe); !finding.ok()) return finding;
    *waited += WaitedLine(label, absl::Now() - begun, absl::StrCat(member.probe, " was healthy"));
    MemberSeen seen;
    seen.endpoint = member.probe;
    Finding finding = CheckServedCertificate(member, probe, &seen.certificate);
    report->members.push_back(std::move(seen));
    if (!finding.ok()) return finding;
  }
  if (Finding finding = CheckMembership(*cluster, report); !finding.ok()) return finding;
  for (const MemberExpected& member : cluster->members) {
    for (const std::string& kind : cluster->refuse) {
      Finding finding = CheckRefused(*cluster, member, kind, &report->refusals);
      if (!finding.ok()) return finding;
    }
  }
  return {};
}

std::string FailureText(const Finding& failure) {
  return absl::StrCat("verification failed: ", failure.check, "\n  expected: ", failure.expected,
                      "\n  seen:     ", failure.seen, "\n  look at:  ", failure.advice);
}

}  // namespace

absl::StatusOr<StepResult> VerifyEtcdStep(const StepContext& context, const Record& record) {
  InitOpenSsl();
  absl::StatusOr<ClusterExpected> cluster = ReadCluster(record);
  if (!cluster.ok()) return cluster.status();
  const std::string report_path = record.String("report");
  if (!record.status().ok()) return record.status();

  VerifyReport report;
  report.label = context.label;
  StepResult result;
  report.failure = Check(context.label, &*cluster, &report, &result.output);
  std::string text = report.ToJson(context.now);
  if (absl::Status status = WriteFile(report_path, text, 0644); !status.ok()) return status;
  if (!report.failure.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(FailureText(report.failure), "\n  the last log lines of ", cluster->service, ":\n",
                     LastLogLines(cluster->manager, cluster->root, cluster->service)));
  }
  result.output += VerdictTable(report, context.now);
  result.digest = Sha256Hex(text);
  result.files.push_back(report_path);
  return result;
}

// Asks nobody: only whether there is everything to ask with.
absl::StatusOr<Outlook> VerifyEtcdLook(const LookContext& context, const Record& record) {
  absl::StatusOr<ClusterExpected> cluster = ReadCluster(record, /*root_to_come=*/!context.foreseen.empty());
  if (!cluster.ok()) return cluster.status();
  record.String("report");
  if (!record.status().ok()) return record.status();
  const std::string root = record.String("root");
  auto is_to_come = [&](const std::string& path) {
    absl::string_view inside = absl::StripPrefix(path, absl::StripSuffix(cluster->root, "/"));
    return context.foreseen.Find(PathFromHere(root, inside)) != nullptr;
  };
  Finding finding = ReadCertificates(&*cluster, is_to_come);
  if (finding.ok() && !is_to_come(cluster->etcdctl) && access(cluster->etcdctl.c_str(), X_OK) != 0) {
    const absl::Status status = ErrnoStatus(errno, absl::StrCat("cannot run ", cluster->etcdctl));
    finding = {"etcdctl", absl::StrCat(cluster->etcdctl, " member list succeeds"),
               std::string(status.message()), "the install steps put it there; run ninja again"};
  }
  if (!finding.ok()) return absl::FailedPreconditionError(FailureText(finding));
  Outlook outlook;
  outlook.changes_digest = true;  // the time of the verdict is in it
  return outlook;
}

}  // namespace kplan
