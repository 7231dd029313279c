#include "src/steps/service/check_https.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/probe/certificate_seen.h"
#include "src/probe/stranger.h"
#include "src/probe/tls_probe.h"
#include "src/steps/service/check_curl.h"

namespace kplan {
namespace {

constexpr absl::Duration kProbeTime = absl::Seconds(5);

// What a probe needs, read once.
class Prober {
 public:
  Prober(const HttpsCheck& check, Dialer* dialer) : check_(check), dialer_(dialer) {
    request_.path = check.target.path;
    // A name is told to the server, as any client does.
    const std::string& host = check.target.address.host;
    if (!IsIpAddress(host)) request_.server_name = host;
  }

  absl::Status ReadFiles() {
    absl::Status status;
    auto read = [&](const std::string& path) -> std::string {
      if (path.empty() || !status.ok()) return "";
      absl::StatusOr<std::string> text = ReadFile(path, 1 << 20);
      if (text.ok()) return *std::move(text);
      status = text.status();
      return "";
    };
    ca_pem_ = read(check_.cacert);
    client_.cert_pem = read(check_.cert);
    client_.key_pem = Secret(read(check_.key));
    serves_pem_ = read(check_.serves);
    return status;
  }

  absl::StatusOr<ProbeResult> AskAsOurselves() const {
    return ProbeTls(check_.target.address, ca_pem_, client_, absl::Now() + kProbeTime, request_, dialer_);
  }

  absl::StatusOr<ProbeResult> AskAsStranger(const std::string& kind) const {
    return ProbeAsStranger(check_.target.address, ca_pem_, client_, kind, absl::Now() + kProbeTime, request_,
                           dialer_);
  }

  const std::string& serves_pem() const { return serves_pem_; }

 private:
  const HttpsCheck& check_;
  Dialer* const dialer_;
  ProbeRequest request_;
  std::string ca_pem_, serves_pem_;
  ClientIdentity client_;
};

// The certificate that is served is the first one in the file `serves`, byte for byte.
bool ServesTheRightOne(const HttpsCheck& check, const Prober& prober, CheckOutcome* outcome) {
  outcome->expected = absl::StrCat(check.url, " serves the certificate in ", check.serves);
  absl::StatusOr<std::string> wanted_der = FirstCertificateDer(prober.serves_pem());
  if (!wanted_der.ok()) {
    outcome->seen = std::string(wanted_der.status().message());
    outcome->advice = "run ninja again: its step makes it again";
    outcome->lasting = true;
    return false;
  }
  absl::StatusOr<ProbeResult> probe = prober.AskAsOurselves();
  if (!probe.ok() || probe->certificate.empty()) {
    outcome->seen = probe.ok() ? DescribeProbe(*probe) : std::string(probe.status().message());
    outcome->advice =
        probe.ok() && IsServersFault(probe->alert) ? kServersFaultAdvice : "the network, and the log";
    return false;
  }
  absl::StatusOr<CertificateSeen> wanted = DescribeCertificate(*wanted_der);
  absl::StatusOr<CertificateSeen> served = DescribeCertificate(probe->certificate);
  if (!wanted.ok() || !served.ok()) {
    outcome->seen = std::string((wanted.ok() ? served : wanted).status().message());
    outcome->advice = check.serves;
    return false;
  }
  if (probe->certificate != *wanted_der) {
    // It may come: some servers look at their files once a minute.
    absl::StrAppend(&outcome->expected, ", ", CertificateText(*wanted));
    outcome->seen = absl::StrCat("it serves ", CertificateText(*served));
    outcome->advice =
        "was the server reloaded or restarted since it got that file (on-change of the entry in certs), and "
        "does its configuration name it?";
    return false;
  }
  absl::StrAppend(&outcome->proved, served->fingerprint);
  return true;
}

// A stranger of KIND is turned away, while we get in.
bool Refuses(const HttpsCheck& check, const Prober& prober, const std::string& kind, CheckOutcome* outcome) {
  const std::string who = StrangerText(kind);
  outcome->expected = absl::StrCat(check.url, " refuses ", who);
  outcome->advice = "no refusal was seen, so this proves nothing: the network, and the log";
  outcome->lasting = false;
  absl::StatusOr<ProbeResult> probe = prober.AskAsStranger(kind);
  if (!probe.ok()) {
    outcome->seen = std::string(probe.status().message());
    return false;
  }
  const int http = HttpStatus(probe->response);
  if (http == check.status || !WasTurnedAway(kind, *probe, Refusing::kTlsOrHttp)) {
    const bool in = http != 0;
    outcome->lasting = in;
    outcome->seen = Brief(absl::StrCat(in ? absl::StrCat(who, " got in: ") : "", DescribeProbe(*probe)));
    if (in) {
      outcome->advice =
          kind == "plaintext"
              ? "the server speaks plain HTTP there"
              : "the server does not ask for a client's certificate, or does not check who signed it";
    } else if (IsServersFault(probe->alert)) {
      outcome->advice = kServersFaultAdvice;
    }
    return false;
  }
  absl::StatusOr<ProbeResult> ours = prober.AskAsOurselves();
  if (ours.ok() && HttpStatus(ours->response) == check.status) return true;
  outcome->expected =
      absl::StrCat(check.url, " still answers ", check.status, " to a good client after it refused ", who);
  outcome->seen = ours.ok() ? Brief(DescribeProbe(*ours)) : std::string(ours.status().message());
  outcome->advice = "the service ended or was overloaded meanwhile: the log";
  return false;
}

}  // namespace

absl::StatusOr<HttpsTarget> ParseHttpsTarget(absl::string_view url) {
  auto wrong = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(url), " is no URL to ask at: ", reason));
  };
  for (unsigned char c : url) {
    if (!absl::ascii_isgraph(c))
      return wrong("it has a space, a control character or one beyond ASCII; percent-encode it");
  }
  const std::optional<UrlParts> parts = SplitUrl(url);
  if (parts && absl::EqualsIgnoreCase(parts->scheme, "http"))
    return wrong("it is plain http; only https proves anything");
  if (!parts || parts->scheme != "https") return wrong("write https://HOST:PORT/PATH");
  if (parts->user) return wrong("it has a user name; show a certificate instead");
  if (absl::StrContains(parts->rest, '#')) return wrong("a part after # is never sent to a server");
  HttpsTarget target;
  absl::StatusOr<HostPort> address =
      ParseHostPort(absl::StrCat(parts->host_port, parts->port.empty() ? ":443" : ""));
  if (!address.ok()) return wrong("write https://HOST:PORT/PATH");
  target.address = *std::move(address);
  target.path = absl::StrCat(absl::StartsWith(parts->rest, "/") ? "" : "/", parts->rest);
  return target;
}

