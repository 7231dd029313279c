#ifndef KPLAN_SHOW_WORKFLOW_COMMANDS_H_
#define KPLAN_SHOW_WORKFLOW_COMMANDS_H_

// Annotations of a GitHub workflow, as lines of its output (docs.github.com, "Workflow commands for GitHub
// Actions"):
//
//   ::error file=cluster.yaml,line=21,col=5,title=kplan%3A unknown-key::unknown key "host"

#include <string>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/show/plan_view.h"

namespace kplan {

struct Annotation {
  Weight weight = Weight::kNote;
  std::string file;                  // relative to the root of the repository; "": of no file
  int line = 0, column = 0;          // from 1; 0: not given
  int end_line = 0, end_column = 0;  // likewise; END_COLUMN is the first one behind it
  std::string title, message;        // the message may have several lines
};

// The line, with its end. Characters that would end a value or the line are escaped (%25, %0D, %0A; in
// properties %3A and %2C, too), and those that disrupt a terminal are \xNN.
std::string WorkflowCommand(const Annotation& annotation);

// GitHub shows so many of each weight, of one step of a job.
inline constexpr size_t kMostAnnotations = 10;

// VIEW, an annotation for each place in cluster.yaml and weight, the heaviest first; at last the summary,
// which says how many there was no room for.
std::string PlanWorkflowCommands(const PlanView& view, absl::string_view title);

// DIAGNOSTICS of FILE ("" is none), an annotation for each; at last how many there was no room for.
std::string CheckWorkflowCommands(const Diagnostics& diagnostics, const std::string& file);

}  // namespace kplan

#endif  // KPLAN_SHOW_WORKFLOW_COMMANDS_H_
