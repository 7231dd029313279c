#include "src/show/artifact_view.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/diagnostic.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/secret_content.h"
#include "src/host/host_file.h"
#include "src/host/host_owner.h"
#include "src/host/waiting_file.h"
#include "src/show/artifact_details.h"
#include "src/show/graph_view.h"
#include "src/show/shown_record.h"
#include "src/spec/yaml_path.h"
#include "src/spec/yaml_tree.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

ArtifactFile LookAtFile(const Holding& holding) {
  ArtifactFile file;
  file.path = holding.Shown();
  file.host = holding.host;
  if (holding.over_ssh()) return file;
  if (holding.on_host()) {
    absl::StatusOr<HostFileState> state = LookAtHostFile(holding.root, holding.path);
    if (!state.ok()) {
      file.problem = std::string(state.status().message());
    } else if (!state->exists) {
      file.problem = HasWaiting(holding.root, holding.path) ? "waits beside its place" : "missing";
    } else {
      file.mode = ModeText(state->mode);
      file.owner = OwnerText({state->uid, state->gid});
    }
    return file;
  }
  struct stat info;
  if (stat(file.path.c_str(), &info) != 0) {
    file.problem =
        errno == ENOENT ? "missing" : std::string(ErrnoStatus(errno, "cannot be looked at").message());
  } else {
    file.mode = ModeText(info.st_mode & 07777);
    file.owner = OwnerText({info.st_uid, info.st_gid});
  }
  return file;
}

// The file that a step is about without keeping it: a given archive is its owner's.
struct OwnersFile {
  std::string operator()(const ArchiveRecord& record) const { return record.path; }
  std::string operator()(const SourceRecord& record) const { return record.path; }
  std::string operator()(const AdoptCaRecord& record) const { return record.path; }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

// What a record's artifact is called in a list: its file; of a pair the certificate, which its label has.
std::string FileOf(const AnyRecord& record) {
  const std::vector<Holding> holdings = HoldingsOf(record);
  if (holdings.empty()) return std::visit(OwnersFile(), record);
  return std::holds_alternative<PairRecord>(record) ? holdings.back().Shown() : holdings.front().Shown();
}

ArtifactNeighbour NeighbourOf(const Graph& graph, const Forecast& forecast, StepId step) {
  return {graph.steps()[step].label, FileOf(ReadAnyRecord(graph.steps()[step].record)),
          forecast.StateOf(graph, step)};
}

bool Contains(const StepIds& steps, StepId step) {
  return std::find(steps.begin(), steps.end(), step) != steps.end();
}

// How many artifacts depend on STEP, by whatever way.
size_t CountDependents(const Graph& graph, StepId step) {
  // What a step is made from comes before it: one pass finds all.
  std::vector<bool> reached(graph.steps().size());
  reached[step] = true;
  size_t count = 0;
  auto is_reached = [&reached](StepId id) { return reached[id]; };
  for (StepId id = step + 1; id < graph.steps().size(); ++id) {
    const Step& it = graph.steps()[id];
    reached[id] = std::any_of(it.inputs.begin(), it.inputs.end(), is_reached) ||
                  std::any_of(it.after.begin(), it.after.end(), is_reached);
    count += reached[id] ? 1 : 0;
  }
  return count;
}

}  // namespace

ArtifactView ViewArtifact(const Graph& graph, const Forecast& forecast, StepId id,
                          const std::string& spec_text, absl::Time now) {
  const Step& step = graph.steps()[id];
  ArtifactView view;
  view.label = step.label;
  view.kind = std::string(KindOf(step.kind).word);
  view.verb = std::string(KindOf(step.kind).verb);
  view.host = graph.shards()[step.shard].name;
  view.record = ShownRecord(step);
  view.digest = HoldsSecret(step) ? std::string(kSecretShown) : std::string(step.digest());
  view.stamp_file = paths::Stamp(step.label);
  if (absl::StatusOr<std::string> stamp = ReadFile(view.stamp_file, 4096); stamp.ok()) {
    view.stamp = std::string(absl::StripTrailingAsciiWhitespace(*stamp));
  }
  const AnyRecord record = ReadAnyRecord(step.record);
  for (const Holding& holding : HoldingsOf(record)) {
    if (holding.kind == Holding::Kind::kService) {
      if (step.kind == StepKind::kService) view.service = holding.path;
    } else {
      view.files.push_back(LookAtFile(holding));
    }
  }
  // The certificate before its key.
  if (step.kind == StepKind::kPair) std::reverse(view.files.begin(), view.files.end());
  view.stamp = ShownDigest(graph, step, view.stamp);
  view.what = WhatItIs(record);
  view.details = DetailsOf(record, view.stamp, now);

  const StepForecast& foreseen = forecast.steps[id];
  view.state = forecast.StateOf(graph, id);
  view.fate = foreseen.fate;
  view.changes = foreseen.changes;
  view.starts = foreseen.starts;
  view.restarts = foreseen.restarts;
  view.reloads = foreseen.reloads;
  view.note = foreseen.note;
  view.reasons = MakeGraphView(graph, forecast, {id}, now).nodes[0].reasons;

  for (StepId input : step.inputs) view.inputs.push_back(NeighbourOf(graph, forecast, input));
  for (StepId input : step.after) view.after.push_back(NeighbourOf(graph, forecast, input));
  for (StepId other = id + 1; other < graph.steps().size(); ++other) {
    const Step& user = graph.steps()[other];
    if (Contains(user.inputs, id) || Contains(user.after, id))
      view.users.push_back(NeighbourOf(graph, forecast, other));
  }
  view.dependents = CountDependents(graph, id);

  SourceFile source("", spec_text);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  tree.Parse(&diagnostics);  // it has compiled
  view.place = PathOfKey(tree.root(), step.made_for);
  if (step.made_for.known()) view.line = source.PositionOf(step.made_for.begin).line;

  if (const JournalEntry* entry = forecast.EntryOf(graph, id); entry != nullptr) {
    view.ran = true;
    view.last = *entry;
  }
  return view;
}

std::vector<ArtifactNeighbour> ViewArtifacts(const Graph& graph, const Forecast& forecast,
                                             const std::vector<StepId>& steps) {
  std::vector<ArtifactNeighbour> artifacts;
  artifacts.reserve(steps.size());
  for (StepId step : steps) artifacts.push_back(NeighbourOf(graph, forecast, step));
  return artifacts;
}

}  // namespace kplan
