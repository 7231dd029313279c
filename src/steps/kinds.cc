#include "src/steps/kinds.h"

#include "src/etcd/etcd_steps.h"

namespace kplan {
namespace {

constexpr StepFunctions kKinds[] = {
    {"activate", ActivateStep, ActivateLook},
    {"adopt-ca", AdoptCaStep, AdoptCaLook},
    {"bundle", BundleStep, BundleLook},
    {"ca-cert", CaCertStep, CaCertLook},
    {"cert", CertStep, CertLook},
    {"check", CheckStep, CheckLook},
    {"crl", CrlStep, CrlLook},
    {"csr", CsrStep, CsrLook},
    {"dir", DirStep, DirLook},
    {"fetch", FetchStep, FetchLook},
    {"install", InstallStep, InstallLook},
    {"install-pair", InstallPairStep, InstallPairLook},
    {"key", KeyStep, KeyLook},
    {"render", RenderStep, RenderLook},
    {"requests", RequestsStep, RequestsLook},
    {"restore-etcd", RestoreEtcdStep, RestoreEtcdLook},
    {"rollout-etcd", RolloutEtcdStep, RolloutEtcdLook},
    {"service", ServiceStep, ServiceLook},
    {"source", SourceStep, SourceLook},
    {"survey-etcd", SurveyEtcdStep, SurveyEtcdLook},
    {"sysusers", SysusersStep, SysusersLook},
    {"unit", UnitStep, UnitLook},
    {"unpack", UnpackStep, UnpackLook},
    {"verify-etcd", VerifyEtcdStep, VerifyEtcdLook},
};

}  // namespace

const StepFunctions* FindStepFunctions(absl::string_view kind) {
  for (const StepFunctions& known : kKinds) {
    if (known.kind == kind) return &known;
  }
  return nullptr;
}

absl::StatusOr<Outlook> LookAtStep(const std::string& label, absl::string_view record, absl::Time now,
                                   const Foreseen& foreseen) {
  absl::StatusOr<Record> parsed = Record::Parse(record);
  if (!parsed.ok()) return parsed.status();
  const StepFunctions* functions = FindStepFunctions(parsed->StringOr("kind", ""));
  if (functions == nullptr) return absl::InternalError("no such kind of step");
  return functions->look({label, now, foreseen}, *parsed);
}

}  // namespace kplan
