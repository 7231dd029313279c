#include "src/base/url.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"

namespace kplan {
namespace {

void SplitHostPort(absl::string_view text, UrlParts* parts) {
  parts->host_port = text;
  const size_t close = absl::StartsWith(text, "[") ? text.find(']') : absl::string_view::npos;
  parts->bracketed = close != absl::string_view::npos;
  if (parts->bracketed) {
    parts->host = text.substr(1, close - 1);
    parts->port = text.substr(close + 1);
  } else {
    parts->host = text.substr(0, text.find(':'));
    parts->port = text.substr(parts->host.size());
  }
}

}  // namespace

std::optional<UrlParts> SplitUrl(absl::string_view text) {
  const size_t colon = text.find("://");
  if (colon == absl::string_view::npos) return std::nullopt;
  UrlParts parts;
  parts.scheme = text.substr(0, colon);
  if (!OnlyAlnumAnd(parts.scheme, "+-.") ||
      !absl::ascii_isalpha(static_cast<unsigned char>(parts.scheme[0]))) {
    return std::nullopt;
  }
  text.remove_prefix(colon + 3);
  absl::string_view authority = text.substr(0, text.find_first_of("/?#"));
  parts.rest = text.substr(authority.size());
  if (const size_t at = authority.rfind('@'); at != absl::string_view::npos) {
    parts.user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  SplitHostPort(authority, &parts);
  return parts;
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  UrlParts parts;
  SplitHostPort(text, &parts);
  HostPort result;
  const bool open = !parts.bracketed && absl::StartsWith(parts.host, "[");
  if (!parts.host.empty() && !open && absl::ConsumePrefix(&parts.port, ":") &&
      absl::SimpleAtoi(parts.port, &result.port) && result.port > 0 && result.port < 65536) {
    result.host = std::string(parts.host);
    return result;
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not HOST:PORT"));
}

absl::StatusOr<HostPort> ParseHttpsUrl(absl::string_view url) {
  const std::optional<UrlParts> parts = SplitUrl(url);
  if (parts && parts->scheme == "https" && !parts->user && parts->rest.empty())
    return ParseHostPort(parts->host_port);
  return absl::InvalidArgumentError(absl::StrCat("\"", url, "\" is not https://HOST:PORT"));
}

}  // namespace kplan
