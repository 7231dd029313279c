#include "src/cli/review.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/fields.h"
#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/show/plan_markdown.h"
#include "src/show/plan_text.h"
#include "src/show/plan_view.h"
#include "src/show/sarif.h"
#include "src/show/workflow_commands.h"

namespace kplan {

ReviewFormat FormatOf(const Options& options) {
  const std::string word = options.Has("--json") ? "json" : options.Value("--format");
  if (word == "markdown") return ReviewFormat::kMarkdown;
  if (word == "github") return ReviewFormat::kGithub;
  if (word == "sarif") return ReviewFormat::kSarif;
  return word == "json" ? ReviewFormat::kJson : ReviewFormat::kText;
}

void PrintReview(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                 const SourceFile& source, const std::string& file, const ReviewForm& form) {
  if (form.format == ReviewFormat::kJson) {
    PrintJson(PlanJson(graph, forecast, report, file, form.other_json));
    return;
  }
  ViewOptions options;
  // A program counts lines, and reads no titles.
  options.all = form.all || form.format == ReviewFormat::kSarif;
  options.source = &source;
  PlanView view = MakePlanView(graph, forecast, report, file, options);
  view.gone = form.gone;
  view.gone_title = form.gone_title;
  view.legend = LegendOf(view);
  switch (form.format) {
    case ReviewFormat::kMarkdown:
      PrintText(PlanMarkdown(view, form.title));
      break;
    case ReviewFormat::kGithub:
      view.file = form.place;
      PrintText(PlanWorkflowCommands(view, form.title));
      break;
    case ReviewFormat::kSarif:
      view.file = form.place;
      PrintJson(PlanSarif(view, kVersion));
      break;
    default:
      PrintText(PlanText(view));
  }
}

std::string JsonMember(absl::string_view name, const std::vector<std::string>& values) {
  std::string out = absl::StrCat(",\n\"", name, "\":");
  AppendValue(values, &out);
  return out;
}

int FailForKeys(const PlanReport& report) {
  constexpr size_t kMostNamed = 4;
  std::vector<std::string> keys = report.needs;
  if (keys.size() > kMostNamed) {
    const std::string more = absl::StrCat(keys.size() - kMostNamed, " more");
    keys.resize(kMostNamed);
    keys.push_back(more);
  }
  Fail(absl::StrCat(
      "this takes ", keys.size() == 1 ? "a private key that is" : "private keys that are",
      " not here: ", JoinAnd(keys),
      "\n  nothing is wrong with the plan; run `kplan gen` and ninja in the folder that has the ",
      keys.size() == 1 ? "key" : "keys", ", or restore what is missing from a backup"));
  return kExitTrouble;
}

}  // namespace kplan
