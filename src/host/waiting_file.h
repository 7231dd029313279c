#ifndef KPLAN_HOST_WAITING_FILE_H_
#define KPLAN_HOST_WAITING_FILE_H_

// Files of a host that wait for the restart of the service that reads them.
//
// What is on disk is what a service gets when anybody starts it: a reboot, Restart=, an administrator. Where
// services are restarted one host after another, the hosts whose turn has not come must get what they run
// with, and not a change of which nobody knows yet whether it works. So there the next /etc/etcd/ca.pem is
// put beside the present one, whole, with its owner and mode:
//
//   /etc/etcd/ca.pem              what the service runs with
//   /etc/etcd/.ca.pem.kplan-next  what it is going to run with
//
// and is renamed to its place by who restarts the service (steps/service/service.cc). The name begins with a
// dot, so that nobody who reads all files of a folder reads it, and systemd takes it for no unit.

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// Where the next PATH waits: "/etc/etcd/ca.pem" as "/etc/etcd/.ca.pem.kplan-next".
std::string WaitingPath(absl::string_view path);
bool IsWaitingPath(absl::string_view path);

// Whether a file waits for the place PATH inside ROOT.
bool HasWaiting(const std::string& root, absl::string_view path);
// Those of PATHS, each once.
std::set<std::string> PathsWithWaiting(const std::string& root, const std::vector<std::string>& paths);

// Puts the file that waits for PATH in its place: one rename, on the disk when this returns. Done already is
// done.
absl::Status PutWaitingInPlace(const std::string& root, const std::string& path);

// Takes the file that waits for PATH away, if there is one; likewise on the disk.
absl::Status RemoveWaiting(const std::string& root, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_HOST_WAITING_FILE_H_
