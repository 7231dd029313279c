#include "src/model/names.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"

namespace kplan {
namespace {

absl::Status Refuse(absl::string_view reason, absl::string_view remedy) {
  return absl::InvalidArgumentError(absl::StrCat(reason, remedy.empty() ? "" : "\n", remedy));
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

bool OnlyDigitsAndDots(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c) || c == '.'; });
}

// TEXT as a canonical address; false when it is none.
bool ParseIp(absl::string_view text, std::string* canonical) {
  std::string copy(text);
  char buffer[INET6_ADDRSTRLEN];
  in_addr v4;
  if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
    *canonical = inet_ntop(AF_INET, &v4, buffer, sizeof(buffer));
    return true;
  }
  in6_addr v6;
  if (inet_pton(AF_INET6, copy.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    *canonical = inet_ntop(AF_INET, &v6.s6_addr[12], buffer, sizeof(buffer));
  } else {
    *canonical = inet_ntop(AF_INET6, &v6, buffer, sizeof(buffer));
  }
  return true;
}

absl::Status CheckLabels(absl::string_view name) {
  if (name.size() > 253)
    return Refuse(absl::StrCat("a DNS name of ", name.size(), " characters; at most 253"), "");
  std::vector<absl::string_view> labels = absl::StrSplit(name, '.');
  for (absl::string_view label : labels) {
    if (label.empty()) return Refuse("a DNS name with an empty label (two dots, or a dot at the start)", "");
    if (label.size() > 63) {
      return Refuse(absl::StrCat("a DNS name with a label of ", label.size(), " characters; at most 63"), "");
    }
    if (absl::StrContains(label, '_')) {
      return Refuse("a DNS name with an underscore, which no host name may have (RFC 1123)", "use a hyphen");
    }
    if (!OnlyAlnumAnd(label, "-")) {
      return Refuse("not a DNS name: only letters, digits, hyphens and dots", "");
    }
    if (label.front() == '-' || label.back() == '-') {
      return Refuse("a DNS name with a label that begins or ends with a hyphen", "");
    }
  }
  if (OnlyDigitsAndDots(labels.back())) {
    return Refuse("looks like an IP address, but is none",
                  "write the four numbers of an IPv4 address without leading zeros");
  }
  return absl::OkStatus();
}

absl::Status RefuseNonAscii() {
  return Refuse("a DNS name with characters that are not ASCII",
                "write its A-label (xn--...), as `idn2 NAME` prints it");
}

absl::StatusOr<std::pair<std::string, std::string>> ClassifyUri(absl::string_view host) {
  size_t colon = host.find("://");
  absl::string_view scheme = host.substr(0, colon), rest = host.substr(colon + 3);
  bool good = OnlyAlnumAnd(scheme, "+-.") && absl::ascii_isalpha(scheme[0]) && !rest.empty() &&
              IsAscii(rest) && rest.find_first_of(" \"<>\\^`{|}") == absl::string_view::npos &&
              rest[0] != '/';
  if (!good) return Refuse("not a URI (RFC 3986): scheme://authority/path in ASCII without spaces", "");
  return std::make_pair(std::string("uri"), std::string(host));
}

absl::StatusOr<std::pair<std::string, std::string>> ClassifyEmail(absl::string_view host) {
  size_t at = host.find('@');
  absl::string_view local = host.substr(0, at), domain = host.substr(at + 1);
  if (!OnlyAlnumAnd(local, ".!#$%&'*+/=?^_`{|}~-")) {
    return Refuse("not an e-mail address (RFC 5321): the part before the @ is not a plain mailbox name", "");
  }
  if (!IsAscii(domain)) return RefuseNonAscii();
  if (absl::Status status = CheckLabels(domain); !status.ok()) return status;
  return std::make_pair(std::string("email"), std::string(host));
}

}  // namespace

bool IsIpAddress(absl::string_view text) {
  std::string canonical;
  return ParseIp(text, &canonical);
}

absl::Status CheckDnsName(absl::string_view name) {
  if (!IsAscii(name)) return RefuseNonAscii();
  return CheckLabels(name);
}

