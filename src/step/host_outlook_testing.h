#ifndef KPLAN_STEP_HOST_OUTLOOK_TESTING_H_
#define KPLAN_STEP_HOST_OUTLOOK_TESTING_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/step/step_testing.h"

namespace kplan {

// A step and its look, with a record.
struct LookedStep {
  AnyStep run;
  AnyLook look;
  Json record;
  bool same_words = true;  // the texts of the look's reasons are the step's; false: only whether there is one
};

// Looks at steps, then runs them, and compares what was foreseen with what came.
//
// STEPS are looked at one after another, each with what those before it will write; nothing may change by
// that. Then they run. Each has to fail exactly when its look said so; has to have the reasons that the look
// gave (same_words); has to give the digest that the look gave, if it gave one; and files that the look
// foresaw have to hold what it foresaw. DIGESTS has the digests of an earlier run, by the step's place, and
// is brought up to date: whether a digest becomes another one has to be as the look said.
class Foresight {
 public:
  // A test may set these: the clock of looks and steps, and the folders in which a look may change nothing
  // (all, unless something else is at work in some).
  static absl::Time now;
  static std::vector<std::string> folders;

  // The outlooks, for what else a test wants to see. TO_COME: what is foreseen before the first.
  static std::vector<absl::StatusOr<Outlook>> LookThenRun(const std::vector<LookedStep>& steps,
                                                          std::map<size_t, std::string>* digests,
                                                          Foreseen to_come = {});
  // The same for one step alone, which must not fail.
  static Outlook LookThenRun(const LookedStep& step, std::string* digest);

  // The look alone; nothing may change by it.
  static absl::StatusOr<Outlook> Look(const LookedStep& step, const Foreseen& foreseen = {});
};

// The names of REASONS, and CHANGES as "what: from -> to".
std::vector<std::string> NamesOf(const std::vector<Reason>& reasons);
std::vector<std::string> LinesOf(const std::vector<Change>& changes);

}  // namespace kplan

#endif  // KPLAN_STEP_HOST_OUTLOOK_TESTING_H_
