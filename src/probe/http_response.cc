#include "src/probe/http_response.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace {

// Where the body begins; npos when the headers are not all there.
size_t BodyAt(absl::string_view response) {
  const size_t end = response.find("\r\n\r\n");
  return end == absl::string_view::npos ? end : end + 4;
}

// The value of the header NAME (in lower case) in the HEAD of a response; "" when there is none.
absl::string_view Header(absl::string_view head, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(head, "\r\n")) {
    const size_t colon = line.find(':');
    if (colon != absl::string_view::npos && absl::EqualsIgnoreCase(line.substr(0, colon), name))
      return absl::StripAsciiWhitespace(line.substr(colon + 1));
  }
  return "";
}

bool IsChunked(absl::string_view head) {
  return absl::EndsWithIgnoreCase(Header(head, "transfer-encoding"), "chunked");
}

// What BODY's chunks hold. *WHOLE: the last one is there, and the trailers after it.
std::string JoinChunks(absl::string_view body, bool* whole) {
  std::string text;
  *whole = false;
  for (;;) {
    const size_t line = body.find("\r\n");
    if (line == absl::string_view::npos) return text;
    absl::string_view digits = body.substr(0, line);
    digits = digits.substr(0, digits.find(';'));
    uint64_t size = 0;
    if (!absl::SimpleHexAtoi(absl::StripAsciiWhitespace(digits), &size)) return text;
    if (size == 0) {
      const absl::string_view trailers = body.substr(line);
      *whole = absl::StartsWith(trailers, "\r\n\r\n") || absl::EndsWith(trailers, "\r\n\r\n");
      return text;
    }
    body.remove_prefix(line + 2);
    absl::StrAppend(&text, body.substr(0, size));
    if (body.size() < 2 || body.size() - 2 < size) return text;
    body.remove_prefix(size + 2);
  }
}

}  // namespace

int HttpStatus(absl::string_view response) {
  int status = 0;
  if (!absl::ConsumePrefix(&response, "HTTP/1.") || response.size() < 5 || response[1] != ' ' ||
      !absl::SimpleAtoi(response.substr(2, 3), &status)) {
    return 0;
  }
  return status;
}

absl::string_view HttpBody(absl::string_view response) {
  const size_t at = BodyAt(response);
  return at == absl::string_view::npos ? "" : response.substr(at);
}

bool IsWholeHttp(absl::string_view response) {
  const size_t at = BodyAt(response);
  if (at == absl::string_view::npos) return false;
  const absl::string_view head = response.substr(0, at), body = response.substr(at);
  if (IsChunked(head)) {
    bool whole = false;
    JoinChunks(body, &whole);
    return whole;
  }
  size_t length = 0;
  return absl::SimpleAtoi(Header(head, "content-length"), &length) && body.size() >= length;
}

std::string WithoutChunks(std::string response) {
  const size_t at = BodyAt(response);
  if (at == absl::string_view::npos || !IsChunked(absl::string_view(response).substr(0, at))) return response;
  bool whole = false;
  const std::string body = JoinChunks(absl::string_view(response).substr(at), &whole);
  return absl::StrCat(absl::string_view(response).substr(0, at), body);
}

}  // namespace kplan
