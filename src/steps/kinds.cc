#include "src/steps/kinds.h"

namespace kplan {
namespace {

constexpr StepFunctions kKinds[] = {
#define KPLAN_KIND(Name, word, ...) {word, RunAs<Name##Record, Name##Step>, LookAs<Name##Record, Name##Look>},
#include "src/step/kinds.def"
};

}  // namespace

const StepFunctions* FindStepFunctions(absl::string_view word) {
  for (const StepFunctions& known : kKinds) {
    if (known.word == word) return &known;
  }
  return nullptr;
}

absl::StatusOr<Outlook> LookAtStep(const std::string& label, absl::string_view record, absl::Time now,
                                   const Foreseen& foreseen) {
  absl::StatusOr<Json> json = ParseRecord(record);
  if (!json.ok()) return json.status();
  const StepFunctions* functions = FindStepFunctions(WordOf(*json));
  if (functions == nullptr) return absl::InternalError("no such kind of step");
  return functions->look({label, now, foreseen}, *json);
}

}  // namespace kplan
