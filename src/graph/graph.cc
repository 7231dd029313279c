#include "src/graph/graph.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/record.h"
#include "src/step/host_records.h"

namespace kplan {

void Graph::Reserve(size_t steps) {
  steps_.reserve(steps);
  watches_.reserve(steps);
}

uint32_t Graph::AddShard(std::string name) {
  shards_.push_back({std::move(name), {}});
  return static_cast<uint32_t>(shards_.size() - 1);
}

StepId Graph::AddStep(StepKind kind, uint32_t shard, std::string label, absl::string_view record,
                      absl::Span<const StepId> inputs, absl::Span<const StepId> after, Range made_for) {
  StepId id = static_cast<StepId>(steps_.size());
  for (absl::Span<const StepId> list : {inputs, after}) {
    for (StepId input : list) {
      if (input >= id)
        status_ = absl::InternalError(absl::StrCat(label, " depends on a step that comes later"));
    }
  }
  Step step;
  step.label = std::move(label);
  step.record = Keep(record);
  std::string digest = Sha256Hex(record);
  std::copy_n(digest.begin(), step.hex_digest.size(), step.hex_digest.begin());
  step.kind = kind;
  step.shard = shard;
  step.made_for = made_for;
  step.inputs.assign(inputs.begin(), inputs.end());
  step.after.assign(after.begin(), after.end());
  steps_.push_back(std::move(step));
  shards_[shard].steps.push_back(id);
  return id;
}

absl::string_view Graph::Keep(absl::string_view record) {
  constexpr size_t kBlock = 256 * 1024;
  if (records_.empty() || records_.back().capacity() - records_.back().size() < record.size()) {
    records_.emplace_back();
    records_.back().reserve(std::max(kBlock, record.size()));
  }
  std::string& block = records_.back();
  size_t begin = block.size();
  block.append(record.data(), record.size());
  return absl::string_view(block).substr(begin);
}

std::string Graph::ShardText(const Shard& shard) const {
  std::string text = "{";
  for (StepId id : shard.steps) {
    text += text.size() == 1 ? "\n" : ",\n";
    AppendJsonString(steps_[id].label, &text);
    absl::StrAppend(&text, ":", steps_[id].record);
  }
  text += "\n}\n";
  return text;
}

void Graph::AddToGroup(absl::string_view group, StepId step) {
  auto [it, fresh] = group_index_.try_emplace(group, groups_.size());
  if (fresh) groups_.push_back({std::string(group), {}});
  groups_[it->second].members.push_back(step);
}

absl::Status Graph::Finish() const {
  absl::Status status = status_;
  absl::flat_hash_set<absl::string_view> labels, folders;
  labels.reserve(steps_.size());
  for (const Step& step : steps_) {
    if (!labels.insert(step.label).second) {
      status = absl::InternalError(absl::StrCat("two steps make ", step.label));
    }
    for (size_t slash = step.label.rfind('/'); slash != std::string::npos && slash > 0;
         slash = step.label.rfind('/', slash - 1)) {
      // Once a folder is known, so are those above it.
      if (!folders.insert(absl::string_view(step.label).substr(0, slash)).second) break;
    }
  }
  for (absl::string_view label : labels) {
    if (folders.contains(label))
      status = absl::InternalError(absl::StrCat(label, " is a label and a folder of labels"));
  }
  for (const Group& group : groups_) {
    if (labels.contains(group.name))
      status = absl::InternalError(absl::StrCat(group.name, " is a label and a group"));
  }
  return status;
}

std::vector<StepId> Graph::Contacts() const {
  std::vector<StepId> contacts;
  for (StepId id = 0; id < steps_.size(); ++id) {
    if (steps_[id].contacts) contacts.push_back(id);
  }
  return contacts;
}

std::vector<StepId> Graph::Leaves() const {
  std::vector<bool> used(steps_.size());
  for (const Step& step : steps_) {
    for (StepId input : step.inputs) used[input] = true;
    for (StepId input : step.after) used[input] = true;
  }
  std::vector<StepId> leaves;
  for (StepId id = 0; id < steps_.size(); ++id) {
    if (!used[id]) leaves.push_back(id);
  }
  return leaves;
}

bool HasAgents(const Graph& graph) {
  return std::any_of(graph.steps().begin(), graph.steps().end(),
                     [](const Step& step) { return step.kind == StepKind::kHost; });
}

bool HasHostsOverSsh(const Graph& graph) {
  return std::any_of(graph.steps().begin(), graph.steps().end(), [](const Step& step) {
    if (step.kind != StepKind::kHost) return false;
    absl::StatusOr<HostRecord> record = FromText<HostRecord>(step.record);
    return record.ok() && !record->here();
  });
}

}  // namespace kplan
