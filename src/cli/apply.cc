// gen, the plan, a question, ninja, and a summary. What is run is the plan that was agreed to, and nothing
// else: apply/applied.h says how ninja's kplan is held to it.

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "src/apply/applied.h"
#include "src/apply/saved_plan.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/base/piecewise_file.h"
#include "src/base/private_folder.h"
#include "src/base/process.h"
#include "src/base/text.h"
#include "src/cli/apply_summary.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/gen.h"
#include "src/cli/ninja_run.h"
#include "src/cli/open_plan.h"
#include "src/cli/planning.h"
#include "src/cli/question.h"
#include "src/cli/terminal.h"
#include "src/look/spec_history.h"
#include "src/ninja/ninja_file.h"

namespace kplan {
namespace {

struct ApplyRequest {
  PlanRequest plan;
  std::string folder;  // of -C; "": here
  std::string spec;    // cluster.yaml, as seen from where the person stands
  std::string ninja;   // the program
  bool yes = false;
  bool offline = false;
  std::optional<SavedPlan> saved;
};

// The operand, or cluster.yaml here, or the one that `gen` last went by in the folder of -C.
absl::StatusOr<std::string> SpecFor(const Options& options) {
  const std::string spec = SpecOf(options);
  std::error_code error;
  if (!options.operands().empty() || options.Value("-C").empty() || std::filesystem::exists(spec, error))
    return spec;
  const std::string here = std::filesystem::current_path(error).string();
  if (error) return absl::UnavailableError("the current folder is gone");
  if (absl::Status status = EnterFolder(options.Value("-C")); !status.ok()) return status;
  const absl::StatusOr<SpecHistory> history = SpecHistory::Load();
  if (absl::Status status = EnterFolder(here); !status.ok()) return status;
  if (!history.ok()) return history.status();
  if (history->path().empty()) return spec;
  return history->path()[0] == '/' ? history->path()
                                   : absl::StrCat(options.Value("-C"), "/", history->path());
}

// kExitDone, or the exit code.
int ReadRequest(const Arguments& arguments, ApplyRequest* request) {
  Options options;
  if (!options.Parse("apply", arguments)) return kExitUsage;
  if (int exit = request->plan.Read("apply", options); exit != kExitDone) return exit;
  request->folder = options.Value("-C");
  request->yes = options.Has("--yes");
  request->offline = options.Has("--offline");
  request->ninja = FindProgram("ninja");
  if (request->ninja.empty()) {
    return Fail(
        "there is no ninja in PATH, which does the work; install it (on Debian: apt-get install "
        "ninja-build), and run this again");
  }
  if (!options.operands().empty() && IsSavedPlan(options.operands()[0])) {
    if (!request->plan.limit.empty())
      return WrongUsage("apply", "a saved plan has its own --limit, and is applied as it is");
    if (request->offline)
      return WrongUsage("apply",
                        "a saved plan is compared as it was saved, and --offline may differ from that");
    absl::StatusOr<SavedPlan> saved = ReadSavedPlan(options.operands()[0]);
    if (!saved.ok()) return Fail(saved.status().message());
    request->plan.limit = saved->limit;
    request->offline = saved->offline;
    request->saved = *std::move(saved);
    return kExitDone;
  }
  absl::StatusOr<std::string> spec = SpecFor(options);
  if (!spec.ok()) return Fail(spec.status().message());
  request->spec = *std::move(spec);
  return kExitDone;
}

Contact ContactFor(const ApplyRequest& request, const Compiled& compiled) {
  Contact contact = ContactOf(Options(), compiled);
  contact.asks = contact.asks && !request.offline;
  return contact;
}

// Whether the plan that was saved is the one that was just made; says what is not.
bool IsStill(const SavedPlan& saved, const OpenPlan& plan, const MadePlan& made) {
  absl::StatusOr<SavedPlan> now = SavedPlanOf(plan, made, saved.offline);
  if (!now.ok()) return Fail(now.status().message()) == kExitDone;
  const std::vector<std::string> differences = DifferencesOf(saved, *now);
  if (differences.empty()) return true;
  constexpr size_t kMost = 20;
  std::string text = "nothing was done: what was saved is no longer the plan";
  for (size_t i = 0; i < differences.size() && i < kMost; ++i) absl::StrAppend(&text, "\n  ", differences[i]);
  if (differences.size() > kMost) absl::StrAppend(&text, "\n  and ", differences.size() - kMost, " more");
  Fail(absl::StrCat(text, "\nsave it again: `kplan plan --out FILE` shows how it is now"));
  return false;
}

// Writes .kplan/limit.ninja.
absl::Status WriteLimitNinja(const Graph& graph, const Limit& limit, NinjaOptions ninja) {
  ninja.limit = &limit;
  auto write = [&](TextSink sink) { WriteNinjaFile(graph, ninja, sink); };
  absl::Status status = WritePiecewise(paths::kLimitNinja, write, kPrivateFile);
  return status.ok() ? GiveToOwnerOf(paths::kState, paths::kLimitNinja) : status;
}

// Has ninja do the plan.
int Run(const ApplyRequest& request, const OpenPlan& plan, const MadePlan& made, const NinjaOptions& ninja) {
  AppliedPlan applied;
  absl::StatusOr<std::string> token = NewToken();
  if (!token.ok()) return Fail(token.status().message());
  applied.token = *token;
  applied.graph = GraphDigest(plan.graph());
  std::vector<std::string> arguments;
  absl::Status status;
  if (made.limit.has_value()) {
    applied.limit = made.limit->names;
    arguments = {"-f", paths::kLimitNinja};
    status = WriteLimitNinja(plan.graph(), *made.limit, ninja);
  }
  const Limit* limit = made.limit.has_value() ? &*made.limit : nullptr;
  if (status.ok()) status = WriteApplied(applied, plan.graph(), made.StepsToRun(), limit);
  if (!status.ok()) return Fail(status.message());
  std::vector<std::pair<std::string, std::string>> environment = {{kApplyVariable, *token}};
  if (request.offline) environment.emplace_back("KPLAN_OFFLINE", "1");
  FlushOutput();
  const absl::Time start = absl::Now();
  absl::StatusOr<int> exit = RunNinja(request.ninja, arguments, environment);
  if (!exit.ok()) return Fail(exit.status().message());
  const ApplySummary summary =
      SummaryOf(made.graph(plan), made.look.forecast, made.report, Journal::Read(paths::kAppliedJournal));
  PrintText(summary.Text(absl::Now() - start, *exit == 0));
  if (limit != nullptr) {
    const Owed owed = LookAtOwed(plan, *limit);
    if (!owed.empty()) PrintText(absl::StrCat("still owed, left out by --limit: ", owed.Text(), "\n"));
  }
  const std::string silent = made.look.sights.Summary();
  if (!silent.empty()) PrintText(absl::StrCat("not known: ", silent, "\n"));
  if (*exit == 0) return kExitDone;
  // All was done that could be; ninja fails for the hosts that it has asked in vain.
  if (summary.all_done() && made.look.sights.any_silent()) return kExitTrouble;
  return kExitFailed;
}

// The plan, the question, and the run.
int Apply(const ApplyRequest& request, NinjaOptions* ninja) {
  absl::StatusOr<AppliedLock> lock = AppliedLock::Take();
  if (!lock.ok()) return Fail(lock.status().message());
  OpenPlan plan;
  const std::string& spec = request.saved.has_value() ? request.saved->spec : ninja->spec;
  if (int exit = OpenPlanIn("", spec, &plan); exit != kExitDone) return exit;
  MadePlan made;
  if (int exit = MakePlan(plan, request.plan, ContactFor(request, plan.compiled()), &made); exit != kExitDone)
    return exit;
  if (request.saved.has_value() && !IsStill(*request.saved, plan, made)) return kExitFailed;
  PrintPlan(plan, made);
  if (PrintOverBudget(plan, made)) return kExitFailed;
  PrintSilent(made.look.sights);
  if (made.report.empty()) return made.look.sights.any_silent() ? kExitTrouble : kExitDone;
  if (int exit = Ask({"do this?", "nothing was done", "does it", request.yes}); exit != kExitDone)
    return exit;
  // Nothing was written for a saved plan yet.
  if (request.saved.has_value()) {
    if (int exit = GenerateIn("", request.saved->spec, ninja); exit != kExitDone) return exit;
  }
  return Run(request, plan, made, *ninja);
}

}  // namespace

int ApplyCommand(const Arguments& arguments) {
  ApplyRequest request;
  if (int exit = ReadRequest(arguments, &request); exit != kExitDone) return exit;
  NinjaOptions ninja;
  if (!request.saved.has_value()) {
    if (int exit = GenerateIn(request.folder, request.spec, &ninja); exit != kExitDone) return exit;
  } else if (!request.folder.empty()) {
    if (absl::Status status = EnterFolder(request.folder); !status.ok()) return Fail(status.message());
  }
  return Apply(request, &ninja);
}

}  // namespace kplan
