#include "src/look/step_record.h"

#include "src/step/kinds.h"

namespace kplan {

bool IsDoneOverSsh(const Step& step) { return step.contacts && KindOf(step.kind).where == Where::kOnHost; }

std::string SshHostOf(const Graph& graph, const Step& step) {
  return step.kind == StepKind::kHost || IsDoneOverSsh(step) ? graph.shards()[step.shard].name : "";
}

}  // namespace kplan
