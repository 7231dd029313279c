#include "src/etcd/verify_refusals.h"

#include <openssl/x509.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/pki/openssl_util.h"
#include "src/probe/stranger.h"

namespace kplan {
namespace {

std::string AdviceFor(const ExpectedPort& port, const std::string& kind) {
  if (kind == "no-cert") {
    return absl::StrCat(port.peer ? "peer-client-cert-auth (or peer-trusted-ca-file)"
                                  : "client-cert-auth (or trusted-ca-file)",
                        " is missing from etcd's flags, or etcd was not restarted since");
  }
  if (kind == "wrong-ca") {
    return absl::StrCat(port.peer ? "peer-trusted-ca-file" : "trusted-ca-file",
                        ": etcd does not check who signed a client's certificate");
  }
  return absl::StrCat(port.peer ? "listen-peer-urls" : "listen-client-urls", " has an http:// address there");
}

// Whether a good client still gets in; if not, what was seen instead.
bool GoodOneGetsIn(const ClusterExpected& cluster, const MemberExpected& member, const ExpectedPort& port,
                   std::string* seen) {
  if (!port.peer) {
    absl::StatusOr<MemberRead> read = ReadThrough(cluster, member);
    *seen = read.ok() ? read->seen : std::string(read.status().message());
    return read.ok() && read->served;
  }
  const ClientIdentity& good = member.peer_identity;
  absl::StatusOr<ProbeResult> probe = ProbeTls(port.target, CaOf(cluster, port), good, ProbeDeadline(cluster),
                                               VersionRequest(), cluster.dialer());
  if (!probe.ok()) {
    *seen = std::string(probe.status().message());
    return false;
  }
  *seen = DescribeProbe(*probe);
  if (good.cert_pem.empty()) return !probe->certificate.empty() && !probe->client_cas.empty();
  const bool through = !probe->protocol.empty() && probe->alert < 0;
  return through && (HttpStatus(probe->response) != 0 || probe->closed);
}

// DER names, one a comma and blank: "CN=prod-etcd-ca".
std::string NamesText(const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  for (const std::string& der : names) {
    NamePtr name = FromDer<NamePtr>(der, d2i_X509_NAME);
    BioPtr out(BIO_new(BIO_s_mem()));
    if (name != nullptr) {
      X509_NAME_print_ex(out.get(), name.get(), 0,
                         ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL |
                             XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_FN_SN);
    }
    char* bytes = nullptr;
    long size = BIO_get_mem_data(out.get(), &bytes);  // NOLINT(runtime/int): OpenSSL's type
    texts.push_back(absl::StrCat("\"", absl::string_view(bytes, size), "\""));
  }
  return texts.empty() ? "nobody" : absl::StrJoin(texts, ", ");
}

}  // namespace

Finding CheckRefused(const ClusterExpected& cluster, const MemberExpected& member, const ExpectedPort& port,
                     const std::string& kind, std::vector<Refusal>* refusals) {
  const std::string who = StrangerText(kind);
  Finding finding = {absl::StrCat("refuse ", kind), absl::StrCat(port.url, " refuses ", who), "",
                     AdviceFor(port, kind)};
  ClientIdentity peer_model;
  peer_model.cert_pem = port.cert;
  absl::StatusOr<ProbeResult> probe =
      ProbeAsStranger(port.target, CaOf(cluster, port), port.peer ? peer_model : cluster.client, kind,
                      ProbeDeadline(cluster), VersionRequest(), cluster.dialer());
  if (!probe.ok()) {
    finding.seen = std::string(probe.status().message());
    finding.advice = "no refusal was seen, so this proves nothing: the network, and the log";
    return finding;
  }
  if (!WasTurnedAway(kind, *probe, Refusing::kTls)) {
    // At the members' port, whoever gets through the handshake has a certificate that counts.
    const bool in = probe->alert < 0 &&
                    (!probe->response.empty() || (port.peer && !probe->protocol.empty() && probe->closed));
    finding.seen = absl::StrCat(in ? absl::StrCat(who, " got in: ") : "no refusal: ", DescribeProbe(*probe));
    if (!in) {
      finding.advice = IsServersFault(probe->alert)
                           ? kServersFaultAdvice
                           : "neither let in nor turned away for its certificate: the network, and the log";
    }
    return finding;
  }
  // The same port, a moment later: what was turned away was the stranger, and not everybody.
  std::string seen;
  if (!GoodOneGetsIn(cluster, member, port, &seen)) {
    finding.expected = absl::StrCat(
        port.url,
        port.peer ? " still lets its own member through the handshake" : " still answers a good client",
        " after it refused ", who);
    finding.seen = seen;
    finding.advice = port.peer
                         ? absl::StrCat("does peer-trusted-ca-file hold the CA that signed ", port.cert_path,
                                        ", and has that certificate the usage \"client auth\"?")
                         : "etcd ended or lost its quorum during the verification: the log";
    return finding;
  }
  refusals->push_back({port.url, kind, DescribeProbe(*probe)});
  return {};
}

Finding CheckTrust(const ClusterExpected& cluster, const ExpectedPort& port) {
  Finding finding = {port.peer ? "peer-trust" : "trust", "", "", ""};
  const std::string& path = CaPathOf(cluster, port);
  absl::StatusOr<std::vector<std::string>> wanted = SubjectsOf(CaOf(cluster, port));
  absl::StatusOr<ProbeResult> probe = ProbeTls(port.target, CaOf(cluster, port), ClientIdentity(),
                                               ProbeDeadline(cluster), VersionRequest(), cluster.dialer());
  if (!wanted.ok() || !probe.ok()) {
    finding.expected = absl::StrCat(port.url, " asks for certificates of the CAs in ", path);
    finding.seen = std::string((wanted.ok() ? probe.status() : wanted.status()).message());
    finding.advice = "the network, and the log";
    return finding;
  }
  if (IsServersFault(probe->alert)) {
    finding.expected = absl::StrCat(port.url, " asks for certificates of the CAs in ", path);
    finding.seen = DescribeProbe(*probe);
    finding.advice = kServersFaultAdvice;
    return finding;
  }
  const std::vector<std::string>& asked = probe->client_cas;
  if (asked == *wanted) return {};
  std::vector<std::string> more, less;
  std::set_difference(asked.begin(), asked.end(), wanted->begin(), wanted->end(), std::back_inserter(more));
  std::set_difference(wanted->begin(), wanted->end(), asked.begin(), asked.end(), std::back_inserter(less));
  finding.expected =
      absl::StrCat(port.url, " takes certificates of the CAs in ", path, ", ", NamesText(*wanted));
  finding.seen = absl::StrCat("it takes those of ", NamesText(asked));
  if (!more.empty()) absl::StrAppend(&finding.seen, "; too many: ", NamesText(more));
  if (!less.empty()) absl::StrAppend(&finding.seen, "; missing: ", NamesText(less));
  finding.advice = absl::StrCat("what etcd's ", port.peer ? "peer-trusted-ca-file" : "trusted-ca-file",
                                " held when etcd was started");
  return finding;
}

}  // namespace kplan
