#ifndef KPLAN_STEP_KINDS_H_
#define KPLAN_STEP_KINDS_H_

// The table of kinds (kinds.def), to be asked.

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kplan {

enum class StepKind : uint8_t {
#define KPLAN_KIND(Name, ...) k##Name,
#define KPLAN_REMOTE_KIND(Name, ...) k##Name,
#define KPLAN_ALIAS_KIND(Name, ...) k##Name,
#include "src/step/kinds.def"
};

// The columns of the pictures of a graph, from left to right.
enum class Stage : uint8_t {
  kKeys,
  kRequests,
  kCertificates,
  kArchives,
  kPrograms,
  kTexts,
  kHosts,
  kSurveys,
  kSending,
  kFiles,
  kServices,
  kVerdicts,
};

enum class Where : uint8_t {
  kHere,      // below DIR
  kOnHost,    // on a host: this machine, or the other end of an ssh connection, where kplan does it
  kFromHere,  // here, by asking hosts
};

struct Kind {
  // Whether a step of this kind has the host of its label: "file/HOST/PATH".
  bool label_has_host() const;

  StepKind kind;
  absl::string_view word, label, verb;
  Stage stage;
  Where where;
  absl::string_view what, digest_of;
};

const Kind& KindOf(StepKind kind);

// The kind that has WORD in its record; null when this kplan has none such.
const Kind* FindKind(absl::string_view word);

absl::Span<const Kind> AllKinds();

}  // namespace kplan

#endif  // KPLAN_STEP_KINDS_H_
