#ifndef KPLAN_STEPS_SERVICE_CHECK_CURL_H_
#define KPLAN_STEPS_SERVICE_CHECK_CURL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/dialer.h"
#include "src/steps/service/check_https.h"

namespace kplan {

// What came of one request.
struct HttpAnswer {
  int status = 0;        // 0: there was none
  std::string body;      // its first line
  std::string error;     // what curl said; empty when the whole answer came
  bool lasting = false;  // the error is no matter of waiting
};

// Asks for the URL of CHECK by curl(1), which sees nothing of the caller's environment and configuration,
// follows no redirect, and trusts nobody but the CA of the check. What goes wrong on the way is an answer; an
// error is that there is no curl (FailedPrecondition). DIALER makes the connection; null: curl does.
absl::StatusOr<HttpAnswer> AskByCurl(const HttpsCheck& check,
                                     const std::shared_ptr<Dialer>& dialer = nullptr);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_CHECK_CURL_H_
