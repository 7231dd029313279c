#include "src/show/graph_view.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/days.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/pki/certificate_due.h"
#include "src/show/shown_record.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

constexpr uint32_t kNone = static_cast<uint32_t>(-1);

// Messages quote what stands in files. What is no text, or would disturb whoever shows it, becomes U+FFFD.
std::string CleanText(absl::string_view text) {
  static constexpr char kReplacement[] = "\xEF\xBF\xBD";
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const size_t valid = std::min(FindInvalidUtf8(text), text.size());
    absl::string_view good = text.substr(0, valid);
    while (!good.empty()) {
      const size_t length = good[0] == '\n' || good[0] == '\t' ? 0 : DisruptiveLength(good);
      if (length == 0) {
        clean.push_back(good[0]);
        good.remove_prefix(1);
      } else {
        clean += kReplacement;
        good.remove_prefix(length);
      }
    }
    text.remove_prefix(valid);
    if (!text.empty()) {
      clean += kReplacement;
      text.remove_prefix(1);
    }
  }
  return clean;
}

// Why STEP would run. The step's own reasons say it best; the causes add what only the whole graph knows.
std::vector<std::string> ReasonsOf(const Graph& graph, const Forecast& forecast, StepId step) {
  const StepForecast& foreseen = forecast.steps[step];
  std::vector<std::string> reasons;
  for (const ServiceOutlook& service : foreseen.services) {
    for (const Reason& reason : service.reasons)
      reasons.push_back(absl::StrCat(service.host, ": ", CleanText(reason.text)));
  }
  if (reasons.empty()) {
    for (const Reason& reason : foreseen.reasons) reasons.push_back(CleanText(reason.text));
  }
  const bool explained = !reasons.empty() || !foreseen.failure.empty();
  for (const Cause& cause : foreseen.causes) {
    switch (cause.kind) {
      case Cause::Kind::kFirst:
        reasons.push_back("never ran");
        break;
      case Cause::Kind::kSpec:
        reasons.push_back("its record changed");
        break;
      case Cause::Kind::kInput:
        reasons.push_back(
            absl::StrCat(graph.steps()[cause.input].label,
                         forecast.steps[cause.input].changes_digest ? " changes" : " changed since it ran"));
        break;
      case Cause::Kind::kDrift:
        if (!explained) reasons.push_back("not as it was left");
        break;
      case Cause::Kind::kTime:
        if (!explained) reasons.push_back("due");
        break;
      case Cause::Kind::kFailed: {
        const JournalEntry* entry = forecast.EntryOf(graph, step);
        const bool known = entry != nullptr && !entry->reason.empty();
        reasons.push_back(known ? absl::StrCat("failed the last time: ", CleanText(entry->reason))
                                : "failed the last time");
        break;
      }
      case Cause::Kind::kStamp:
        reasons.push_back("the notes of its last run are gone");
        break;
      case Cause::Kind::kAsked:
        reasons.push_back("it is asked for in another way");
        break;
    }
  }
  if (!foreseen.failure.empty()) {
    const char* what = foreseen.fate == Fate::kFail      ? "would fail: "
                       : foreseen.fate == Fate::kUnknown ? "not known: "
                                                         : "waits: ";
    reasons.push_back(absl::StrCat(what, CleanText(foreseen.failure)));
  }
  return reasons;
}

Effect EffectOf(bool starts, bool reloads, bool restarts) {
  if (restarts) return Effect::kRestart;
  if (reloads) return Effect::kReload;
  return starts ? Effect::kStart : Effect::kNone;
}

void AddEffects(const StepForecast& forecast, GraphNode* node) {
  node->effect = EffectOf(forecast.starts, forecast.reloads, forecast.restarts);
  for (const ServiceOutlook& service : forecast.services) {
    const Effect effect = EffectOf(service.starts, service.reloads, service.restarts);
    if (effect == Effect::kNone) continue;
    node->effect = std::max(node->effect, effect);
    node->touches.push_back({absl::StrCat(service.service, " on ", service.host), effect});
  }
}

// The services of the host whose steps SHARD holds: its units, without those that only start another one.
std::string RoleOf(const Graph& graph, const Shard& shard) {
  std::set<absl::string_view> services;
  for (StepId id : shard.steps) {
    const Step& step = graph.steps()[id];
    if (step.kind != StepKind::kUnit && step.kind != StepKind::kService) continue;
    const absl::string_view name = absl::string_view(step.label).substr(step.label.rfind('/') + 1);
    if (!absl::EndsWith(name, ".timer")) services.insert(name);
  }
  return absl::StrJoin(services, ", ");
}

}  // namespace

const char* EffectName(Effect effect) {
  static constexpr const char* kNames[] = {"", "start", "reload", "restart"};
  return kNames[static_cast<size_t>(effect)];
}

