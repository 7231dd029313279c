#ifndef KPLAN_HOST_SERVICE_MARKER_H_
#define KPLAN_HOST_SERVICE_MARKER_H_

// What runs now, and what it was started with.
//
// The marker, ROOT/run/kplan/NAME.started, says which instance of a service was started with which inputs. It
// lives beside the service and not in .kplan, so that losing .kplan restarts nothing, and in /run, so that a
// reboot, which starts everything anew, takes it away. It is never the only evidence: without it (started at
// boot, by hand, or kplan was killed) the running process itself is looked at (see steps/service/service.cc).
//
// It is written twice: before a start, with what runs at that moment, and after it, with the instance that
// came of it. A kill in between is seen from the first: whatever runs then, is not what ran before and is not
// older than the marker, was started with the inputs in it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/host/process_info.h"

namespace kplan {

// ROOT as an absolute path without links. FailedPrecondition when there is no such folder.
absl::StatusOr<std::string> RealRoot(const std::string& root);

struct FileSeen {
  std::string sha256;  // of one with a private key: over what is public in it (pki/pem_public.h)
  std::string
      stat;  // device, inode, size and times: while these are the same, the content need not be read again
  bool open = true;  // everybody may read it; otherwise not everybody may know its digest
};

struct ServiceMarker {
  std::string instance;  // Instance::ToString(); empty: a start was begun and not seen to end
  std::string replaces;  // what ran when the start was begun; empty: nothing
  std::string boot;      // of when the start was begun
  uint64_t begun_ticks = 0;
  std::string exe;      // the program's path on this machine
  std::string command;  // SHA-256 of arguments and environment; empty where systemd's unit has them
  std::map<std::string, FileSeen> files;  // by path inside the root

  // Whether INSTANCE is the one this marker speaks of.
  bool IsAbout(const Instance& running) const;
};

std::string MarkerPath(absl::string_view root, absl::string_view name);
std::string PidFilePath(absl::string_view root, absl::string_view name);

// No value when there is no marker, or a damaged one (which then is as good as none).
std::optional<ServiceMarker> ReadMarker(const std::string& root, const std::string& name);
// Readable by everybody, unless one of its files is not.
absl::Status WriteMarker(const std::string& root, const std::string& name, const ServiceMarker& marker);

// Waits until no other kplan is at work on the service NAME; the result holds others off while it is open.
// What a killed kplan has forked holds it too, until it has become another program.
absl::StatusOr<UniqueFd> LockService(const std::string& root, const std::string& name);

// What a marker calls the content of the file PATH; OPEN: whether everybody may read it.
absl::StatusOr<std::string> DigestForMarker(const std::string& path, bool open);

// The digests of PATHS (inside ROOT) as the next start by kplan has them: where a file waits beside its place
// (host/waiting_file.h), of that. Files whose stat is the one in KNOWN are not read. NotFound names the file.
absl::StatusOr<std::map<std::string, FileSeen>> LookAtFiles(const std::string& root,
                                                            const std::vector<std::string>& paths,
                                                            const std::map<std::string, FileSeen>& known);

// The instance that the pid file of NAME names, when it really runs EXE: a pid file whose process has ended,
// or whose number has gone to another program, is nothing.
std::optional<Instance> InstanceOfPidFile(const std::string& root, const std::string& name,
                                          absl::string_view exe);

}  // namespace kplan

#endif  // KPLAN_HOST_SERVICE_MARKER_H_
