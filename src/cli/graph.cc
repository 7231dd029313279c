// kplan graph: the steps and what each is made from, as a picture or as data.

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <numeric>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/piecewise_file.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/open_plan.h"
#include "src/cli/terminal.h"
#include "src/look/forecast.h"
#include "src/show/graph_dot.h"
#include "src/show/graph_html.h"
#include "src/show/graph_json.h"
#include "src/show/graph_mermaid.h"
#include "src/show/graph_view.h"
#include "src/show/plan_report.h"
#include "src/why/explain.h"

namespace kplan {
namespace {

struct Format {
  const char* name;
  void (*write)(const GraphView&, TextSink);
  bool json;  // or what has its texts as JSON has them
};

constexpr Format kFormats[] = {{"dot", WriteGraphDot, false},
                               {"mermaid", WriteGraphMermaid, false},
                               {"json", WriteGraphJson, true},
                               {"html", WriteGraphHtml, true}};

// NAME is one of the table's words (command_table.cc): Options lets no other through.
const Format& FindFormat(absl::string_view name) {
  return *std::find_if(std::begin(kFormats), std::end(kFormats),
                       [&](const Format& format) { return name == format.name; });
}

// Adds to what is not fresh the lines of cluster.yaml that are to blame.
void AddEdits(const OpenPlan& plan, const Forecast& forecast, const std::vector<StepId>& shown,
              GraphView* view) {
  Explainer explainer(plan.graph(), forecast, plan.history, plan.path, plan.text());
  explainer.PrepareAll();
  for (size_t i = 0; i < shown.size(); ++i) {
    if (view->nodes[i].state == StepState::kFresh) continue;
    const RootCause root = explainer.WhyNext(shown[i]).root;
    if (root.kind != RootCause::Kind::kEdit) continue;
    for (const std::string& line : RootLines(root, plan.path, /*last=*/false)) {
      view->nodes[i].reasons.push_back(absl::StrCat("because ", line));
    }
  }
}

// What the plan is called: by metadata.name, or as its cluster.yaml's folder, which people name after what is
// in it; a file of another name is called by its own.
std::string NameOf(const OpenPlan& plan) {
  if (!plan.compiled().cluster.name.empty()) return plan.compiled().cluster.name;
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(plan.path, error);
  if (error) return plan.path;
  const std::string folder = path.parent_path().filename().string();
  const bool usual = path.filename() == kUsualSpec && !folder.empty();
  return usual ? folder : path.filename().string();
}

}  // namespace

int GraphCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("graph", arguments)) return kExitUsage;
  const Format& format = FindFormat(options.Has("--format") ? options.Value("--format") : "dot");
  // As seen from where the person stands; OpenPlanIn() goes to the folder of build.ninja.
  std::string output = options.Value("--output");
  if (!output.empty()) {
    std::error_code error;
    output = std::filesystem::absolute(output, error).string();
    if (error) return Fail(absl::StrCat("cannot tell the current folder: ", error.message()));
  }

  OpenPlan plan;
  if (int exit = OpenPlanIn(options.Value("-C"), options.Value("--spec"), &plan); exit != kExitDone)
    return exit;
  std::vector<StepId> shown(plan.graph().steps().size());
  std::iota(shown.begin(), shown.end(), 0);
  std::string around;
  if (!options.operands().empty()) {
    around = options.operands()[0];
    absl::StatusOr<std::vector<StepId>> named = FindSteps(plan.graph(), around);
    if (!named.ok()) return Fail(named.status().message());
    shown = StepsAround(plan.graph(), *named);
  }
  const absl::Time now = absl::Now();
  const Look look = LookAt(plan.graph(), ContactOf(options, plan.compiled()), now);
  const Forecast& forecast = look.forecast;
  PrintSilent(look.sights);
  GraphView view = MakeGraphView(plan.graph(), forecast, shown, now);
  view.title = Shown(NameOf(plan));
  view.around = around;
  AddEdits(plan, forecast, shown, &view);

  if (output.empty()) {
    format.write(view, format.json ? TextSink(PrintJson) : TextSink(PrintText));
    return kExitDone;
  }
  absl::Status status = WritePiecewise(
      output, [&](TextSink sink) { format.write(view, sink); }, 0644);
  return status.ok() ? kExitDone : Fail(status.message());
}

}  // namespace kplan
