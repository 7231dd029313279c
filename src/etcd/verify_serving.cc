#include "src/etcd/verify_serving.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/etcd/verify_alarms.h"
#include "src/pki/openssl_util.h"
#include "src/probe/certificate_seen.h"
#include "src/probe/stranger.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

// How long a client with the right certificate may be turned away, or no certificate be shown, before that is
// the verdict: long enough for a certificate and its key that are just being exchanged.
constexpr absl::Duration kPatienceWithRefusals = absl::Seconds(2);

// How often a member that is not well is asked why.
constexpr absl::Duration kAskAgain = absl::Seconds(1);

// There is nothing to be told by: it is another machine's process, perhaps.
constexpr absl::Duration kPauseUntilHealthy = absl::Milliseconds(20), kPauseForPeers = absl::Milliseconds(50);

}  // namespace

std::vector<Finding> AwaitHealth(const ClusterExpected& cluster, const MemberExpected& member,
                                 ProbeResult* probe) {
  Finding finding = {
      "health", absl::StrCat(member.client.url, " reads through the quorum for a client, over TLS"), "", ""};
  absl::Time first_refusal = absl::InfiniteFuture(), ask_next = absl::InfinitePast();
  for (;;) {
    absl::StatusOr<MemberRead> result = ReadThrough(cluster, member);
    if (result.ok()) {
      *probe = result->probe;
      if (result->served) return {};
      finding.seen = result->seen;
      finding.advice = "the log; a member that has no quorum is not healthy";
      if (probe->alert >= 0) {
        first_refusal = std::min(first_refusal, cluster.clock->Now());
        finding.advice = IsServersFault(probe->alert)
                             ? kServersFaultAdvice
                             : absl::StrCat("etcd turns away the client that has ", cluster.etcdctl.cert,
                                            ": does its trusted-ca-file hold the CA that signed it (",
                                            cluster.cacert_path, "), and was etcd restarted since it does?");
      } else if (HttpStatus(probe->response) != 0 && cluster.clock->Now() >= ask_next) {
        // An alarm does not go by itself: no use in waiting.
        std::vector<Finding> alarms = AskForAlarms(cluster, member);
        if (!alarms.empty()) return alarms;
        ask_next = cluster.clock->Now() + kAskAgain;
      }
    } else {
      finding.seen = std::string(result.status().message());
      if (absl::IsInvalidArgument(result.status()) || absl::IsNotFound(result.status())) {
        finding.advice = "the installed certificate, key and CA, and the address";
        return {finding};
      }
      finding.advice =
          absl::StrCat("does ", cluster.service, " run, and listen at that address (listen-client-urls)?");
    }
    if (cluster.clock->Now() >= cluster.deadline ||
        cluster.clock->Now() - first_refusal > kPatienceWithRefusals)
      return {finding};
    if (!result.ok()) {
      absl::StatusOr<bool> starting_or_running =
          ServiceMayComeUp(cluster.manager, cluster.root, cluster.service);
      if (starting_or_running.ok() && !*starting_or_running) {
        finding.seen = absl::StrCat(cluster.service, " is not running (", finding.seen, ")");
        return {finding};
      }
    }
    cluster.clock->SleepFor(kPauseUntilHealthy);
  }
}

