// send: {"files":[{"from":"pki/ca.pem","path":"/etc/etcd/ca.pem","secret":false},...],"host":"etcd-1",
//        "kind":"send","root":"/"}
// Brings to a host, over one session, the content of all files that the steps behind it put in place there:
// as far as it differs from what is in place or has arrived before. Nothing changes on the host but kplan's
// own folder. Each of those steps could bring its own; this one is for the many files of a first run.
//
// The stamp stands for which files these are. What is in them the steps behind it look at themselves.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "src/base/digest.h"
#include "src/remote/remote_step.h"
#include "src/remote/source_files.h"

namespace kplan {

absl::StatusOr<StepResult> SendStep(const StepContext&, const Record& record) {
  const std::string name = record.String("host");
  const Json files = record.json().value("files", Json());
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<absl::optional<RemoteHost>> host = FindRemoteHost(name);
  if (!host.ok()) return host.status();
  if (!host->has_value() || !files.is_array())
    return absl::InternalError(absl::StrCat("there is nothing to send to ", name));

  Request request;
  request.verb = Request::Verb::kSend;
  StepResult result;
  Sha256Stream digest;
  for (const Json& each : files) {
    const Record entry(each);
    const std::string from = entry.String("from"), path = entry.String("path");
    if (absl::Status status = entry.status(); !status.ok()) return status;
    absl::StatusOr<SentFile> file = LookAtSource(from, path);
    if (!file.ok()) return file.status();
    request.sources.push_back(*std::move(file));
    digest.Update(absl::StrCat(from, " ", path, "\n"));
  }
  result.digest = digest.FinishHex();
  if (request.sources.empty()) return result;
  absl::StatusOr<Json> answer = AskClaimed(**host, std::move(request));
  if (!answer.ok()) return answer.status();
  return result;
}

}  // namespace kplan
