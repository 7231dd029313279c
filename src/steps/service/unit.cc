// unit: {"from":"rendered/h/etc/systemd/system/etcd.service","kind":"unit","mode":"0644",
//        "path":"/etc/systemd/system/etcd.service","root":"/","secret":false}
// The text of a systemd unit, put in its place as by the step "install", once systemd finds nothing wrong
// with it (systemd/unit_verify.h).

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/files/install_checked.h"
#include "src/systemd/unit_verify.h"

namespace kplan {
namespace {

constexpr size_t kMaxUnitText = 4 << 20;

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

absl::StatusOr<StepResult> UnitStep(const StepContext&, const Record& record) {
  const std::string path = record.String("path");
  if (absl::Status status = record.status(); !status.ok()) return status;
  const std::string name = path.substr(path.rfind('/') + 1);
  return InstallChecked(record, [&](const InstallSource& source) -> absl::Status {
    absl::StatusOr<Secret> text = source.ReadAll(kMaxUnitText);
    if (!text.ok()) return text.status();
    return VerifyUnit(name, text->view());
  });
}

absl::StatusOr<Outlook> UnitLook(const LookContext& context, const Record& record) {
  return InstallLook(context, record);
}

}  // namespace kplan
