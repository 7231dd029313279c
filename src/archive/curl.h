#ifndef KPLAN_ARCHIVE_CURL_H_
#define KPLAN_ARCHIVE_CURL_H_

// One transfer by curl(1). Nothing of the caller's configuration counts (~/.curlrc, ~/.netrc), and nothing
// but https is spoken, through redirects, too. A credential goes to curl by its standard input, as a line of
// a configuration, so it is in no argument, no environment and no file; curl takes it along to no other host,
// port or protocol (7.83), nor shows it to a proxy.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/string_pairs.h"

namespace kplan {

struct Transfer {
  std::string url;
  std::string to;                   // the file that is continued
  std::string ca;                   // PEM; empty: whom this machine trusts (SSL_CERT_FILE, CURL_CA_BUNDLE)
  absl::string_view authorization;  // the value of that header: "Bearer ..."; empty: none
  StringPairs proxy;                // the environment of proxy_environment.h
  bool tries_again = false;         // three times more, when the server may be there again in a moment
  bool shows_progress = false;      // on our stderr
  absl::Duration silence;           // so long nothing may come, or next to nothing (1 KiB a second)
};

struct Transferred {
  int exit_code = 0;    // curl(1); 128 + signal when one ended it
  int http_status = 0;  // of the last answer; 0: there was none
  std::string said;     // "curl: (22) ...", its own words or, where these went to the terminal, ours
};

// NotFound when there is no curl.
absl::StatusOr<Transferred> RunCurl(const Transfer& transfer);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_CURL_H_
