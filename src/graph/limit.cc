#include "src/graph/limit.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/step/etcd_records.h"

namespace kplan {
namespace {

// A service of a rollout.
struct Part {
  std::string host, label;  // "etcd-2", "service/etcd-2/etcd"
};

class Limiter {
 public:
  explicit Limiter(const Graph& graph) : graph_(graph), in_(graph.steps().size()) {
    for (StepId id = 0; id < graph.steps().size(); ++id) {
      if (Of(id).kind == StepKind::kRollout) rollouts_[id].parts = PartsOf(Of(id));
      if (IsProof(Of(id))) proofs_.push_back(id);
    }
  }

  absl::Status Name(const std::string& name) {
    bool found = false;
    for (StepId id = 0; id < graph_.steps().size() && !found; ++id) {
      if (Of(id).label != name) continue;
      AddWhole(id);
      found = true;
    }
    const std::vector<Shard>& shards = graph_.shards();
    const bool host =
        name != paths::kSharedShard && std::any_of(shards.begin(), shards.end(), [&](const Shard& shard) {
          return shard.name == name && !shard.steps.empty();
        });
    for (const Group& group : graph_.groups()) {
      if (group.name != name) continue;
      for (StepId member : group.members) AddNamed(member, name);
      found = true;
    }
    if (host) hosts_.insert(name);
    if (found || host) return absl::OkStatus();
    return NoSuchName(name);
  }

  Limit Finish(absl::Span<const std::string> names) {
    do {
      Close();
    } while (AddProofs());
    Limit limit;
    limit.names.assign(names.begin(), names.end());
    for (StepId id = 0; id < in_.size(); ++id) {
      if (in_[id]) limit.steps.push_back(StepOf(id));
    }
    return limit;
  }

 private:
  struct Rollout {
    std::vector<Part> parts;
    bool whole = false;
    std::set<std::string> hosts;  // for which it is done

    bool IsWhole() const {
      return whole || std::all_of(parts.begin(), parts.end(),
                                  [&](const Part& part) { return hosts.count(part.host) > 0; });
    }
    bool IsOfAnother(const std::string& shard) const {
      return !IsWhole() && hosts.count(shard) == 0 &&
             std::any_of(parts.begin(), parts.end(), [&](const Part& part) { return part.host == shard; });
    }
  };

  const Step& Of(StepId id) const { return graph_.steps()[id]; }
  const std::string& ShardOf(StepId id) const { return graph_.shards()[Of(id).shard].name; }

  static std::vector<Part> PartsOf(const Step& step) {
    std::vector<Part> parts;
    absl::StatusOr<RolloutRecord> record = FromText<RolloutRecord>(step.record);
    if (!record.ok()) return parts;
    for (const MemberRecord& member : record->cluster.members) {
      if (member.service.has_value())
        parts.push_back({member.host, absl::StrCat("service/", member.host, "/", member.service->name)});
    }
    return parts;
  }

  absl::Status NoSuchName(const std::string& name) const {
    std::vector<absl::string_view> known;
    for (const Group& group : graph_.groups()) known.push_back(group.name);
    std::string hint = DidYouMean(name, known);
    if (hint.empty()) {
      known.clear();
      for (const Step& step : graph_.steps()) known.push_back(step.label);
      hint = DidYouMean(name, known);
    }
    return absl::NotFoundError(absl::StrCat("there is no host, service, group or label ", Quote(name),
                                            hint.empty() ? "" : "; ", hint));
  }

  void Add(StepId id) {
    if (!in_[id]) work_.push_back(id);
    in_[id] = true;
  }

  // A rollout for all.
  void AddWhole(StepId id) {
    auto rollout = rollouts_.find(id);
    if (rollout == rollouts_.end() || rollout->second.whole) return Add(id);
    rollout->second.whole = true;
    in_[id] = true;
    work_.push_back(id);
  }

  // STEP, a member of the group NAME.
  void AddNamed(StepId id, const std::string& name) {
    auto rollout = rollouts_.find(id);
    if (rollout == rollouts_.end()) return Add(id);
    for (const Part& part : rollout->second.parts) {
      if (part.host != name && part.label != name) continue;
      rollout->second.hosts.insert(part.host);
      in_[id] = true;
      work_.push_back(id);
      return;
    }
    AddWhole(id);
  }

