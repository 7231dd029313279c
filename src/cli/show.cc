// kplan show: the spec with every default in it, or one artifact, or the members of a group.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/open_plan.h"
#include "src/cli/terminal.h"
#include "src/look/forecast.h"
#include "src/show/artifact_report.h"
#include "src/show/artifact_view.h"
#include "src/show/graph_view.h"
#include "src/show/resolved_spec.h"

namespace kplan {
namespace {

int ShowSpec(const OpenPlan& plan, bool json) {
  auto print = [&](absl::string_view piece) { json ? PrintJson(piece) : PrintText(piece); };
  const SourceFile& source = plan.file->diagnostics().source();
  (json ? WriteResolvedJson : WriteResolvedYaml)(*plan.file->spec(), plan.compiled().cluster, source, print);
  return kExitDone;
}

}  // namespace

int ShowCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("show", arguments)) return kExitUsage;
  const bool one = !options.operands().empty(), json = options.Has("--json");
  OpenPlan plan;
  const SpecFile::Keep keep = one ? SpecFile::Keep::kGraph : SpecFile::Keep::kSpecToo;
  if (int exit = OpenPlanIn(options.Value("-C"), options.Value("--spec"), &plan, keep); exit != kExitDone)
    return exit;
  if (!one) return ShowSpec(plan, json);

  const std::string& name = options.operands()[0];
  absl::StatusOr<std::vector<StepId>> steps = FindSteps(plan.graph(), name);
  if (!steps.ok()) return Fail(steps.status().message());
  const absl::Time now = absl::Now();
  const Look look = LookAt(plan.graph(), ContactOf(options, plan.compiled()), now);
  const Forecast& forecast = look.forecast;
  PrintSilent(look.sights);
  std::string out;
  // A name with a slash is an artifact's, be it the second name of one that keeps two files.
  if (absl::StrContains(name, '/')) {
    const ArtifactView view = ViewArtifact(plan.graph(), forecast, steps->front(), plan.text(), now);
    out = json ? ArtifactJson(view, plan.path) : ArtifactText(view, plan.path);
  } else {
    const std::vector<ArtifactNeighbour> members = ViewArtifacts(plan.graph(), forecast, *steps);
    out = json ? GroupJson(name, members) : GroupText(members);
  }
  json ? PrintJson(out) : PrintText(out);
  return kExitDone;
}

}  // namespace kplan
