#include "src/pki/uri_name.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/domain.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/base/url.h"

namespace kplan {
namespace {

absl::Status RefuseForm(absl::string_view remedy) {
  return RefuseName("not a URI (RFC 3986): scheme://host/path in ASCII without spaces", remedy);
}

// Path, query and fragment (RFC 3986 3.3 to 3.5).
absl::Status CheckRest(absl::string_view rest) {
  bool fragment = false;
  for (size_t i = 0; i < rest.size(); ++i) {
    char c = rest[i];
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) {
      return RefuseName("a URI with characters that are not ASCII",
                        "percent-encode the octets of their UTF-8: %C3%BC for an ü");
    }
    if (c == '%') {
      if (i + 2 >= rest.size() || !absl::ascii_isxdigit(rest[i + 1]) || !absl::ascii_isxdigit(rest[i + 2])) {
        return RefuseName("a URI with a % that no two hexadecimal digits follow", "write %25 for a %");
      }
      i += 2;
    } else if (c == '#') {
      if (fragment) return RefuseName("a URI with two fragments", "write %23 for a #");
      fragment = true;
    } else if (!absl::ascii_isalnum(c) && !absl::StrContains("-._~!$&'()*+,;=:@/?", c)) {
      return RefuseForm("percent-encode other characters: %20 for a space");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSpiffe(absl::string_view port, absl::string_view rest) {
  auto refuse = [](absl::string_view why) {
    return RefuseName(absl::StrCat("not a SPIFFE ID: ", why),
                      "for example spiffe://prod.example/etcd/server");
  };
  if (!port.empty()) return refuse("it has a port");
  if (rest.find_first_of("?#") != absl::string_view::npos) return refuse("it has a query or a fragment");
  if (rest.empty()) return absl::OkStatus();
  for (absl::string_view segment : absl::StrSplit(rest.substr(1), '/')) {
    if (segment == "." || segment == "..") return refuse("its path goes up or nowhere");
    if (!OnlyAlnumAnd(segment, "-._")) {
      return refuse("each part of its path is letters, digits, dots, hyphens and underscores");
    }
  }
  return absl::OkStatus();
}

// An IPv6 address between brackets.
absl::StatusOr<std::string> CanonicalV6(absl::string_view text) {
  std::string address;
  if (!ParseIpAddress(text, &address)) {
    return RefuseName(absl::StrCat("a URI whose host ", Quote(text), " is not an IPv6 address"), "");
  }
  if (!absl::StrContains(address, ':')) {
    return RefuseName("a URI with an IPv4 address in brackets",
                      absl::StrCat("write ", address, " without them"));
  }
  return absl::StrCat("[", address, "]");
}

absl::StatusOr<std::string> CanonicalHost(absl::string_view host) {
  std::string address;
  if (ParseIpAddress(host, &address)) return address;
  if (absl::StrContains(host, '%')) {
    return RefuseName("a URI whose host is percent-encoded, which no verifier decodes",
                      "write the name itself");
  }
  if (absl::StrContains(host, '*')) {
    return RefuseName("a URI with a wildcard, which no verifier knows", "write one URI a host");
  }
  std::string lower = absl::AsciiStrToLower(host);
  absl::Status status = CheckDnsName(lower);
  if (status.ok()) return lower;
  return RefuseName(absl::StrCat("a URI with the host ", Quote(host), ": ", ReasonOf(status)),
                    RemedyOf(status).words);
}

}  // namespace

absl::StatusOr<std::string> CanonicalUri(absl::string_view text) {
  const std::optional<UrlParts> parts = SplitUrl(text);
  if (!parts) return RefuseForm("");
  const std::string scheme = absl::AsciiStrToLower(parts->scheme);
  const absl::string_view host = parts->host, port = parts->port, rest = parts->rest;
  if (parts->user) {
    const std::string without = absl::StrCat(scheme, "://", parts->host_port, rest);
    const absl::StatusOr<std::string> good = CanonicalUri(without);
    if (good.ok()) return RefuseName("a URI with a user, while certificates are public", Write(without));
    return RefuseName(absl::StrCat("a URI with a user, while certificates are public; and without it: ",
                                   ReasonOf(good.status())),
                      RemedyOf(good.status()).words);
  }
  if (!parts->bracketed && absl::StartsWith(host, "["))
    return RefuseForm("close the bracket of the IPv6 address");
  if (host.empty()) {
    return RefuseName("a URI without a host (RFC 5280 4.2.1.6)", "write scheme://host/path");
  }
  if (!port.empty()) {
    absl::string_view digits = port;
    int number = 0;
    bool good = absl::ConsumePrefix(&digits, ":") && !digits.empty() && digits.size() <= 5 &&
                std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) && digits[0] != '0' &&
                absl::SimpleAtoi(digits, &number) && number <= 65535;
    if (!good) {
      return RefuseName(absl::StrCat("a URI whose host is followed by ", Quote(port), ", which is no port"),
                        "write a number from 1 to 65535, or no colon");
    }
  }
  absl::StatusOr<std::string> canonical = parts->bracketed ? CanonicalV6(host) : CanonicalHost(host);
  if (!canonical.ok()) return canonical.status();
  if (absl::Status status = CheckRest(rest); !status.ok()) return status;
  if (scheme == "spiffe") {
    if (absl::Status status = CheckSpiffe(port, rest); !status.ok()) return status;
  }
  return absl::StrCat(scheme, "://", *canonical, port, rest);
}

}  // namespace kplan
