#include "src/graph/graph.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/record.h"

namespace kplan {

const char* VerbOf(StepKind kind) {
  switch (kind) {
    case StepKind::kKey:
      return "KEY";
    case StepKind::kCsr:
      return "CSR";
    case StepKind::kCaCert:
    case StepKind::kCert:
      return "SIGN";
    case StepKind::kFetch:
      return "FETCH";
    case StepKind::kUnpack:
      return "UNPACK";
    case StepKind::kRender:
      return "RENDER";
    case StepKind::kDir:
      return "DIR";
    case StepKind::kInstall:
      return "INSTALL";
    case StepKind::kUnit:
      return "UNIT";
    case StepKind::kService:
      return "SERVICE";
    case StepKind::kVerifyEtcd:
      return "VERIFY";
  }
  return "";
}

uint32_t Graph::AddShard(std::string name) {
  shards_.push_back({std::move(name), "{"});
  return static_cast<uint32_t>(shards_.size() - 1);
}

StepId Graph::AddStep(StepKind kind, uint32_t shard, std::string label, absl::string_view record,
                      std::vector<StepId> inputs, std::vector<StepId> after) {
  StepId id = static_cast<StepId>(steps_.size());
  for (const std::vector<StepId>* list : {&inputs, &after}) {
    for (StepId input : *list) {
      if (input >= id)
        status_ = absl::InternalError(absl::StrCat(label, " depends on a step that comes later"));
    }
  }
  std::string& text = shards_[shard].text;
  text += text.size() == 1 ? "\n" : ",\n";
  AppendJsonString(label, &text);
  absl::StrAppend(&text, ":", record);
  Step step;
  step.label = std::move(label);
  step.digest = Sha256Hex(record);
  step.kind = kind;
  step.shard = shard;
  step.inputs = std::move(inputs);
  step.after = std::move(after);
  steps_.push_back(std::move(step));
  return id;
}

void Graph::AddToGroup(absl::string_view group, StepId step) {
  auto [it, fresh] = group_index_.try_emplace(std::string(group), groups_.size());
  if (fresh) groups_.push_back({std::string(group), {}});
  groups_[it->second].members.push_back(step);
}

absl::Status Graph::Finish() {
  for (Shard& shard : shards_) shard.text += "\n}\n";
  absl::flat_hash_set<absl::string_view> labels, folders;
  for (const Step& step : steps_) {
    if (!labels.insert(step.label).second) {
      status_ = absl::InternalError(absl::StrCat("two steps make ", step.label));
    }
    for (size_t slash = step.label.rfind('/'); slash != std::string::npos && slash > 0;
         slash = step.label.rfind('/', slash - 1)) {
      // Once a folder is known, so are those above it.
      if (!folders.insert(absl::string_view(step.label).substr(0, slash)).second) break;
    }
  }
  for (absl::string_view label : labels) {
    if (folders.contains(label))
      status_ = absl::InternalError(absl::StrCat(label, " is a label and a folder of labels"));
  }
  for (const Group& group : groups_) {
    if (labels.contains(group.name))
      status_ = absl::InternalError(absl::StrCat(group.name, " is a label and a group"));
  }
  return status_;
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

}  // namespace kplan
