#ifndef KPLAN_LOOK_SPEC_HISTORY_H_
#define KPLAN_LOOK_SPEC_HISTORY_H_

// The versions of cluster.yaml that `gen` went by, newest first, in .kplan/specs/: so that `why` can say
// which line a step ran for, also after the run. What is secret in a spec is in them, too: they are for their
// owner alone (base/private_folder.h).
//
// A version is one file, .kplan/specs/NUMBER, and the greater number is the newer one. Its first line is a
// JSON object that says whose text follows; a file that is not such a one, or not as long as it says, is as
// if it were not there.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kplan {

struct SpecVersion {
  std::string path;  // of cluster.yaml, as seen from DIR
  std::string text;
  int64_t at = 0;  // Unix milliseconds: when `gen` first went by it
};

class SpecHistory {
 public:
  // How many versions are kept.
  static constexpr size_t kKept = 10;

  // The history of the current folder, empty when there is none. An error when it is there and cannot be
  // read.
  static absl::StatusOr<SpecHistory> Load();

  // Makes TEXT the newest version, unless it is already (then nothing is written, and what is read is the
  // newest one at most). Under RunLock::Exclusive. InvalidArgument for a path that no file can have.
  static absl::Status Remember(const std::string& path, const std::string& text, int64_t now_ms);

  const std::vector<SpecVersion>& versions() const { return versions_; }
  // The spec that `gen` last went by, as seen from DIR: the operand that `why`, `show`, `status` and `graph`
  // may leave out. "" when there is none.
  std::string path() const { return versions_.empty() ? "" : versions_[0].path; }

 private:
  std::vector<SpecVersion> versions_;
};

}  // namespace kplan

#endif  // KPLAN_LOOK_SPEC_HISTORY_H_
