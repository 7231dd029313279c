// kplan diff: what becomes of the steps between two versions of a cluster.yaml. It looks at no host, and at
// nothing that was made.

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/diff_side.h"
#include "src/cli/review.h"
#include "src/diff/graph_diff.h"
#include "src/show/plan_report.h"
#include "src/why/spec_edits.h"

namespace kplan {
namespace {

// *VERSION, compiled. kExitDone, or the exit code of the command, the error being printed.
int OpenSide(const std::string& name, std::optional<DiffSide>* version) {
  absl::StatusOr<DiffSide> opened = DiffSide::Open(name);
  if (!opened.ok()) return Fail(opened.status().message());
  if (opened->file().compiled() == nullptr) {
    Print(opened->file().diagnostics());
    return kExitBadSpec;
  }
  version->emplace(*std::move(opened));
  return kExitDone;
}

// Two files are texts, and no state of a folder: of what they name nothing is read. Where one is of a
// revision, the files that it names are that revision's, and the other side's are those beside it.
SourceEdited SourcesOf(const DiffSide& before, const DiffSide& after) {
  if (!before.of_git() && !after.of_git()) return nullptr;
  return [&before, &after](const std::string& path) {
    const std::optional<std::string> from = before.ReadBeside(path), to = after.ReadBeside(path);
    return from.has_value() && to.has_value() && *from != *to;
  };
}

}  // namespace

int DiffCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("diff", arguments)) return kExitUsage;
  const std::string &old_name = options.operands()[0], &new_name = options.operands()[1];
  if (old_name == SpecFile::kStandardInput && new_name == SpecFile::kStandardInput)
    return WrongUsage("diff", "only one of the two can be standard input");
  std::optional<DiffSide> before, after;
  if (int exit = OpenSide(old_name, &before); exit != kExitDone) return exit;
  if (int exit = OpenSide(new_name, &after); exit != kExitDone) return exit;
  absl::StatusOr<SpecDiff> spec = SpecDiff::Between(before->text(), after->text());
  if (!spec.ok()) return Fail(spec.status().message());
  const Graph &old_graph = before->file().compiled()->graph, &new_graph = after->file().compiled()->graph;
  GraphDiff diff = DiffGraphs(old_graph, new_graph, *spec, new_name, SourcesOf(*before, *after));
  RootCause edited;
  edited.kind = RootCause::Kind::kEdit;
  edited.edits = spec->edits();
  diff.report.edits = RootLines(edited, new_name, /*last=*/false);
  ReviewForm form;
  form.format = FormatOf(options);
  form.all = options.Has("--all");
  form.title = "kplan diff";
  form.place = after->place();
  form.gone = std::move(diff.gone);
  form.gone_title = absl::StrCat("not in ", new_name, " any more");
  form.other_json = absl::StrCat(JsonMember("gone", form.gone), JsonMember("edits", diff.report.edits));
  PrintReview(new_graph, diff.forecast, diff.report, after->file().diagnostics().source(), new_name, form);
  return diff.report.empty() ? kExitDone : kExitChanges;
}

}  // namespace kplan
