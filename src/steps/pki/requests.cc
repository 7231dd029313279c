#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/text.h"
#include "src/pki/certificate.h"
#include "src/pki/request.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

// Which requests wait for a CA whose key somebody else has. The list is for people, as the result's output;
// that something waits is no failure here: the steps of the certificates fail. Digest: of the list. Its files
// are the certificates, so that ninja looks again while one is missing and when one arrives.

namespace kplan {
namespace {

// The public key that the request in PATH is about; empty when it cannot be read.
std::string KeyOfRequest(const std::string& path) {
  absl::StatusOr<CertificationRequest> request = CertificationRequest::Read(path);
  return request.ok() ? request->spki : "";
}

// Whether REQUEST has to be signed: CERTIFICATE is not there, or is not of the request's key.
bool Waits(const std::string& request, const std::string& certificate, const Foreseen& foreseen) {
  absl::StatusOr<Certificate> found = Certificate::Read(certificate);
  if (!found.ok()) return true;
  const ForeseenFile* again = foreseen.Find(request);
  return found->spki != (again != nullptr ? again->spki : KeyOfRequest(request));
}

// The requests that wait, and what a person reads of them.
struct Waiting {
  std::string list, text;
};

Waiting Look(const StringPairs& pairs, const Foreseen& foreseen) {
  Waiting waiting;
  size_t count = 0;
  for (const auto& [request, certificate] : pairs) {
    if (!Waits(request, certificate, foreseen)) continue;
    ++count;
    absl::StrAppend(&waiting.list, "  ", request, " -> ", certificate, "\n");
  }
  if (count > 0) {
    waiting.text = absl::StrCat(Count(count, "request"), count == 1 ? " waits" : " wait",
                                " for signing (request -> where its certificate belongs):\n", waiting.list);
  }
  return waiting;
}

}  // namespace

absl::StatusOr<StepResult> RequestsStep(const StepContext&, const RequestsRecord& record) {
  Waiting waiting = Look(record.pairs, Foreseen());
  StepResult result;
  for (const auto& [request, certificate] : record.pairs) result.files.push_back(certificate);
  result.output = std::move(waiting.text);
  result.digest = Sha256Hex(waiting.list);
  return result;
}

// Its artifact is what it says, so the digest alone tells whether that is something else than before.
absl::StatusOr<Outlook> RequestsLook(const LookContext& context, const RequestsRecord& record) {
  Waiting waiting = Look(record.pairs, context.foreseen);
  Outlook outlook;
  outlook.note = std::move(waiting.text);
  outlook.digest = Sha256Hex(waiting.list);
  return outlook;
}

}  // namespace kplan
