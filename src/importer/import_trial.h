#ifndef KPLAN_IMPORTER_IMPORT_TRIAL_H_
#define KPLAN_IMPORTER_IMPORT_TRIAL_H_

// Whether the next ninja would leave imported keys and certificates alone: tried out on copies, by the steps
// themselves, so that an import cannot be of another opinion than they.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/files.h"
#include "src/graph/graph.h"

namespace kplan {

// A file that an import puts into DIR.
struct ImportedFile {
  std::string path;  // relative to DIR: "pki/ca.pem"
  absl::string_view bytes;
  mode_t mode = 0644;
};

// A folder for the trial, the working folder until it is left: DIR/.kplan-import, for its owner alone,
// removed with all that is in it when the object goes. One that a kill left behind is emptied first; one that
// is in use is an error, so that there is one import into DIR at a time.
class TrialFolder {
 public:
  static absl::StatusOr<TrialFolder> Enter(const std::string& dir);
  TrialFolder(TrialFolder&&) = default;
  TrialFolder& operator=(TrialFolder&&) = delete;
  ~TrialFolder();

  // Back to the working folder as it was before.
  absl::Status Leave();

 private:
  TrialFolder() = default;
  UniqueFd before_;   // the working folder
  UniqueFd lock_;     // flock() of the folder
  std::string path_;  // as seen from BEFORE_
  std::string made_;  // the first folder on the way to it that was not there; "" when all were
};

// What would be made again, and why.
struct Remade {
  std::string path;     // as in ImportedFile
  std::string reason;   // "expires soon, on ...", "usages differ: ..."
  bool due = false;     // because of the time alone
  bool failed = false;  // its step fails, for that reason
  std::string note;     // what the step says to the person; then it may be that nothing is made again
};

// Puts FILES into the working folder, and runs the steps of GRAPH that look after them there.
absl::StatusOr<std::vector<Remade>> TryOut(const Graph& graph, const std::vector<ImportedFile>& files,
                                           absl::Time now);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_IMPORT_TRIAL_H_
