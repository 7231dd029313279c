#ifndef KPLAN_PROBE_TLS_PROBE_H_
#define KPLAN_PROBE_TLS_PROBE_H_

// What a server at an address really does with a client: which certificate it shows, and whether it lets the
// client in or turns it away, seen on the wire. In process, with OpenSSL.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/dialer.h"
#include "src/base/url.h"
#include "src/pki/openssl_util.h"
#include "src/probe/http_response.h"

namespace kplan {

// A client's certificate (PEM, the leaf first) and key (PEM). Both empty: a client without.
struct ClientIdentity {
  std::string cert_pem;
  Secret key_pem;
};

// A client that is a stranger to the server and looks as much like OURS as one can: its certificate copied
// field by field, names, extensions and issuer, but with a key of its own, signed by a throwaway key in place
// of the issuer's. Made in memory, never on disk.
absl::StatusOr<ClientIdentity> MakeStranger(const ClientIdentity& ours);

// What is asked for.
struct ProbeRequest {
  std::string method = "GET";
  std::string path = "/";                                    // and the query
  std::vector<std::pair<std::string, std::string>> headers;  // beside Host, Connection and Content-Length
  std::string body;
  // The name of the server that it is told in TLS (RFC 6066 3); empty: none, like a client that dials an IP
  // address.
  std::string server_name;
};

// The client's side of one connection that sent a request.
struct ProbeResult {
  int alert = -1;           // the TLS alert the server sent (RFC 8446 6), -1: none (close_notify is none)
  std::string protocol;     // "TLSv1.3"; empty when the handshake did not end
  std::string certificate;  // the server's, DER; empty when it showed none. It comes before the client's, so
                            // one that turns the client away has shown it all the same.
  std::string chain_error;  // why its chain does not lead to the CA; empty when it does
  // The names of the CAs that it takes clients' certificates from, each DER, sorted (CertificateRequest,
  // RFC 8446 4.3.2, RFC 5246 7.4.4). Go sends one for each certificate that it trusts. Empty when the server
  // asks for no certificate, or for one of anybody.
  std::vector<std::string> client_cas;
  std::string response;  // what the server answered, at most 64 KiB; a body in chunks is put together
  bool closed = false;   // the server ended the connection in order (end of stream)
  std::string error;     // what else went wrong: reset, timeout; for the person
};

// Talks TLS to TARGET until it has answered, closes, sends an alert, or DEADLINE. CA_PEM, one CA or several:
// to check the server's chain with (the result is told, the connection goes on). A refusal is a result; an
// error is: nothing listens (Unavailable), the name is unknown, the PEM given is no good (InvalidArgument,
// which says what). DIALER makes the connection; null: this machine does. What the way there takes is no time
// of the server's: the DEADLINE moves by it.
absl::StatusOr<ProbeResult> ProbeTls(const HostPort& target, const std::string& ca_pem,
                                     const ClientIdentity& client, absl::Time deadline,
                                     const ProbeRequest& request = {}, Dialer* dialer = nullptr);

// The subjects of the certificates in CA_PEM, each once, as ProbeResult::client_cas has them.
absl::StatusOr<std::vector<std::string>> SubjectsOf(const std::string& ca_pem);

// The same over plain TCP: what the server says to HTTP without TLS. `alert` is set when it says a TLS alert.
absl::StatusOr<ProbeResult> ProbePlaintext(const HostPort& target, absl::Time deadline,
                                           const ProbeRequest& request = {}, Dialer* dialer = nullptr);

// "bad_certificate" for 42 (RFC 8446 6); "alert 200" for one it does not name.
std::string AlertName(int alert);

// Whether ALERT turns a client away for its certificate (or for having none), and not for something else.
bool IsCertificateAlert(int alert);

// Whether ALERT says that the server failed of itself (internal_error): it says nothing about the client.
// Go's servers, etcd too, send it to everybody when they cannot read their certificate or its key
// (crypto/tls, Config.GetCertificate).
bool IsServersFault(int alert);

// What to look at then.
inline constexpr char kServersFaultAdvice[] =
    "the server fails of itself: may its user read its certificate and key, and enter every folder on the "
    "way "
    "to them, and do the two belong together? Its log says which it was";

}  // namespace kplan

#endif  // KPLAN_PROBE_TLS_PROBE_H_
