#include "src/steps/kinds.h"

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

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

absl::Status UnknownKind(absl::string_view word) {
  return absl::UnimplementedError(absl::StrCat("this kplan has no steps of the kind ", Quote(word),
                                               ": another one wrote the plan; run `kplan gen` again"));
}

absl::StatusOr<Outlook> LookAtStep(const std::string& label, absl::string_view record, absl::Time now,
                                   const Foreseen& foreseen) {
  absl::StatusOr<Json> json = ParseRecord(record);
  if (!json.ok()) return json.status();
  const StepFunctions* functions = FindStepFunctions(WordOf(*json));
  if (functions == nullptr) return UnknownKind(WordOf(*json));
  return functions->look({label, now, foreseen}, *json);
}

}  // namespace kplan
