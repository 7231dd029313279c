#include "src/show/shown_record.h"

#include <algorithm>

#include "src/base/fields.h"
#include "src/base/secret_content.h"
#include "src/look/step_record.h"
#include "src/step/file_records.h"

namespace kplan {

bool HoldsSecret(const Step& step) { return step.secret && step.kind == StepKind::kRender; }

std::string ShownRecord(const Step& step) {
  if (!HoldsSecret(step)) return std::string(step.record);
  RenderRecord record = RecordOf<RenderRecord>(step);
  record.content = std::string(kSecretShown);
  return ToText(record);
}

std::string ShownDigest(const Graph& graph, const Step& step, absl::string_view digest) {
  const bool secret = step.secret || std::any_of(step.inputs.begin(), step.inputs.end(),
                                                 [&](StepId input) { return graph.steps()[input].secret; });
  return std::string(secret && !digest.empty() ? kSecretShown : digest);
}

}  // namespace kplan
