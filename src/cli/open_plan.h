#ifndef KPLAN_CLI_OPEN_PLAN_H_
#define KPLAN_CLI_OPEN_PLAN_H_

#include <memory>
#include <string>

#include "src/cli/command.h"
#include "src/look/spec_history.h"
#include "src/lower/compile.h"

namespace kplan {

// What the commands that look begin with: the folder of build.ninja is the current one, and its cluster.yaml
// is compiled.
struct OpenPlan {
  std::string path;  // of cluster.yaml, as the person gave it or as seen from the folder
  std::unique_ptr<SpecFile> file;
  SpecHistory history;

  const Compiled& compiled() const { return *file->compiled(); }
  const Graph& graph() const { return file->compiled()->graph; }
  const std::string& text() const { return file->diagnostics().source().text(); }
};

// SPEC, or, when that is empty, the cluster.yaml that `gen` last went by in FOLDER ("": here); where none
// ever did, as in a clone, the cluster.yaml of that folder. Changes to FOLDER. kExitDone, or the exit code of
// the command, the error being printed.
int OpenPlanIn(const std::string& folder, const std::string& spec, OpenPlan* plan,
               SpecFile::Keep keep = SpecFile::Keep::kGraph);

}  // namespace kplan

#endif  // KPLAN_CLI_OPEN_PLAN_H_