absl::StatusOr<HttpsCheck> HttpsCheck::From(const ServiceCheckRecord& record) {
  HttpsCheck check;
  check.url = record.https;
  check.from_host = record.from_host;
  check.status = static_cast<int>(record.status.value_or(check.status));
  check.cacert = record.cacert;
  check.cert = record.cert;
  check.key = record.key;
  check.serves = record.serves;
  check.refuse = record.refuse;
  absl::StatusOr<HttpsTarget> target = ParseHttpsTarget(check.url);
  if (!target.ok()) return target.status();
  check.target = *std::move(target);
  if (check.cacert.empty() && (!check.serves.empty() || !check.refuse.empty())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "what ", check.url, " serves and refuses is looked at with the CA that signed it; name it: ca"));
  }
  for (const std::string& kind : check.refuse) {
    if (!IsStrangerKind(kind))
      return absl::InvalidArgumentError(absl::StrCat("refuse: there is no kind of client \"", kind, "\""));
    if (kind != "plaintext" && check.cert.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "refuse: ", kind, " proves nothing without a `cert` whose owner gets in; add it to the check of ",
          check.url));
    }
  }
  return check;
}

CheckOutcome LookAtHttps(const HttpsCheck& check, const std::shared_ptr<Dialer>& dialer) {
  CheckOutcome outcome;
  outcome.check = absl::StrCat("https ", check.url, check.from_host ? ", by way of the host" : "");
  outcome.expected = absl::StrCat(check.url, " answers ", check.status);
  if (!check.cert.empty()) absl::StrAppend(&outcome.expected, " to who shows ", check.cert);
  absl::StatusOr<HttpAnswer> answer = AskByCurl(check, dialer);
  if (!answer.ok()) {
    outcome.seen = std::string(answer.status().message());
    outcome.advice = "the programs on this machine";
    outcome.lasting = true;
    return outcome;
  }
  if (!answer->error.empty() || answer->status != check.status) {
    outcome.seen = answer->status == 0 ? "" : absl::StrCat("it answers ", answer->status);
    if (!answer->body.empty()) absl::StrAppend(&outcome.seen, ": ", Quote(answer->body));
    if (!answer->error.empty())
      absl::StrAppend(&outcome.seen, outcome.seen.empty() ? "" : "; ", answer->error);
    outcome.advice = answer->status != 0 ? "the path of the URL, and the log"
                                         : "does it listen at that address, with a certificate that is good "
                                           "for it and signed by the CA that the check names?";
    // A server that comes up says 5xx, or nothing.
    outcome.lasting = answer->lasting || (answer->status != 0 && answer->status < 500);
    return outcome;
  }
  outcome.said = absl::StrCat(check.url, " answers ", check.status);
  if (!check.serves.empty() || !check.refuse.empty()) {
    Prober prober(check, dialer.get());
    if (absl::Status status = prober.ReadFiles(); !status.ok()) {
      outcome.seen = std::string(status.message());
      outcome.advice = "the certificates are made again by ninja";
      outcome.lasting = true;
      return outcome;
    }
    if (!check.serves.empty()) {
      if (!ServesTheRightOne(check, prober, &outcome)) return outcome;
      absl::StrAppend(&outcome.said, ", serves ", check.serves);
    }
    for (const std::string& kind : check.refuse) {
      if (!Refuses(check, prober, kind, &outcome)) return outcome;
    }
    if (!check.refuse.empty())
      absl::StrAppend(&outcome.said, "; refuses ", absl::StrJoin(check.refuse, ", "));
  }
  outcome.holds = true;
  return outcome;
}

}  // namespace kplan