  // Whether STEP of this kind serves somebody, or proves who does: such steps come one after the other.
  static bool IsInOrder(const Step& step) {
    return step.kind == StepKind::kRollout || KindOf(step.kind).stage >= Stage::kServices;
  }

  // Whether BEFORE, which ID comes after, is needed by it.
  bool IsNeeded(StepId id, StepId before) const {
    const std::string& shard = ShardOf(before);
    if (shard == ShardOf(id)) return shard != paths::kSharedShard || !IsInOrder(Of(before));
    return shard == paths::kSharedShard && !IsInOrder(Of(before));
  }

  bool IsOfAnother(StepId id, StepId before) const {
    auto rollout = rollouts_.find(id);
    return rollout != rollouts_.end() && rollout->second.IsOfAnother(ShardOf(before));
  }

  void Close() {
    while (!work_.empty()) {
      const StepId id = work_.back();
      work_.pop_back();
      for (StepId input : Of(id).inputs) {
        if (!IsOfAnother(id, input)) AddWhole(input);
      }
      const bool rollout = rollouts_.contains(id);
      for (StepId before : Of(id).after) {
        // A rollout is of no host: what is on its own hosts it needs.
        if (rollout ? !IsOfAnother(id, before) : IsNeeded(id, before)) AddWhole(before);
      }
    }
  }

  bool IsDoneWhole(StepId id) const {
    auto rollout = rollouts_.find(id);
    return in_[id] && (rollout == rollouts_.end() || rollout->second.IsWhole());
  }

  // Whether all services that the proof ID is made from are done.
  bool ProvesWhatIsDone(StepId id) const {
    bool any = false;
    for (StepId input : Of(id).inputs) {
      if (KindOf(Of(input).kind).stage != Stage::kServices) continue;
      if (!IsDoneWhole(input)) return false;
      any = true;
    }
    return any;
  }

  // Whether a step of the part comes after one of the services that ID proves, by way of ID.
  void FindProofsBetween(std::vector<StepId>* between) const {
    for (StepId id = 0; id < in_.size(); ++id) {
      if (!in_[id]) continue;
      for (StepId before : Of(id).after) {
        if (!in_[before] && IsProof(Of(before)) && ProvesWhatIsDone(before)) between->push_back(before);
      }
    }
  }

  bool ProvesHosts(StepId id) const {
    return std::all_of(Of(id).inputs.begin(), Of(id).inputs.end(), [&](StepId input) {
      return KindOf(Of(input).kind).stage != Stage::kServices || rollouts_.contains(input) ||
             hosts_.contains(ShardOf(input));
    });
  }

  // True when there were some.
  bool AddProofs() {
    std::vector<StepId> proofs;
    FindProofsBetween(&proofs);
    for (StepId id : proofs_) {
      if (!hosts_.empty() && !in_[id] && ProvesWhatIsDone(id) && ProvesHosts(id)) proofs.push_back(id);
    }
    for (StepId id : proofs) AddWhole(id);
    return !proofs.empty();
  }

  LimitedStep StepOf(StepId id) const {
    LimitedStep step;
    step.step = id;
    absl::flat_hash_set<StepId> seen;
    for (StepId input : Of(id).inputs) {
      if (in_[input]) {
        if (seen.insert(input).second) step.inputs.push_back(input);
      }
    }
    std::vector<StepId> out;  // left out, and to be looked behind
    auto take = [&](StepId before) {
      if (!seen.insert(before).second) return;
      if (in_[before]) {
        step.after.push_back(before);
      } else if (IsInOrder(Of(before))) {
        out.push_back(before);
      }
    };
    for (StepId before : Of(id).after) take(before);
    while (!out.empty()) {
      const Step& left_out = Of(out.back());
      out.pop_back();
      for (absl::Span<const StepId> list :
           {absl::MakeConstSpan(left_out.inputs), absl::MakeConstSpan(left_out.after)}) {
        for (StepId before : list) {
          if (IsInOrder(Of(before))) take(before);
        }
      }
    }
    std::sort(step.after.begin(), step.after.end());
    auto rollout = rollouts_.find(id);
    if (rollout != rollouts_.end() && !rollout->second.IsWhole())
      step.hosts.assign(rollout->second.hosts.begin(), rollout->second.hosts.end());
    return step;
  }

