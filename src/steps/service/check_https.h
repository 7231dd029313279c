#ifndef KPLAN_STEPS_SERVICE_CHECK_HTTPS_H_
#define KPLAN_STEPS_SERVICE_CHECK_HTTPS_H_

// Whether a server answers over TLS as it should: asked from this machine, as its clients ask, or by way of
// its host, where none of these gets there.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/dialer.h"
#include "src/base/url.h"
#include "src/step/questions.h"
#include "src/step/service_records.h"

namespace kplan {

// "https://HOST[:PORT][/PATH][?QUERY]".
struct HttpsTarget {
  HostPort address;  // port 443 when the URL has none
  std::string path;  // "/metrics?a=b", "/" at least
};

// InvalidArgument, with the reason, for anything else: plain http, a user name, a fragment, spaces.
absl::StatusOr<HttpsTarget> ParseHttpsTarget(absl::string_view url);

struct HttpsCheck {
  std::string url;
  HttpsTarget target;
  bool from_host = false;           // it is asked by way of its host
  int status = 200;                 // the one that is right
  std::string cacert;               // who has to have signed what is served; empty: the system's CAs
  std::string cert, key;            // what is shown to the server; both empty: nothing
  std::string serves;               // a file whose first certificate has to be served; empty: any of cacert
  std::vector<std::string> refuse;  // kinds of strangers (probe/stranger.h) that have to be turned away

  // RECORD is one of https.
  static absl::StatusOr<HttpsCheck> From(const ServiceCheckRecord& record);
};

// One look, without waiting. curl(1) asks, as any client would; who is served, and who is turned away, is
// seen on the wire by our own probe (probe/tls_probe.h), and only when curl got the right answer: a refusal
// proves something beside a client that gets in. DIALER makes the connections; null: this machine does.
CheckOutcome LookAtHttps(const HttpsCheck& check, const std::shared_ptr<Dialer>& dialer = nullptr);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_CHECK_HTTPS_H_
