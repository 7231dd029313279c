#include "src/model/ssh_login.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

constexpr int kSshPort = 22;
constexpr size_t kMaxUser = 64;

absl::Status CheckWord(absl::string_view word, absl::string_view what, size_t most) {
  if (word.empty()) return RefuseName(absl::StrCat("there is no ", what), "write [user@]host[:port]");
  if (word[0] == '-') {
    return RefuseName(absl::StrCat("the ", what, " begins with a hyphen, which ssh takes for an option"), "");
  }
  if (word.size() > most) {
    return RefuseName(absl::StrCat("the ", what, " has ", word.size(), " characters; at most ", most), "");
  }
  if (OnlyAlnumAnd(word, "._-")) return absl::OkStatus();
  return RefuseName(
      absl::StrCat("the ", what, " ", Quote(word), " has other characters than letters, digits and . _ -"),
      "what needs others goes into ssh's configuration (ssh_config), under an alias");
}

bool ParsePort(absl::string_view text, int* port) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return text.size() <= 5 && absl::SimpleAtoi(text, port) && *port >= 1 && *port <= 65535;
}

}  // namespace

absl::StatusOr<SshLogin> ParseSshLogin(absl::string_view text) {
  if (absl::StrContains(text, "://")) {
    absl::string_view rest = text;
    if (absl::ConsumePrefix(&rest, "ssh://") && ParseSshLogin(absl::StripSuffix(rest, "/")).ok())
      return RefuseName("a URL", Write(absl::StripSuffix(rest, "/")));
    return RefuseName("a URL", "write [user@]host[:port]");
  }
  const absl::string_view whole = text;
  SshLogin login;
  if (size_t at = text.rfind('@'); at != absl::string_view::npos) {
    absl::string_view user = text.substr(0, at);
    if (absl::Status status = CheckWord(user, "user", kMaxUser); !status.ok()) return status;
    login.user = std::string(user);
    text.remove_prefix(at + 1);
  }
  absl::string_view host = text, port;
  bool has_port = false;
  if (absl::ConsumePrefix(&text, "[")) {
    size_t end = text.find(']');
    host = text.substr(0, end);
    absl::string_view rest = end == absl::string_view::npos ? "" : text.substr(end + 1);
    if (end == absl::string_view::npos || !absl::StrContains(host, ':') || !IsIpAddress(host)) {
      return RefuseName("between brackets stands an IPv6 address", "for example [fd00::11]:22");
    }
    has_port = absl::ConsumePrefix(&rest, ":");
    port = rest;
    if (!has_port && !rest.empty()) {
      return RefuseName("behind the bracket a colon and a port can stand, and nothing else",
                        "for example [fd00::11]:22");
    }
  } else {
    if (size_t colon = text.find(':'); colon != absl::string_view::npos) {
      if (IsIpAddress(text)) {
        return RefuseName("an IPv6 address without brackets",
                          Write(absl::StrCat(whole.substr(0, whole.size() - text.size()), "[", text, "]")));
      }
      has_port = true;
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
    }
    if (absl::Status status = CheckWord(host, "host", kMaxDnsName); !status.ok()) return status;
  }
  if (has_port && !ParsePort(port, &login.port)) {
    return RefuseName(absl::StrCat(Quote(port), " is not a port"), "it is a number from 1 to 65535");
  }
  login.host = std::string(host);
  return login;
}

std::string SshPlace(const SshLogin& login) {
  std::string host;
  if (!ParseIpAddress(login.host, &host)) host = absl::AsciiStrToLower(login.host);
  return absl::StrCat(host, " ", login.port == 0 ? kSshPort : login.port);
}

}  // namespace kplan
