#include "src/step/kinds.h"

#include "absl/strings/match.h"

namespace kplan {
namespace {

constexpr Kind kKinds[] = {
#define KPLAN_KIND(Name, word, label, verb, stage, where, what, digest) \
  {StepKind::k##Name, word, label, verb, Stage::stage, Where::where, what, digest},
#define KPLAN_REMOTE_KIND KPLAN_KIND
#define KPLAN_ALIAS_KIND(Name, Of, word, label, verb, stage, where, what, digest) \
  {StepKind::k##Name, word, label, verb, Stage::stage, Where::where, what, digest},
#include "src/step/kinds.def"
};

}  // namespace

bool Kind::label_has_host() const { return absl::StrContains(label, "/HOST"); }

const Kind& KindOf(StepKind kind) { return kKinds[static_cast<size_t>(kind)]; }

const Kind* FindKind(absl::string_view word) {
  for (const Kind& kind : kKinds) {
    if (kind.word == word) return &kind;
  }
  return nullptr;
}

absl::Span<const Kind> AllKinds() { return kKinds; }

}  // namespace kplan
