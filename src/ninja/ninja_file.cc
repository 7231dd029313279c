#include "src/ninja/ninja_file.h"

#include "absl/strings/str_cat.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

// What every build.ninja begins with, the stub included.
//
// `gen` runs before every build: ninja sees the times of files only, and a mode that was opened up, a service
// that stopped and a certificate that is due have none. The edge is made always dirty by an input that never
// exists; with restat, and a stamp that is rewritten only when the output changes, a build with nothing to do
// stays one. The output is a stamp and not build.ninja itself, because ninja deletes the output of an
// interrupted edge.
void AppendHeader(const NinjaOptions& options, std::string* out) {
  absl::StrAppend(out, "# Written by kplan from ", options.spec,
                  "; do not edit.\n"
                  "ninja_required_version = 1.10\n"
                  "builddir = ",
                  paths::kState,
                  "\n"
                  "kplan = ",
                  EscapeNinjaPath(options.kplan),
                  "\n"
                  "\n"
                  "rule gen\n"
                  "  command = $kplan gen --from-ninja --kplan $kplan $in\n"
                  "  description = LOOK $in\n"
                  "  generator = 1\n"
                  "  restat = 1\n"
                  "build ",
                  paths::kGenStamp, ": gen ", EscapeNinjaPath(options.spec),
                  " | .kplan/always\n"
                  "build .kplan/always: phony\n"
                  "build ",
                  paths::kBuildNinja, ": phony ", paths::kGenStamp, "\n");
}

void AppendStamps(const Graph& graph, const std::vector<StepId>& steps, absl::string_view before,
                  std::string* out) {
  if (steps.empty()) return;
  out->append(before.data(), before.size());
  for (StepId step : steps) {
    out->push_back(' ');
    out->append(EscapeNinjaPath(paths::Stamp(graph.steps()[step].label)));
  }
}

}  // namespace

std::string EscapeNinjaPath(absl::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (char c : path) {
    if (c == '$' || c == ':' || c == ' ') out.push_back('$');
    out.push_back(c);
  }
  return out;
}

std::string NinjaStub(const NinjaOptions& options) {
  std::string out;
  AppendHeader(options, &out);
  return out;
}

std::string NinjaFileFor(const Graph& graph, const NinjaOptions& options) {
  std::string out;
  // Some 600 bytes an edge: one allocation rather than twenty copies.
  out.reserve(4096 + graph.steps().size() * 640);
  AppendHeader(options, &out);
  absl::StrAppend(&out,
                  "\n"
                  "rule step\n"
                  "  command = $kplan step $shard $label $digest\n"
                  "  description = $verb $label\n"
                  "  depfile = .kplan/deps/$label\n"
                  "  deps = gcc\n"
                  "  restat = 1\n");
  for (const Step& step : graph.steps()) {
    std::string label = EscapeNinjaPath(step.label);
    absl::StrAppend(&out, "\nbuild ", EscapeNinjaPath(paths::Stamp(step.label)), ": step");
    AppendStamps(graph, step.inputs, " |", &out);
    AppendStamps(graph, step.after, " ||", &out);
    absl::StrAppend(&out, "\n  label = ", label,
                    "\n  shard = ", EscapeNinjaPath(paths::Shard(graph.shards()[step.shard].name)),
                    "\n  digest = ", step.digest, "\n  verb = ", VerbOf(step.kind), "\n");
    // A download shows its progress.
    if (step.kind == StepKind::kFetch) absl::StrAppend(&out, "  pool = console\n");
    absl::StrAppend(&out, "build ", label, ": phony ", EscapeNinjaPath(paths::Stamp(step.label)), "\n");
  }
  out += "\n";
  for (const Group& group : graph.groups()) {
    absl::StrAppend(&out, "build ", EscapeNinjaPath(group.name), ": phony");
    AppendStamps(graph, group.members, "", &out);
    out += "\n";
  }
  out += "build all: phony";
  AppendStamps(graph, graph.Leaves(), "", &out);
  out += "\ndefault all\n";
  return out;
}

}  // namespace kplan
