#ifndef KPLAN_CLI_REVIEW_H_
#define KPLAN_CLI_REVIEW_H_

// How `plan` and `diff` say what they found: `--format`, `--json`, `--all`.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/source.h"
#include "src/cli/command.h"
#include "src/look/forecast.h"
#include "src/show/plan_report.h"

namespace kplan {

enum class ReviewFormat { kText, kMarkdown, kGithub, kSarif, kJson };

// The words of `--format` (command_table.cc has them, too); `--json` is `--format=json`. kText for none of
// them.
ReviewFormat FormatOf(const Options& options);

struct ReviewForm {
  ReviewFormat format = ReviewFormat::kText;
  bool all = false;               // PlanText: each host by itself
  std::vector<std::string> gone;  // labels
  std::string gone_title;         // what is said above them
  std::string title;              // "kplan plan"
  std::string place;              // cluster.yaml in its repository; "": it is in none
  std::string other_json;         // PlanJson
};

// Prints REPORT on stdout. SOURCE: the text of cluster.yaml, which the person calls FILE.
void PrintReview(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                 const SourceFile& source, const std::string& file, const ReviewForm& form);

// One more member of a JSON object: ",\n\"NAME\":[VALUES]".
std::string JsonMember(absl::string_view name, const std::vector<std::string>& values);

// Says that REPORT takes private keys that are not here, and what to do; kExitTrouble.
int FailForKeys(const PlanReport& report);

}  // namespace kplan

#endif  // KPLAN_CLI_REVIEW_H_
