#ifndef KPLAN_ARCHIVE_PROXY_ENVIRONMENT_H_
#define KPLAN_ARCHIVE_PROXY_ENVIRONMENT_H_

// The proxy of a download: curl(1) finds it in the environment, by the rules of its section ENVIRONMENT. What
// stands there may have a password in it.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/base/string_pairs.h"

namespace kplan {

// What of our environment tells curl the proxy of an https URL, (NAME, value): https_proxy, HTTPS_PROXY,
// all_proxy, ALL_PROXY, of which the first counts, and no_proxy, NO_PROXY. http_proxy is for http alone.
StringPairs ProxyEnvironment();

// Whether curl can make a proxy of the one that counts: [scheme://][name:password@]host[:port].
// FailedPrecondition names the variable and never its value, which curl would print as a whole.
absl::Status CheckProxy(const StringPairs& environment);

// For a download that reached nobody: that a proxy for http, which there is, is not asked for https; else
// empty.
std::string ProxyHint(const StringPairs& environment);

// TEXT without what stands before an @ in one of these variables.
std::string WithoutProxyLogins(absl::string_view text, const StringPairs& environment);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_PROXY_ENVIRONMENT_H_
