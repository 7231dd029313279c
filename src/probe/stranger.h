#ifndef KPLAN_PROBE_STRANGER_H_
#define KPLAN_PROBE_STRANGER_H_

// Clients that a server should turn away, by their kinds:
//
//   no-cert     without a certificate
//   wrong-ca    with a certificate that a stranger's CA signed, otherwise like a good one
//   plaintext   that speaks plain HTTP
//
// Only what the server itself says counts as a refusal: silence, a reset or a timeout looks the same when the
// network is dead, and a server that fails of itself (IsServersFault) answers nobody. And it counts only
// beside a good client that gets in at the same place a moment later, which is the caller's part: else it was
// everybody that was turned away.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/url.h"
#include "src/probe/tls_probe.h"

namespace kplan {

bool IsStrangerKind(absl::string_view kind);

// "a client without a certificate"; empty for what is no kind.
std::string StrangerText(absl::string_view kind);

// What TARGET does with a stranger of KIND. MODEL: the good client that one with a wrong CA is made to look
// like (its certificate is enough). CA_PEM, DIALER, errors: ProbeTls's.
absl::StatusOr<ProbeResult> ProbeAsStranger(const HostPort& target, const std::string& ca_pem,
                                            const ClientIdentity& model, absl::string_view kind,
                                            absl::Time deadline, const ProbeRequest& request = {},
                                            Dialer* dialer = nullptr);

// Where a server may say no.
enum class Refusing {
  kTls,        // in TLS alone: whoever gets an answer is in
  kTlsOrHttp,  // or in HTTP: 400 (nginx, when a certificate is missing or wrong), 401, 403
};

// Whether PROBE, of a stranger of KIND, was turned away by the server.
bool WasTurnedAway(absl::string_view kind, const ProbeResult& probe, Refusing refusing);

// What was seen, for the person: "TLS alert 42 bad_certificate".
std::string DescribeProbe(const ProbeResult& probe);

}  // namespace kplan

#endif  // KPLAN_PROBE_STRANGER_H_
