#ifndef KPLAN_PROBE_SOCKET_BRIDGE_H_
#define KPLAN_PROBE_SOCKET_BRIDGE_H_

// How a program on this machine (etcdctl, curl) gets to who this machine does not reach by itself: by sockets
// in a folder, at which kplan takes its connections and has a Dialer carry them. TLS is the program's, as
// over TCP.

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/dialer.h"
#include "src/base/fd.h"
#include "src/base/url.h"

namespace kplan {

class SocketBridge {
 public:
  // Takes connections to TARGETS, as long as this exists; each has TIMEOUT to come about. The folder is for
  // this user alone. InvalidArgument when a name is longer than the name of a socket can be.
  static absl::StatusOr<std::unique_ptr<SocketBridge>> Open(std::shared_ptr<Dialer> dialer,
                                                            std::vector<HostPort> targets,
                                                            absl::Duration timeout);
  ~SocketBridge();

  const std::string& folder() const { return folder_; }  // absolute
  // The socket for TARGET: HOST:PORT in that folder.
  std::string PathOf(const HostPort& target) const;
  // Why the last connection did not come about; "" when it did, or nobody asked for one.
  std::string WhyNot() const;

 private:
  SocketBridge(std::shared_ptr<Dialer> dialer, std::vector<HostPort> targets, absl::Duration timeout)
      : dialer_(std::move(dialer)), targets_(std::move(targets)), timeout_(timeout) {}
  absl::Status Listen();
  void Accept();
  void Carry(const HostPort& target, UniqueFd client);

  const std::shared_ptr<Dialer> dialer_;
  const std::vector<HostPort> targets_;
  const absl::Duration timeout_;
  std::string folder_;
  std::vector<UniqueFd> listeners_;  // as targets_
  UniqueFd stop_;                    // an event
  std::thread acceptor_;

  mutable std::mutex mutex_;
  std::string why_not_;
};

}  // namespace kplan

#endif  // KPLAN_PROBE_SOCKET_BRIDGE_H_
