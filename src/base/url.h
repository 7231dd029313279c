#ifndef KPLAN_BASE_URL_H_
#define KPLAN_BASE_URL_H_

// How URLs are taken apart (RFC 3986 3), for all who look into one. What the parts may be, each caller knows.

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// SCHEME://[USER@]HOST[:PORT]REST, in views of the text that was split.
struct UrlParts {
  absl::string_view scheme;               // as written: "HTTPS" is no "https"
  std::optional<absl::string_view> user;  // with its password, up to the last "@"; may be empty
  absl::string_view host_port;            // host and port as written
  absl::string_view host;                 // without its brackets; may be empty
  bool bracketed = false;                 // a host that begins with "[" and is not: nothing closes that
  // What stands behind the host, its colon included, so that a colon alone is seen; empty: nothing. Whether
  // it is a port is not looked at.
  absl::string_view port;
  absl::string_view rest;  // path, query and fragment: begins with "/", "?" or "#"; may be empty
};

// Nothing when TEXT does not begin with a scheme and "://".
std::optional<UrlParts> SplitUrl(absl::string_view text);

struct HostPort {
  std::string host;  // a name or an address, without the brackets of IPv6
  int port = 0;
};

// "127.0.0.1:2379", "[::1]:2379", "worker:2379". InvalidArgument for anything else.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// "https://HOST:PORT" (a path is not allowed). InvalidArgument for anything else.
absl::StatusOr<HostPort> ParseHttpsUrl(absl::string_view url);

}  // namespace kplan

#endif  // KPLAN_BASE_URL_H_