absl::StatusOr<std::pair<std::string, std::string>> ClassifySan(absl::string_view host) {
  if (host.empty()) return Refuse("an empty name", "");
  if (absl::StrContains(host, "://")) return ClassifyUri(host);
  if (absl::StrContains(host, '@')) return ClassifyEmail(host);
  std::string ip;
  if (ParseIp(host, &ip)) return std::make_pair(std::string("ip"), ip);
  if (absl::StrContains(host, '/')) {
    return Refuse("a network, not an address", "a certificate names single addresses: write them out");
  }
  if (host.front() == '[' || host.back() == ']')
    return Refuse("an address in brackets", "write it without them");
  if (absl::StrContains(host, '%'))
    return Refuse("an address with a zone", "write it without the % and what follows");
  size_t colon = host.find(':');
  if (colon != absl::string_view::npos) {
    absl::string_view name = host.substr(0, colon), port = host.substr(colon + 1);
    if (OnlyDigitsAndDots(port) && !name.empty()) {
      return Refuse("a name with a port", absl::StrCat("a certificate has no ports: write ", name));
    }
    if (absl::StrContains(port, ':')) return Refuse("looks like an IPv6 address, but is none", "");
  }
  if (!IsAscii(host)) return RefuseNonAscii();
  std::string name = absl::AsciiStrToLower(absl::StripSuffix(host, "."));
  absl::string_view checked = name;
  if (absl::ConsumePrefix(&checked, "*.")) {
    if (!absl::StrContains(checked, '.')) return Refuse("a wildcard for a whole top-level domain", "");
  }
  if (absl::StrContains(checked, '*')) {
    return Refuse("a * may stand only alone, as the first label (RFC 6125 6.4.3)",
                  "for example *.example.com");
  }
  if (absl::Status status = CheckLabels(checked); !status.ok()) return status;
  return std::make_pair(std::string("dns"), name);
}

bool SanCovers(const std::pair<std::string, std::string>& san, absl::string_view host) {
  const auto& [kind, value] = san;
  if (kind == "ip") {
    std::string ip;
    return ParseIp(host, &ip) && ip == value;
  }
  if (kind != "dns") return false;
  if (value == host) return true;
  size_t dot = host.find('.');
  return absl::StartsWith(value, "*.") && dot != absl::string_view::npos && dot > 0 &&
         host.substr(dot) == absl::string_view(value).substr(1);
}

absl::StatusOr<int64_t> ParseExpiry(absl::string_view text) {
  constexpr int64_t kMax = int64_t{200} * 365 * 24 * 3600;
  constexpr char kExample[] = "write hours, minutes and seconds as in 8760h or 1h30m (a year is 8760h)";
  int64_t seconds = 0;
  absl::string_view rest = text;
  while (!rest.empty()) {
    size_t digits = 0;
    while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
    int64_t number = 0;
    if (digits == 0 || digits == rest.size() || !absl::SimpleAtoi(rest.substr(0, digits), &number)) {
      return Refuse(absl::StrCat(Quote(text), " is not a duration"), kExample);
    }
    char unit = rest[digits];
    rest.remove_prefix(digits + 1);
    int64_t factor = unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
    if (unit == 'm' && absl::StartsWith(rest, "s")) factor = 0;  // "ms"
    if (factor == 0) {
      if ((unit == 'd' || unit == 'w' || unit == 'y') && number < 100000) {
        int64_t hours = number * (unit == 'd' ? 24 : unit == 'w' ? 7 * 24 : 365 * 24);
        return Refuse(
            absl::StrCat("a duration has no unit ", Quote(std::string(1, unit)), "; hours are the largest"),
            absl::StrCat("write ", hours, "h"));
      }
      return Refuse(absl::StrCat(Quote(text), " is not a duration"), kExample);
    }
    if (number > kMax / factor) return Refuse("longer than 200 years", "");
    seconds += number * factor;
  }
  if (seconds > kMax) return Refuse("longer than 200 years", "");
  if (seconds < 600) {
    return Refuse("shorter than ten minutes, while a certificate begins five minutes before it is made",
                  kExample);
  }
  return seconds;
}

absl::Status CheckSubjectField(absl::string_view field, absl::string_view value) {
  if (field == "C") {
    bool good = value.size() == 2 && absl::ascii_isupper(value[0]) && absl::ascii_isupper(value[1]);
    if (good) return absl::OkStatus();
    return Refuse("a country is two capital letters (ISO 3166-1)", "for example US");
  }
  size_t limit = field == "L" || field == "ST" ? 128 : 64;
  size_t length = std::count_if(value.begin(), value.end(),
                                [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  if (length > limit) {
    return Refuse(absl::StrCat(field, " has ", length, " characters; at most ", limit, " (RFC 5280 A.1)"),
                  "shorten it");
  }
  if (value.front() == ' ' || value.back() == ' ') {
    return Refuse(absl::StrCat(field, " begins or ends with a space"), "remove it");
  }
  return absl::OkStatus();
}

}  // namespace kplan
