#include "src/pki/names.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/pki/uri_name.h"

namespace kplan {
namespace {

using San = std::pair<std::string, std::string>;

constexpr size_t kMaxMailbox = 254, kMaxLocalPart = 64;  // RFC 5321 4.5.3.1, and its erratum 1690

// Well-formed UTF-8 without control characters.
absl::Status CheckText(absl::string_view text) {
  if (std::all_of(text.begin(), text.end(), absl::ascii_isprint)) return absl::OkStatus();
  if (FindInvalidUtf8(text) != absl::string_view::npos) return RefuseName("not UTF-8", "");
  for (size_t i = 0; i < text.size(); ++i) {
    if (ControlLength(text.substr(i)) > 0) return RefuseName("a name with a control character", "");
  }
  return absl::OkStatus();
}

// A refusal for REASON of a text in which CANDIDATE is what was meant. That is proposed when it is good
// itself; else what is wrong with it is said as well.
absl::Status Propose(absl::string_view reason, absl::string_view candidate, absl::string_view and_also = "") {
  // Each of these leads to the next: "dns:dns:dns:".
  if (candidate.size() > kMaxMailbox) return RefuseName(reason, "write the name alone");
  const absl::StatusOr<San> san = ClassifySan(candidate);
  if (san.ok()) return RefuseName(reason, Write(candidate, and_also));
  return RefuseName(absl::StrCat(reason, "; and ", Quote(candidate), ": ", ReasonOf(san.status())),
                    RemedyOf(san.status()).words);
}

// The kinds of names in the words of openssl.cnf ("DNS:a.example"), and of URIs without an authority.
absl::Status RefusePrefixed(absl::string_view host) {
  size_t colon = host.find(':');
  if (colon == absl::string_view::npos || colon == 0) return absl::OkStatus();
  absl::string_view rest = host.substr(colon + 1);
  // Hosts can have these names, too, and ports.
  if (std::all_of(rest.begin(), rest.end(), absl::ascii_isdigit)) return absl::OkStatus();
  std::string prefix = absl::AsciiStrToLower(host.substr(0, colon));
  for (absl::string_view kind : {"dns", "ip", "email", "uri", "mailto"}) {
    if (prefix != kind) continue;
    return Propose(absl::StrCat("a name with its kind in front: ", Quote(host.substr(0, colon + 1))), rest,
                   "; its kind is seen from its form");
  }
  for (absl::string_view scheme : {"urn", "http", "https", "spiffe", "ldap", "ldaps"}) {
    if (prefix != scheme || absl::StartsWith(rest, "//")) continue;
    return RefuseName("a URI without a host (RFC 5280 4.2.1.6)", "write scheme://host/path");
  }
  return absl::OkStatus();
}

// What is written like an address but is none of a host alone.
absl::Status RefuseAddressLike(absl::string_view host) {
  if (const size_t slash = host.find('/'); slash != absl::string_view::npos) {
    const absl::string_view name = host.substr(0, slash), rest = host.substr(slash + 1);
    // 10.0.0.0/8, and 10.0.0.0/255.0.0.0
    if (IsIpAddress(name) && !rest.empty() && absl::ascii_isdigit(static_cast<unsigned char>(rest[0])))
      return RefuseName("a network, not an address", "a certificate names single addresses: write them out");
    if (name.empty())
      return RefuseName("a path, not a name", "write the name or address that is connected to");
    return Propose("a name with a path", name);
  }
  if (host.front() == '[' || host.back() == ']') {
    const size_t end = host.find(']');
    const absl::string_view inner = absl::StripPrefix(host.substr(0, end), "[");
    const absl::string_view rest = end == absl::string_view::npos ? "" : host.substr(end + 1);
    return Propose(rest.empty() ? "an address in brackets"
                                : "an address in brackets with a port, and a certificate has no ports",
                   inner);
  }
  size_t colon = host.find(':');
  if (colon == absl::string_view::npos) return absl::OkStatus();
  if (const size_t zone = host.find('%'); zone != absl::string_view::npos)
    return Propose("an address with a zone", host.substr(0, zone), ", which means the same on every machine");
  absl::string_view name = host.substr(0, colon), port = host.substr(colon + 1);
  bool digits = std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
  if (digits && !name.empty()) {
    return Propose("a name with a port, and a certificate has no ports", name);
  }
  if (absl::StrContains(port, ':')) return RefuseName("looks like an IPv6 address, but is none", "");
  return absl::OkStatus();
}

absl::StatusOr<San> ClassifyDns(absl::string_view host) {
  absl::string_view name = host;
  bool wildcard = absl::ConsumePrefix(&name, "*.");
  if (absl::StrContains(name, '*')) {
    return RefuseName("a * may stand only alone, as the first label (RFC 6125 6.4.3)",
                      "for example *.example.com");
  }
  absl::StatusOr<std::string> domain = CanonicalDomain(name);
  if (!domain.ok()) return domain.status();
  if (!wildcard) return San("dns", *std::move(domain));
  if (!absl::StrContains(*domain, '.')) {
    return RefuseName("a wildcard for a whole top-level domain",
                      "at least two labels stand after the *: *.example.com");
  }
  std::string whole = absl::StrCat("*.", *domain);
  if (whole.size() > kMaxDnsName) {
    return RefuseName(absl::StrCat("a DNS name of ", whole.size(), " characters; at most ", kMaxDnsName), "");
  }
  return San("dns", std::move(whole));
}

// White space of Unicode that is no control character, as UTF-8.
constexpr std::array<absl::string_view, 17> kSpaces = {" ",
                                                       "\xC2\xA0",
                                                       "\xE1\x9A\x80",
                                                       "\xE2\x80\x80",
                                                       "\xE2\x80\x81",
                                                       "\xE2\x80\x82",
                                                       "\xE2\x80\x83",
                                                       "\xE2\x80\x84",
                                                       "\xE2\x80\x85",
                                                       "\xE2\x80\x86",
                                                       "\xE2\x80\x87",
                                                       "\xE2\x80\x88",
                                                       "\xE2\x80\x89",
                                                       "\xE2\x80\x8A",
                                                       "\xE2\x80\xAF",
                                                       "\xE2\x81\x9F",
                                                       "\xE3\x80\x80"};

// TEXT without such at both ends.
absl::string_view WithoutSpaces(absl::string_view text) {
  auto consume_one = [&text] {
    return std::any_of(kSpaces.begin(), kSpaces.end(), [&](absl::string_view space) {
      return absl::ConsumePrefix(&text, space) || absl::ConsumeSuffix(&text, space);
    });
  };
  while (consume_one()) {
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> CanonicalMailbox(absl::string_view address) {
  size_t at = address.rfind('@');
  if (at == absl::string_view::npos) return RefuseName("not an e-mail address: there is no @", "");
  absl::string_view local = address.substr(0, at), domain = address.substr(at + 1);
  if (local.empty() || domain.empty()) {
    return RefuseName("not an e-mail address: nothing stands on one side of the @", "");
  }
  if (local.front() == '"') {
    return RefuseName("an e-mail address with a quoted mailbox name", "write one that needs no quotes");
  }
  if (absl::StrContains(local, '*')) {
    return RefuseName("an e-mail address with a wildcard, which no verifier knows", "");
  }
  if (!std::all_of(local.begin(), local.end(),
                   [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); })) {
    return RefuseName("an e-mail address that is not ASCII before the @, for which a SAN has no place",
                      "only the domain can be in another script");
  }
  if (!OnlyAlnumAnd(local, ".!#$%&'+/=?^_`{|}~-")) {
    return RefuseName("not an e-mail address (RFC 5321): the part before the @ is not a plain mailbox name",
                      "");
  }
  if (local.front() == '.' || local.back() == '.' || absl::StrContains(local, "..")) {
    return RefuseName("not an e-mail address (RFC 5321): a dot before the @ stands between two characters",
                      "");
  }
  if (local.size() > kMaxLocalPart) {
    return RefuseName(absl::StrCat("an e-mail address with ", local.size(),
                                   " characters before the @; at most ", kMaxLocalPart),
                      "");
  }
  if (domain.back() == '.') {
    return RefuseName("an e-mail address with a dot at its end (RFC 5321 4.1.2)",
                      {"remove it", absl::StripSuffix(address, ".")});
  }
  absl::StatusOr<std::string> canonical = CanonicalDomain(domain);
  if (!canonical.ok()) return canonical.status();
  std::string whole = absl::StrCat(local, "@", *canonical);
  if (whole.size() > kMaxMailbox) {
    return RefuseName(
        absl::StrCat("an e-mail address of ", whole.size(), " characters; at most ", kMaxMailbox), "");
  }
  return whole;
}

absl::StatusOr<San> ClassifySan(absl::string_view host) {
  if (host.empty()) return RefuseName("an empty name", "");
  if (absl::Status status = CheckText(host); !status.ok()) return status;
  std::string ip;
  if (ParseIpAddress(host, &ip)) return San("ip", std::move(ip));
  if (absl::Status status = RefusePrefixed(host); !status.ok()) return status;
  if (absl::StrContains(host, "://")) {
    absl::StatusOr<std::string> uri = CanonicalUri(host);
    if (!uri.ok()) return uri.status();
    return San("uri", *std::move(uri));
  }
  if (absl::StrContains(host, '@')) {
    absl::StatusOr<std::string> mailbox = CanonicalMailbox(host);
    if (!mailbox.ok()) return mailbox.status();
    return San("email", *std::move(mailbox));
  }
  if (absl::Status status = RefuseAddressLike(host); !status.ok()) return status;
  return ClassifyDns(host);
}

absl::Status CheckUriIsMeant(const San& san) {
  if (san.first != "uri") return absl::OkStatus();
  const std::optional<UrlParts> parts = SplitUrl(san.second);
  if (!parts || (!parts->rest.empty() && parts->rest != "/")) return absl::OkStatus();
  constexpr absl::string_view kConnections[] = {"tcp",   "udp",  "tls",   "ssl",      "http", "https", "ws",
                                                "wss",   "grpc", "grpcs", "etcd",     "ldap", "ldaps", "amqp",
                                                "amqps", "mqtt", "mqtts", "postgres", "redis"};
  if (std::find(std::begin(kConnections), std::end(kConnections), parts->scheme) == std::end(kConnections))
    return absl::OkStatus();
  return Propose("a URI, with which no TLS client compares the host that it connects to (RFC 9525)",
                 parts->host, " for the host");
}

bool SanCovers(const San& san, absl::string_view host) {
  const auto& [kind, value] = san;
  if (kind == "ip") {
    std::string ip;
    return ParseIpAddress(host, &ip) && ip == value;
  }
  if (kind != "dns") return false;
  if (value == host) return true;
  size_t dot = host.find('.');
  return absl::StartsWith(value, "*.") && dot != absl::string_view::npos && dot > 0 &&
         host.substr(dot) == absl::string_view(value).substr(1);
}

absl::Status CheckSubjectField(absl::string_view field, absl::string_view value) {
  bool serial = field == "serialNumber";
  absl::string_view shown = serial ? "SerialNumber" : field;  // as cfssl spells it
  if (value.empty()) return RefuseName(absl::StrCat(shown, " is empty"), "remove it, or give it a value");
  if (field == "C") {
    bool good = value.size() == 2 && absl::ascii_isupper(value[0]) && absl::ascii_isupper(value[1]);
    if (good) return absl::OkStatus();
    const std::string upper = absl::AsciiStrToUpper(value);
    const bool letters = value.size() == 2 && absl::ascii_isupper(upper[0]) && absl::ascii_isupper(upper[1]);
    return RefuseName("a country is two capital letters (ISO 3166-1)",
                      letters ? Write(upper) : "for example US");
  }
  if (absl::Status status = CheckText(value); !status.ok()) return status;
  size_t limit = field == "L" || field == "ST" ? 128 : 64;
  size_t length = std::count_if(value.begin(), value.end(),
                                [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  const absl::string_view trimmed = WithoutSpaces(value);
  if (length > limit) {
    return RefuseName(absl::StrCat(shown, " has ", length, " characters; at most ", limit, " (RFC 5280 A.1)",
                                   trimmed == value ? "" : "; and it begins or ends with a space"),
                      "shorten it");
  }
  if (trimmed != value) {
    Remedy remedy("remove it");
    if (absl::Status rest = CheckSubjectField(field, trimmed); rest.ok()) {
      remedy.instead = std::string(trimmed);
    } else {
      return RefuseName(absl::StrCat(shown, " begins or ends with a space; and without it: ", ReasonOf(rest)),
                        RemedyOf(rest).words);
    }
    return RefuseName(absl::StrCat(shown, " begins or ends with a space"), remedy);
  }
  if (serial && !OnlyAlnumAnd(value, " '()+,-./:=?")) {
    return RefuseName("SerialNumber has characters that a PrintableString has no place for (RFC 5280 A.1)",
                      "letters, digits, spaces and ' ( ) + , - . / : = ? are allowed");
  }
  return absl::OkStatus();
}

}  // namespace kplan