Finding CheckServedCertificate(const ClusterExpected& cluster, const ExpectedPort& port,
                               const ProbeResult& probe, CertificateSeen* seen) {
  Finding finding = {port.peer ? "peer-certificate" : "serving-certificate", "", "", ""};
  absl::StatusOr<std::string> expected = FirstCertificateDer(port.cert);
  if (!expected.ok()) {
    finding.expected = absl::StrCat("a PEM certificate in ", port.cert_path);
    finding.seen = std::string(expected.status().message());
    finding.advice = cluster.clustered ? "run ninja again: its step makes it again"
                                       : "run ninja again: the install step repairs it";
    return finding;
  }
  absl::StatusOr<CertificateSeen> served = DescribeCertificate(probe.certificate);
  absl::StatusOr<CertificateSeen> wanted = DescribeCertificate(*expected);
  if (!served.ok() || !wanted.ok()) {
    finding.expected = "two certificates to compare";
    finding.seen = std::string((served.ok() ? wanted : served).status().message());
    finding.advice = port.cert_path;
    return finding;
  }
  *seen = *served;
  if (probe.certificate != *expected) {
    finding.expected = absl::StrCat("the certificate in ", port.cert_path, ", ", CertificateText(*wanted));
    finding.seen = absl::StrCat(port.url, " serves ", CertificateText(*served));
    finding.advice = absl::StrCat("does etcd's ", port.peer ? "peer-cert-file" : "cert-file",
                                  " name that file, and is it this etcd that listens there?");
    return finding;
  }
  if (!probe.chain_error.empty()) {
    finding.expected = port.peer ? absl::StrCat("a certificate that the CA in ", cluster.peer_cacert_path,
                                                " signed and that is valid now")
                                 : "a certificate that the CA signed and that is valid now";
    finding.seen = absl::StrCat(port.url, ": ", probe.chain_error);
    finding.advice = absl::StrCat(port.cert_path, " and the clock of this machine");
    return finding;
  }
  const std::string& host = port.target.host;
  CertificatePtr certificate = FromDer<CertificatePtr>(*expected, d2i_X509);
  if (X509_check_ip_asc(certificate.get(), host.c_str(), 0) != 1 &&
      X509_check_host(certificate.get(), host.data(), host.size(), 0, nullptr) != 1) {
    finding.expected = absl::StrCat("a certificate that is good for ", host);
    finding.seen = absl::StrCat("it is good for ", absl::StrJoin(served->sans, ", "));
    finding.advice = absl::StrCat("add ", host, " to the certificate's hosts in cluster.yaml");
    return finding;
  }
  return {};
}

Finding CheckPeerCertificate(const ClusterExpected& cluster, const MemberExpected& member,
                             CertificateSeen* seen) {
  const ExpectedPort& port = member.peer;
  const absl::Time until = cluster.clock->Now() + kPatienceWithRefusals;
  for (;;) {
    Finding finding = {"peer-certificate",
                       absl::StrCat(port.url, " shows the certificate in ", port.cert_path), "", ""};
    absl::StatusOr<ProbeResult> probe = ProbeTls(port.target, cluster.peer_ca_pem, ClientIdentity(),
                                                 ProbeDeadline(cluster), VersionRequest(), cluster.dialer());
    if (!probe.ok()) {
      finding.seen = std::string(probe.status().message());
      finding.advice = "does etcd listen for its peers there (listen-peer-urls)?";
    } else if (probe->certificate.empty()) {
      finding.seen = DescribeProbe(*probe);
      finding.advice = IsServersFault(probe->alert)
                           ? kServersFaultAdvice
                           : "what listens there speaks no TLS, or has no certificate: the log";
      absl::StatusOr<ProbeResult> plain =
          ProbePlaintext(port.target, ProbeDeadline(cluster), VersionRequest(), cluster.dialer());
      // 400 is what a TLS server says to plain HTTP.
      if (plain.ok() && HttpStatus(plain->response) != 0 && HttpStatus(plain->response) != 400) {
        finding.check = "refuse plaintext";
        finding.expected = absl::StrCat(port.url, " speaks TLS");
        finding.seen = absl::StrCat("it speaks plain HTTP: ", DescribeProbe(*plain));
        finding.advice =
            "listen-peer-urls has an http:// address there: whoever reaches it reads and writes the "
            "cluster's log";
        return finding;
      }
    } else {
      return CheckServedCertificate(cluster, port, *probe, seen);
    }
    if (cluster.clock->Now() >= until) return finding;
    cluster.clock->SleepFor(kPauseForPeers);
  }
}

}  // namespace kplan
