// Brings to a host, over one session, the content of all files that the steps behind it put in place there:
// as far as it differs from what is in place or has arrived before. Nothing changes on the host but kplan's
// own folder. Each of those steps could bring its own; this one is for the many files of a first run.
//
// The stamp stands for which files these are. What is in them the steps behind it look at themselves.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/remote/remote_step.h"
#include "src/remote/source_files.h"

namespace kplan {

absl::StatusOr<StepResult> SendStep(const StepContext&, const SendRecord& record) {
  absl::StatusOr<std::optional<RemoteHost>> host = FindRemoteHost(record.host);
  if (!host.ok()) return host.status();
  if (!host->has_value())
    return absl::InternalError(absl::StrCat("there is nothing to send to ", record.host));

  Request request;
  request.verb = Request::Verb::kSend;
  StepResult result;
  Sha256Stream digest;
  for (const SendRecord::File& sent : record.files) {
    absl::StatusOr<SentFile> file = LookAtSource(sent.from, sent.path);
    if (!file.ok()) return file.status();
    request.sources.push_back(*std::move(file));
    digest.Update(absl::StrCat(sent.from, " ", sent.path, "\n"));
  }
  result.digest = digest.FinishHex();
  if (request.sources.empty()) return result;
  absl::StatusOr<Json> answer = AskClaimed(**host, std::move(request));
  if (!answer.ok()) return answer.status();
  return result;
}

}  // namespace kplan
