#ifndef KPLAN_ETCD_MEMBER_DIALER_H_
#define KPLAN_ETCD_MEMBER_DIALER_H_

// Connections to the members of a cluster, each by the way that leads to it (member_ways.h). What a client
// says goes over them as ever: TLS ends here, and the client's key stays here.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/dialer.h"
#include "src/etcd/member_ways.h"
#include "src/step/etcd_records.h"
#include "src/step/host_access.h"

namespace kplan {

class MemberDialer : public Dialer {
 public:
  // Of the members of FIELDS: null where they are asked from here as any server, because they are here, or
  // because FIELDS says so, or because there are no HOSTS to go by. HOSTS has to outlive it. Contacts nobody.
  static std::shared_ptr<MemberDialer> Make(HostAccess* hosts, const ClusterFields& fields);

  absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration timeout) override;
  bool IsFromHere(const HostPort& target) const override;

  // From HOST, a member's, and nowhere else. Aborted when it cannot be reached itself.
  absl::StatusOr<Connection> DialFrom(const std::string& host, const HostPort& target,
                                      absl::Duration timeout);

  // From this machine, where packets may go to members from here; otherwise Aborted.
  absl::Status DialFromThisMachine(const HostPort& target, absl::Duration timeout) const;

  // The way by which TARGET was reached last: "" from here, else a host; none: it was not.
  std::optional<std::string> WayTo(const HostPort& target) const;

 private:
  // One host's session, opened when it is needed.
  struct Carrier {
    std::mutex mutex;
    std::shared_ptr<Dialer> session;  // null: there is none
    absl::Status failure;             // why, as of `failed`
    absl::Time failed = absl::InfinitePast();
  };
  // A port of a member.
  struct Port {
    std::string host;                   // "": it is on this machine
    std::optional<HostPort> own;        // where who is on that host reaches it, when that is another address
    std::optional<std::string> worked;  // the way that led there last
  };

  MemberDialer(HostAccess* hosts, AskFrom from) : hosts_(hosts), from_(from) {}
  void AddPort(const std::string& url, const std::string& host, const std::string& own = "");
  absl::StatusOr<std::shared_ptr<Dialer>> SessionWith(const std::string& host);
  void Forget(const std::string& host, const std::shared_ptr<Dialer>& session);

  HostAccess* const hosts_;
  const AskFrom from_;
  std::vector<std::string> names_;           // of the hosts, in the order of the members
  std::map<std::string, Carrier> carriers_;  // by host
  std::vector<HostPort> targets_;            // all ports of all members

  mutable std::mutex mutex_;
  std::map<std::string, Port> ports_;  // by "HOST:PORT"
};

}  // namespace kplan

#endif  // KPLAN_ETCD_MEMBER_DIALER_H_
