#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/gen.h"
#include "src/cli/open_plan.h"
#include "src/cli/planning.h"
#include "src/cli/review.h"

namespace kplan {
namespace {

// What --out is told, before the folder of build.ninja is entered.
struct Out {
  std::string path;  // absolute; "": none
  std::string spec;  // the operand, absolute; "": none
};

absl::StatusOr<Out> OutOf(const Options& options) {
  Out out;
  if (!options.Has("--out")) return out;
  std::error_code error;
  out.path = std::filesystem::absolute(options.Value("--out"), error).string();
  if (!error && !options.operands().empty())
    out.spec = std::filesystem::absolute(options.operands()[0], error).string();
  if (error) return absl::UnavailableError("the current folder is gone");
  return out;
}

// Saves the plan that was shown.
absl::Status Save(const OpenPlan& plan, const MadePlan& made, const Contact& contact, const Out& out) {
  absl::StatusOr<SavedPlan> saved = SavedPlanOf(plan, made, !contact.asks);
  if (!saved.ok()) return saved.status();
  absl::StatusOr<std::string> spec = out.spec.empty() ? plan.path : SeenFrom(".", out.spec);
  if (!spec.ok()) return spec.status();
  saved->spec = *spec;
  return WriteSavedPlan(out.path, *saved);
}

}  // namespace

int PlanCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("plan", arguments)) return kExitUsage;
  PlanRequest request;
  if (int exit = request.Read("plan", options); exit != kExitDone) return exit;
  const std::string spec = options.operands().empty() ? "" : options.operands()[0];
  if (options.Has("--out") && spec == SpecFile::kStandardInput)
    return WrongUsage("plan",
                      "--out needs a cluster.yaml in a file: it is read again when the plan is applied");
  absl::StatusOr<Out> save = OutOf(options);
  if (!save.ok()) return Fail(save.status().message());
  OpenPlan plan;
  if (int exit = OpenPlanIn(options.Value("-C"), spec, &plan); exit != kExitDone) return exit;
  const Contact contact = ContactOf(options, plan.compiled());
  MadePlan made;
  if (int exit = MakePlan(plan, request, contact, &made); exit != kExitDone) return exit;
  ReviewForm form;
  form.format = FormatOf(options);
  form.all = options.Has("--all");
  PrintPlan(plan, made, std::move(form));
  if (PrintOverBudget(plan, made)) return kExitFailed;
  if (!save->path.empty()) {
    if (absl::Status status = Save(plan, made, contact, *save); !status.ok()) return Fail(status.message());
  }
  PrintSilent(made.look.sights);
  if (!made.report.needs.empty()) return FailForKeys(made.report);
  if (made.report.failing > 0 || made.look.sights.any_silent()) return kExitTrouble;
  return made.report.empty() ? kExitDone : kExitChanges;
}

}  // namespace kplan
