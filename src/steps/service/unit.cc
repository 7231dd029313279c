// The text of a systemd unit, put in its place as any file is (steps/files/file.cc), once systemd finds
// nothing wrong with it (systemd/unit_verify.h). What is in place then is what systemd has.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/files.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/files/file_checked.h"
#include "src/steps/service/unit_replacing.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_text.h"
#include "src/systemd/unit_verify.h"

namespace kplan {
namespace {

// NAME: "etcd.service"; TEXT: what it will say.
absl::Status VerifyUnit(const std::string& name, absl::string_view text) {
  absl::StatusOr<std::vector<std::string>> complaints = UnitComplaints({{name, text}});
  if (!complaints.ok()) return complaints.status();
  if (complaints->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("systemd-analyze verify does not like ", name,
                                                    ", which stays as it was:\n    ",
                                                    absl::StrJoin(*complaints, "\n    ")));
}

}  // namespace

absl::StatusOr<StepResult> UnitStep(const StepContext&, const UnitRecord& record) {
  const std::string name = record.path.substr(record.path.rfind('/') + 1);
  absl::StatusOr<StepResult> result = FileChecked(record, [&](const InstallSource& source) -> absl::Status {
    absl::StatusOr<Secret> text = source.ReadAll(kMaxUnitText);
    if (!text.ok()) return text.status();
    const std::string why = WhyUnitIsNotPut(record, ProgramOfUnit(text->view()));
    if (!why.empty()) return absl::FailedPreconditionError(why);
    return VerifyUnit(name, text->view());
  });
  const bool in_place = result.ok() && !result->reason.empty() && result->waiting.empty();
  if (!in_place || record.root != "/") return result;
  if (absl::Status status = ReadUnitAgain(name); !status.ok()) return status;
  return result;
}

absl::StatusOr<Outlook> UnitLook(const LookContext& context, const UnitRecord& record) {
  absl::StatusOr<Outlook> look = LookAtFile(context, record);
  if (!look.ok() || look->reasons.empty()) return look;
  const ForeseenFile* foreseen = context.foreseen.Find(record.from);
  absl::StatusOr<std::string> text = std::string();
  if (foreseen != nullptr && foreseen->content.has_value()) {
    text = *foreseen->content;
  } else {
    text = ReadFile(record.from, kMaxUnitText);
  }
  const std::string why = text.ok() ? WhyUnitIsNotPut(record, ProgramOfUnit(*text)) : "";
  if (!why.empty()) return absl::FailedPreconditionError(absl::StrCat(DoingInstall(record), ": ", why));
  return look;
}

}  // namespace kplan
