#include "src/cli/given_cas.h"

#include "absl/strings/str_cat.h"
#include "src/pki/certificate.h"
#include "src/pki/verifier_objections.h"
#include "src/step/any_record.h"

namespace kplan {

Diagnostics WithObjections(const SpecFile& file, const std::string& folder) {
  Diagnostics all = file.diagnostics();
  for (const Step& step : file.compiled()->graph.steps()) {
    if (step.kind != StepKind::kAdoptCa) continue;
    const AdoptCaRecord record = std::get<AdoptCaRecord>(ReadAnyRecord(step.record));
    const bool below = !folder.empty() && record.from.front() != '/';
    absl::StatusOr<Certificate> ca =
        Certificate::Read(below ? absl::StrCat(folder, "/", record.from) : record.from);
    if (!ca.ok()) continue;
    for (const Objection& objection : ObjectionsTo(*ca)) {
      all.Warning(
          Code::kGivenCa, step.made_for,
          absl::StrCat("the CA ", record.from, " is refused by ", objection.who, ": ", objection.what),
          std::string(objection.remedy));
    }
  }
  return all;
}

}  // namespace kplan
