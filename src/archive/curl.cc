#include "src/archive/curl.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/archive/proxy_environment.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/text.h"
#include "src/pki/openssl_util.h"

namespace kplan {
namespace {

constexpr rlim_t kMaxBytes = rlim_t{1} << 30;
constexpr absl::Duration kConnect = absl::Seconds(20);
// For all tries together, also where a server asks for more (Retry-After).
constexpr absl::Duration kTryAgain = absl::Minutes(2);

// Whom the caller's machine trusts, when the caller says so.
constexpr const char* kTrust[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"};

// curl's exit codes that a person can do something about, for when its own words went to the terminal
// (curl(1)).
const char* MeaningOf(int exit_code) {
  switch (exit_code) {
    case 1:
      return "a redirect to something other than https";
    case 5:
      return "the proxy's name cannot be resolved";
    case 6:
      return "the host's name cannot be resolved";
    case 7:
      return "cannot connect";
    case 22:
      return "the server refused (404 or the like)";
    case 23:
      return "cannot write (is the disk full?)";
    case 28:
      return "too slow, or no answer";
    case 35:
    case 51:
    case 60:
    case 77:
      return "TLS failed";
    case 47:
      return "too many redirects";
    case 56:
      return "the connection broke, or the proxy refused";
    case 63:
    case 128 + SIGXFSZ:
      return "larger than 1 GiB";
    default:
      return "see curl(1)";
  }
}

// A server that does not say how long its answer is gets past --max-filesize (before curl 8.4), but not past
// this. The limit is only wanted in the child; nothing else runs in this process meanwhile.
class ScopedFileSizeLimit {
 public:
  explicit ScopedFileSizeLimit(rlim_t bytes) {
    valid_ = getrlimit(RLIMIT_FSIZE, &old_) == 0;
    struct rlimit limit = old_;
    if (valid_ && bytes < limit.rlim_cur) {
      limit.rlim_cur = bytes;
      setrlimit(RLIMIT_FSIZE, &limit);
    }
  }
  ~ScopedFileSizeLimit() {
    if (valid_) setrlimit(RLIMIT_FSIZE, &old_);
  }
  ScopedFileSizeLimit(const ScopedFileSizeLimit&) = delete;
  ScopedFileSizeLimit& operator=(const ScopedFileSizeLimit&) = delete;

 private:
  struct rlimit old_;
  bool valid_;
};

std::string InSeconds(absl::Duration duration) {
  return absl::StrCat(std::max<int64_t>(1, absl::ToInt64Seconds(duration)));
}

std::vector<std::string> Arguments(const Transfer& transfer) {
  std::vector<std::string> argv = {"curl",
                                   "-q",  // no ~/.curlrc; must be first
                                   "--proto",
                                   "=https",
                                   "--proto-redir",
                                   "=https",
                                   "--tlsv1.2",
                                   "--fail",  //
                                   "--location",
                                   "--max-redirs",
                                   "5",
                                   "--globoff",  // "[1-9]" is no range
                                   "--max-filesize",
                                   absl::StrCat(kMaxBytes),
                                   "--connect-timeout",
                                   InSeconds(std::min(kConnect, transfer.silence)),
                                   "--speed-limit",
                                   "1024",
                                   "--speed-time",
                                   InSeconds(transfer.silence),  // and no limit on the whole
                                   "--write-out",
                                   "%{http_code} %{http_connect}\\n",
                                   "--continue-at",
                                   "-",
                                   "--output",
                                   transfer.to};
  if (transfer.tries_again)
    argv.insert(argv.end(), {"--retry", "3", "--retry-max-time", InSeconds(kTryAgain)});
  // Debian's curl reads the folder of the machine's CAs besides; in the file's own there is none.
  if (!transfer.ca.empty())
    argv.insert(argv.end(), {"--cacert", transfer.ca, "--capath", FolderOf(transfer.to)});
  if (!transfer.authorization.empty()) argv.insert(argv.end(), {"--config", "-"});
  if (transfer.shows_progress) {
    argv.push_back("--progress-bar");
  } else {
    argv.insert(argv.end(), {"--silent", "--show-error"});
  }
  argv.insert(argv.end(), {"--", transfer.url});
  return argv;
}

std::vector<std::string> Environment(const Transfer& transfer) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : transfer.proxy) environment.push_back(absl::StrCat(name, "=", value));
  if (!transfer.ca.empty()) return environment;
  for (const char* name : kTrust) {
    if (const char* value = getenv(name)) environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

std::string WhatItSaid(const RunResult& result, const StringPairs& proxy) {
  absl::string_view last;
  for (absl::string_view line : absl::StrSplit(result.err, '\n', absl::SkipWhitespace())) {
    if (absl::StartsWith(line, "curl: ")) last = absl::StripAsciiWhitespace(line);
  }
  if (!last.empty()) return Shown(WithoutProxyLogins(last, proxy));
  return absl::StrCat("curl: (", result.exit_code, ") ", MeaningOf(result.exit_code));
}

// What --write-out printed last: the status of the last answer, or else the proxy's.
int Status(absl::string_view printed) {
  const std::vector<absl::string_view> lines = absl::StrSplit(printed, '\n', absl::SkipWhitespace());
  if (lines.empty()) return 0;
  for (absl::string_view code : absl::StrSplit(lines.back(), ' ')) {
    int status = 0;
    if (absl::SimpleAtoi(code, &status) && status > 0) return status;
  }
  return 0;
}

}  // namespace

absl::StatusOr<Transferred> RunCurl(const Transfer& transfer) {
  // Base64 or the letters of a token: nothing that a configuration would want quoted.
  Secret config;
  if (!transfer.authorization.empty())
    config = Secret(absl::StrCat("header = \"Authorization: ", transfer.authorization, "\"\n"));
  RunOptions options;
  options.timeout = absl::InfiniteDuration();
  options.inherit_errors = transfer.shows_progress;
  options.input = config.view();
  options.environment = Environment(transfer);
  absl::StatusOr<RunResult> result = [&] {
    ScopedFileSizeLimit limit(kMaxBytes);
    return kplan::Run(Arguments(transfer), options);
  }();
  if (!result.ok()) return result.status();
  Transferred done;
  done.exit_code = result->exit_code;
  done.http_status = Status(result->out);
  if (!result->ok()) done.said = WhatItSaid(*result, transfer.proxy);
  return done;
}

}  // namespace kplan
