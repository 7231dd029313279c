#include "src/probe/stranger.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

struct Stranger {
  absl::string_view kind, text;
};

constexpr Stranger kStrangers[] = {{"no-cert", "a client without a certificate"},
                                   {"wrong-ca", "a client with a certificate signed by a stranger's CA"},
                                   {"plaintext", "a client that speaks plain HTTP"}};

}  // namespace

std::string StrangerText(absl::string_view kind) {
  for (const Stranger& stranger : kStrangers) {
    if (stranger.kind == kind) return std::string(stranger.text);
  }
  return "";
}

bool IsStrangerKind(absl::string_view kind) { return !StrangerText(kind).empty(); }

absl::StatusOr<ProbeResult> ProbeAsStranger(const HostPort& target, const std::string& ca_pem,
                                            const ClientIdentity& model, absl::string_view kind,
                                            absl::Time deadline, const ProbeRequest& request,
                                            Dialer* dialer) {
  if (kind == "plaintext") return ProbePlaintext(target, deadline, request, dialer);
  ClientIdentity stranger;
  if (kind == "wrong-ca") {
    absl::StatusOr<ClientIdentity> made = MakeStranger(model);
    if (!made.ok()) return made.status();
    stranger = *std::move(made);
  }
  return ProbeTls(target, ca_pem, stranger, deadline, request, dialer);
}

bool WasTurnedAway(absl::string_view kind, const ProbeResult& probe, Refusing refusing) {
  const int http = HttpStatus(probe.response);
  if (kind == "plaintext") {
    if (IsServersFault(probe.alert)) return false;
    // etcd 3.4 closes without a byte; Go's own server and nginx say 400; other servers send an alert.
    if (probe.alert >= 0 || http == 400 || (probe.closed && probe.response.empty())) return true;
    return refusing == Refusing::kTlsOrHttp && (http == 403 || http == 426);
  }
  if (IsCertificateAlert(probe.alert) && probe.response.empty()) return true;
  return refusing == Refusing::kTlsOrHttp && (http == 400 || http == 401 || http == 403);
}

std::string DescribeProbe(const ProbeResult& probe) {
  if (probe.alert >= 0) {
    return absl::StrCat(
        "TLS alert ", probe.alert, " ", AlertName(probe.alert),
        IsServersFault(probe.alert) ? ", which is the server's own fault and no refusal" : "");
  }
  if (!probe.response.empty()) {
    const absl::string_view response = probe.response;
    const absl::string_view body = absl::StripAsciiWhitespace(HttpBody(response)).substr(0, 200);
    return absl::StrCat(Quote(response.substr(0, response.find_first_of("\r\n"))), " ", Shown(body));
  }
  if (!probe.error.empty()) return probe.error;
  return probe.closed ? "the connection was closed without a byte" : "no answer";
}

}  // namespace kplan