const char* StageName(int stage) {
  static constexpr const char* kNames[kStages] = {"key",      "request",  "certificate", "archive",
                                                  "programs", "rendered", "host",        "survey",
                                                  "sent",     "on host",  "service",     "verdict"};
  return kNames[stage];
}

absl::StatusOr<std::vector<StepId>> FindSteps(const Graph& graph, absl::string_view label) {
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    if (graph.steps()[id].label == label) return std::vector<StepId>{id};
  }
  for (const Group& group : graph.groups()) {
    if (group.name != label) continue;
    std::vector<StepId> members = group.members;
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    return members;
  }
  std::vector<absl::string_view> names;
  for (const Step& step : graph.steps()) names.push_back(step.label);
  for (const Group& group : graph.groups()) names.push_back(group.name);
  const std::string suggestion = DidYouMean(label, names);
  return absl::NotFoundError(absl::StrCat("there is no artifact and no group ", Quote(label),
                                          suggestion.empty() ? "" : "; ", suggestion));
}

std::vector<StepId> StepsAround(const Graph& graph, absl::Span<const StepId> steps) {
  const std::vector<Step>& all = graph.steps();
  // Inputs have lower ids than what is made from them: one pass in each direction finds everything.
  std::vector<bool> below(all.size()), above(all.size());
  for (StepId id : steps) below[id] = above[id] = true;
  for (StepId id = static_cast<StepId>(all.size()); id-- > 0;) {
    if (!below[id]) continue;
    for (StepId input : all[id].inputs) below[input] = true;
    for (StepId input : all[id].after) below[input] = true;
  }
  std::vector<StepId> around;
  for (StepId id = 0; id < all.size(); ++id) {
    auto is_above = [&above](StepId input) { return above[input]; };
    if (std::any_of(all[id].inputs.begin(), all[id].inputs.end(), is_above) ||
        std::any_of(all[id].after.begin(), all[id].after.end(), is_above)) {
      above[id] = true;
    }
    if (below[id] || above[id]) around.push_back(id);
  }
  return around;
}

GraphView MakeGraphView(const Graph& graph, const Forecast& forecast, absl::Span<const StepId> shown,
                        absl::Time now) {
  GraphView view;
  view.now = now;

  std::vector<uint32_t> node_of(graph.steps().size(), kNone);
  std::vector<bool> has_nodes(graph.shards().size());
  for (size_t i = 0; i < shown.size(); ++i) {
    node_of[shown[i]] = static_cast<uint32_t>(i);
    has_nodes[graph.steps()[shown[i]].shard] = true;
  }
  std::vector<uint32_t> host_of(graph.shards().size(), kNone);
  for (bool shared : {true, false}) {
    for (size_t i = 0; i < graph.shards().size(); ++i) {
      const std::string& name = graph.shards()[i].name;
      if (!has_nodes[i] || (name == paths::kSharedShard) != shared) continue;
      host_of[i] = static_cast<uint32_t>(view.hosts.size());
      view.hosts.push_back(name);
      view.roles.push_back(shared ? "" : RoleOf(graph, graph.shards()[i]));
    }
  }

  view.nodes.resize(shown.size());
  auto add_shown = [&node_of](const StepIds& steps, std::vector<uint32_t>* nodes) {
    for (StepId step : steps) {
      if (node_of[step] != kNone) nodes->push_back(node_of[step]);
    }
    std::sort(nodes->begin(), nodes->end());
  };
  for (size_t i = 0; i < shown.size(); ++i) {
    const Step& step = graph.steps()[shown[i]];
    GraphNode& node = view.nodes[i];
    node.label = step.label;
    node.record = step.record;
    if (HoldsSecret(step)) node.record = view.records.emplace_back(ShownRecord(step));
    node.kind = step.kind;
    node.host = host_of[step.shard];
    node.stage = static_cast<int>(KindOf(step.kind).stage);
    node.state = forecast.StateOf(graph, shown[i]);
    node.reasons = ReasonsOf(graph, forecast, shown[i]);
    AddEffects(forecast.steps[shown[i]], &node);
    add_shown(step.inputs, &node.inputs);
    add_shown(step.after, &node.after);
    if (const JournalEntry* entry = forecast.EntryOf(graph, shown[i]); entry != nullptr) {
      node.last_run = entry->at;
      node.last_run_result = entry->reason.empty()
                                 ? (entry->failed ? "failed" : "found everything right")
                                 : absl::StrCat(entry->failed ? "failed: " : "", CleanText(entry->reason));
    }
  }
  for (const Watch& watch : graph.watches()) {
    if (watch.kind != Watch::Kind::kCertificate || node_of[watch.step] == kNone) continue;
    if (std::optional<int64_t> end = EndOfCertificate(watch.path); end.has_value()) {
      view.nodes[node_of[watch.step]].days_left = DaysLeft(*end, now);
    }
  }
  return view;
}

}  // namespace kplan
