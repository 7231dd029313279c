#include "src/cli/open_plan.h"

#include <unistd.h>

#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"

namespace kplan {
namespace {

int Enter(const std::string& folder) {
  if (!folder.empty()) {
    if (absl::Status entered = EnterFolder(folder); !entered.ok()) return Fail(entered.message());
  }
  absl::Status status = CheckPrivateFolder(paths::kState);
  return status.ok() ? kExitDone : Fail(status.message());
}

int LoadHistory(OpenPlan* plan) {
  absl::StatusOr<SpecHistory> history = SpecHistory::Load();
  if (!history.ok()) return Fail(history.status().message());
  plan->history = *std::move(history);
  return kExitDone;
}

}  // namespace

int OpenPlanIn(const std::string& folder, const std::string& spec, OpenPlan* plan, SpecFile::Keep keep) {
  plan->path = spec;
  if (spec.empty()) {
    if (int exit = Enter(folder); exit != kExitDone) return exit;
    if (int exit = LoadHistory(plan); exit != kExitDone) return exit;
    plan->path = plan->history.path();
    if (plan->path.empty() && access(kUsualSpec, F_OK) == 0) plan->path = kUsualSpec;
    if (plan->path.empty())
      return Fail("there is no plan in this folder, and no cluster.yaml; name one, or use -C");
  }
  absl::StatusOr<SpecFile> file = SpecFile::Compile(plan->path, keep);
  if (!file.ok()) return Fail(file.status().message());
  plan->file = std::make_unique<SpecFile>(*std::move(file));
  if (plan->file->compiled() == nullptr) {
    Print(plan->file->diagnostics());
    return kExitBadSpec;
  }
  if (spec.empty()) return kExitDone;
  // Only now: SPEC is as seen from where the person stands.
  if (int exit = Enter(folder); exit != kExitDone) return exit;
  return LoadHistory(plan);
}

}  // namespace kplan
