#ifndef KPLAN_REMOTE_AGENT_HOME_H_
#define KPLAN_REMOTE_AGENT_HOME_H_

// What the agent keeps on a host, in the folder that it lies in itself: /var/lib/kplan for root, else
// ~/.local/state/kplan. Nobody else may look into it (0700).
//
//   kplan-agent-0123456789abcdef   the agent
//   incoming-PID                   one that is arriving
//   claims/HASH-OF-ROOT            which host of which cluster this root is
//   spool/HASH-OF-ROOT/NAME        files that have arrived and are not in place yet
//   digests                        of large files that were looked at (host/known_digests.h)
//   work-RANDOM/                   the working folder of a step that runs

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/remote/agent_protocol.h"

namespace kplan {

class AgentHome {
 public:
  // FailedPrecondition when FOLDER is not ours alone and cannot be made so.
  static absl::StatusOr<AgentHome> Open(const std::string& folder);

  const std::string& folder() const { return folder_; }

  // The id of the claim of HOST of CLUSTER on ROOT, which is made when there is none. FailedPrecondition when
  // another host, or another cluster, has it.
  absl::StatusOr<std::string> Claim(const std::string& cluster, const std::string& host,
                                    const std::string& root) const;

  // Unauthenticated when ROOT is not claimed by ID.
  absl::Status CheckClaim(const std::string& root, const std::string& id) const;

  // FailedPrecondition when ROOT is claimed by another host, or for another cluster. It may be nobody's.
  absl::Status CheckOwner(const std::string& root, const std::string& cluster, const std::string& host) const;

  // Removes the agents other than AGENT (a name), and what a program that was cut off left.
  void RemoveOthers(const std::string& agent) const;

 private:
  explicit AgentHome(std::string folder) : folder_(std::move(folder)) {}
  std::string ClaimPath(const std::string& root) const;
  std::string folder_;
};

// The files of one root that have arrived.
class Spool {
 public:
  static absl::StatusOr<Spool> Open(const AgentHome& home, const std::string& root);

  bool Has(const SentFile& file) const;

  // The entry of FILE, being received.
  absl::StatusOr<PendingFile> Receive(const SentFile& file) const;

  std::string PathOf(const SentFile& file) const;
  void Remove(const SentFile& file) const;

  // Removes all but the entries of FILES.
  absl::Status KeepOnly(const std::vector<SentFile>& files) const;

 private:
  Spool(std::string root, std::string folder, UniqueFd fd);
  std::string root_, folder_;
  UniqueFd fd_;
};

// Where FILE is below ROOT already, with that content: its target, or beside that, where it waits for a
// restart (host/waiting_file.h); "" when it is at neither.
std::string FindInPlace(const std::string& root, const SentFile& file);

// A folder of its own for one step, like the working folder that it was written for. Removed with the object;
// one whose agent was killed is removed by the next one that makes its own.
class WorkFolder {
 public:
  static absl::StatusOr<WorkFolder> Make(const AgentHome& home);
  WorkFolder(WorkFolder&&) = default;
  ~WorkFolder();

  const std::string& path() const { return path_; }

  // Puts the content of the file FROM, of the spool, at PATH in it.
  absl::Status Link(const std::string& path, const std::string& from) const;
  // The same of a file in place, which a link would change: its ctime, by which others see whether it
  // changed.
  absl::Status Copy(const std::string& path, const std::string& from) const;

 private:
  WorkFolder() = default;
  absl::StatusOr<std::string> PlaceFor(const std::string& path) const;
  std::string path_;
  UniqueFd lock_;
};

}  // namespace kplan

#endif  // KPLAN_REMOTE_AGENT_HOME_H_
