#include "src/steps/service/check_curl.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/base/process.h"
#include "src/base/text.h"
#include "src/probe/socket_bridge.h"

namespace kplan {
namespace {

constexpr int kAnswerSeconds = 10, kConnectSeconds = 5;
constexpr int64_t kMaxBody = 64 << 20;  // an apiserver's metrics are several megabytes
constexpr absl::string_view kStatusMark = "\nstatus=";

// curl's exit codes that say that the server, or what it is asked with, is the wrong one (curl(1)): no matter
// of waiting. 35 and 56, which a refused certificate gives, are also those of a proxy before a server that is
// not up yet.
bool IsLasting(int curl_exit) {
  switch (curl_exit) {
    case 3:   // the URL
    case 51:  // the server's certificate
    case 58:  // our certificate or key
    case 60:  // the server's certificate, or its names
    case 77:  // the CA's file
    case 83:  // the issuer
      return true;
    default:
      return false;
  }
}

// A file as curl takes it, where a colon begins a password.
std::string CurlPath(const std::string& path) {
  return absl::StrReplaceAll(path, {{"\\", "\\\\"}, {":", "\\:"}});
}

}  // namespace

absl::StatusOr<HttpAnswer> AskByCurl(const HttpsCheck& check, const std::shared_ptr<Dialer>& dialer) {
  std::unique_ptr<SocketBridge> bridge;
  if (dialer != nullptr) {
    absl::StatusOr<std::unique_ptr<SocketBridge>> opened =
        SocketBridge::Open(dialer, {check.target.address}, absl::Seconds(kConnectSeconds));
    if (!opened.ok()) return opened.status();
    bridge = *std::move(opened);
  }
  std::vector<std::string> argv = {"curl",
                                   "-q",  // no ~/.curlrc; must be first
                                   "--proto",
                                   "=https",
                                   "--tlsv1.2",
                                   "--globoff",  // "[1-9]" is no range
                                   "--silent",
                                   "--show-error",
                                   "--max-filesize",
                                   absl::StrCat(kMaxBody),
                                   "--connect-timeout",
                                   absl::StrCat(kConnectSeconds),
                                   "--max-time",
                                   absl::StrCat(kAnswerSeconds),
                                   "--write-out",
                                   absl::StrCat("%{stderr}", kStatusMark, "%{http_code}")};
  // Debian's curl trusts the system's CAs beside the one that it is given.
  if (!check.cacert.empty()) argv.insert(argv.end(), {"--cacert", check.cacert, "--capath", "/dev/null"});
  if (!check.cert.empty()) {
    argv.insert(argv.end(), {"--cert", CurlPath(check.cert), "--key", check.key});
  }
  if (bridge != nullptr) argv.insert(argv.end(), {"--unix-socket", bridge->PathOf(check.target.address)});
  argv.insert(argv.end(), {"--", check.url});
  RunOptions options;
  options.timeout = absl::Seconds(kAnswerSeconds + 5);
  options.new_session = true;  // it can ask nobody for a passphrase
  absl::StatusOr<RunResult> result = Run(argv, options);
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError("there is no curl here, which asks; install it (apt install curl)");
  }
  if (!result.ok()) return result.status();
  HttpAnswer answer;
  absl::string_view said = result->err;
  const size_t mark = said.rfind(kStatusMark);
  if (mark != absl::string_view::npos) {
    if (!absl::SimpleAtoi(said.substr(mark + kStatusMark.size()), &answer.status)) answer.status = 0;
    said = said.substr(0, mark);
  }
  absl::string_view body = absl::StripLeadingAsciiWhitespace(result->out);
  answer.body = std::string(absl::StripTrailingAsciiWhitespace(body.substr(0, body.find('\n'))));
  if (result->ok()) return answer;
  // It knows the socket alone.
  if (bridge != nullptr) answer.error = bridge->WhyNot();
  if (!answer.error.empty()) return answer;
  answer.lasting = IsLasting(result->exit_code);
  answer.error = Shown(absl::StripAsciiWhitespace(said.substr(0, said.find('\n', said.find("curl: ")))));
  if (answer.error.empty()) answer.error = absl::StrCat("curl ended with ", result->exit_code);
  return answer;
}

}  // namespace kplan
