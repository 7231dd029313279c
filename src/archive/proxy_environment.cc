#include "src/archive/proxy_environment.h"

#include <stdlib.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "src/base/url.h"

namespace kplan {
namespace {

// In curl's order: the first one counts.
constexpr const char* kProxies[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
constexpr const char* kExceptions[] = {"no_proxy", "NO_PROXY"};
constexpr absl::string_view kSchemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};

bool IsProxy(absl::string_view name) {
  return std::find(std::begin(kProxies), std::end(kProxies), name) != std::end(kProxies);
}

// One that is empty is none, for curl too.
void Add(const char* name, StringPairs* environment) {
  const char* value = getenv(name);
  if (value != nullptr && *value != '\0') environment->emplace_back(name, value);
}

bool IsPort(absl::string_view text) {
  int port = 0;
  return text.empty() ||
         (absl::ConsumePrefix(&text, ":") && absl::SimpleAtoi(text, &port) && port > 0 && port < 65536);
}

bool IsGraph(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

absl::Status Wrong(absl::string_view name, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the environment variable ", name, " has no proxy: ", why,
      "; write [http://][NAME:PASSWORD@]HOST[:PORT], with / ? # @ and % in a name or a password as %2F %3F "
      "%23 %40 %25"));
}

}  // namespace

StringPairs ProxyEnvironment() {
  StringPairs environment;
  for (const char* name : kProxies) Add(name, &environment);
  for (const char* name : kExceptions) Add(name, &environment);
  return environment;
}

absl::Status CheckProxy(const StringPairs& environment) {
  if (environment.empty() || !IsProxy(environment[0].first)) return absl::OkStatus();
  const auto& [name, value] = environment[0];
  if (!IsGraph(value)) return Wrong(name, "it has a blank, a control character or one beyond ASCII");
  const bool has_scheme = absl::StrContains(value, "://");
  const std::string url = has_scheme ? value : absl::StrCat("http://", value);
  const std::optional<UrlParts> parts = SplitUrl(url);
  if (!parts) return Wrong(name, "what stands before :// is no scheme");
  if (std::find(std::begin(kSchemes), std::end(kSchemes), absl::AsciiStrToLower(parts->scheme)) ==
      std::end(kSchemes))
    return Wrong(name, "its scheme is none of http, https, socks4, socks4a, socks5 and socks5h");
  if (parts->host.empty()) return Wrong(name, "it names no host");
  if (!IsPort(parts->port)) return Wrong(name, "what stands behind its host is no port");
  if (!parts->rest.empty() && parts->rest != "/") return Wrong(name, "something stands behind its host");
  return absl::OkStatus();
}

std::string ProxyHint(const StringPairs& environment) {
  if (!environment.empty() && IsProxy(environment[0].first)) return "";
  for (const char* name : {"http_proxy", "HTTP_PROXY"}) {
    const char* value = getenv(name);
    if (value != nullptr && *value != '\0')
      return absl::StrCat(name, " is not for https: set https_proxy as well");
  }
  return "";
}

std::string WithoutProxyLogins(absl::string_view text, const StringPairs& environment) {
  std::string without(text);
  for (const auto& [name, value] : environment) {
    const size_t at = value.rfind('@');
    if (!IsProxy(name) || at == std::string::npos) continue;
    const size_t scheme = value.find("://");
    const size_t begin = scheme < at ? scheme + 3 : 0;
    if (at > begin) absl::StrReplaceAll({{value.substr(begin, at - begin), "..."}}, &without);
  }
  return without;
}

}  // namespace kplan