  const Graph& graph_;
  std::vector<char> in_;      // by StepId
  std::vector<StepId> work_;  // whose needs are not in yet
  std::vector<StepId> proofs_;
  absl::flat_hash_map<StepId, Rollout> rollouts_;
  absl::flat_hash_set<std::string> hosts_;  // that are named
};

}  // namespace

const LimitedStep* Limit::Find(StepId step) const {
  auto found = std::lower_bound(steps.begin(), steps.end(), step,
                                [](const LimitedStep& it, StepId id) { return it.step < id; });
  return found == steps.end() || found->step != step ? nullptr : &*found;
}

std::vector<StepId> Limit::Leaves() const {
  absl::flat_hash_set<StepId> used;
  for (const LimitedStep& step : steps) {
    used.insert(step.inputs.begin(), step.inputs.end());
    used.insert(step.after.begin(), step.after.end());
  }
  std::vector<StepId> leaves;
  for (const LimitedStep& step : steps) {
    if (!used.contains(step.step)) leaves.push_back(step.step);
  }
  return leaves;
}

absl::StatusOr<Limit> LimitTo(const Graph& graph, absl::Span<const std::string> names) {
  Limiter limiter(graph);
  for (const std::string& name : names) {
    if (absl::Status status = limiter.Name(name); !status.ok()) return status;
  }
  return limiter.Finish(names);
}

Turns TurnsOf(const Graph& graph, const Limit& limit, StepId service) {
  auto name = [&graph](const Step& step) {
    absl::string_view label = step.label;
    if (step.kind != StepKind::kService || !absl::ConsumePrefix(&label, "service/"))
      return absl::string_view();
    return absl::ConsumePrefix(&label, absl::StrCat(graph.shards()[step.shard].name, "/")) ? label : "";
  };
  const absl::string_view wanted = name(graph.steps()[service]);
  auto is_same = [&](StepId id) { return !wanted.empty() && name(graph.steps()[id]) == wanted; };
  // Whether another of that name comes before it, itself or what proves it.
  auto has_one_before = [&](const Step& step) {
    return std::any_of(step.after.begin(), step.after.end(), [&](StepId id) {
      const Step& before = graph.steps()[id];
      return is_same(id) ||
             (IsProof(before) && std::any_of(before.inputs.begin(), before.inputs.end(), is_same));
    });
  };
  Turns turns;
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    if (!is_same(id)) continue;
    if (!has_one_before(graph.steps()[id])) ++turns.at_a_time;
    if (id != service && limit.Find(id) == nullptr) turns.others.push_back(id);
  }
  return turns;
}

Graph LimitedGraph(const Graph& graph, const Limit& limit) {
  constexpr uint32_t kNone = UINT32_MAX;
  Graph part;
  part.Reserve(limit.steps.size());
  std::vector<uint32_t> shards(graph.shards().size(), kNone);
  absl::flat_hash_map<StepId, StepId> ids;
  auto mapped = [&ids](const StepIds& list) {
    StepIds out;
    for (StepId id : list) out.push_back(ids.at(id));
    return out;
  };
  auto wait = graph.waits().begin();
  for (const LimitedStep& limited : limit.steps) {
    const Step& step = graph.steps()[limited.step];
    uint32_t& shard = shards[step.shard];
    if (shard == kNone) shard = part.AddShard(graph.shards()[step.shard].name);
    const StepId id = part.AddStep(step.kind, shard, step.label, step.record, mapped(limited.inputs),
                                   mapped(limited.after), step.made_for);
    ids.emplace(limited.step, id);
    if (step.contacts) part.AddContact(id);
    if (step.secret) part.AddSecret(id);
    wait = std::find_if(wait, graph.waits().end(), [&](const Wait& it) { return it.step >= limited.step; });
    if (wait != graph.waits().end() && wait->step == limited.step) part.AddWait(id, wait->until);
  }
  for (Watch watch : graph.watches()) {
    auto id = ids.find(watch.step);
    if (id == ids.end()) continue;
    watch.step = id->second;
    part.AddWatch(std::move(watch));
  }
  for (const Group& group : graph.groups()) {
    for (StepId member : group.members) {
      if (auto id = ids.find(member); id != ids.end()) part.AddToGroup(group.name, id->second);
    }
  }
  return part;
}

}  // namespace kplan
