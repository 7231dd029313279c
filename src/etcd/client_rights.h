#ifndef KPLAN_ETCD_CLIENT_RIGHTS_H_
#define KPLAN_ETCD_CLIENT_RIGHTS_H_

// As whom kplan asks a cluster, whether etcd's auth lets it, and what to type where it does not. What a
// request needs is in facts/etcd_rights.h.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/etcd/etcdctl.h"
#include "src/etcd/facts/etcd_rights.h"

namespace kplan {

// What a cluster lets its client do.
struct ClientRights {
  // Without auth everybody may do all that root may. Nothing: it could not be asked.
  std::optional<EtcdRight> has;
  std::string user;  // as whom it was asked: the CN of the client's certificate; "": that has none
  // Only where auth is enabled, and the client is not root:
  bool user_is_there = true;       // etcd has a user of that name
  std::vector<std::string> roles;  // that the user has

  // It was asked, and has less than NEEDED.
  bool Lacks(EtcdRight needed) const { return has.has_value() && *has < needed; }
};

// Asks the member at ENDPOINT, without a trace in its data. Root may ask for the hash of a revision that is
// still to come, for which etcd computes nothing (mvcc/kvstore.go, HashByRev). Who is not root tries a
// transaction about kplan's keys whose condition is never true: etcd looks at the rights for all of it first
// (apply_auth.go, checkTxnAuth), and then at the condition.
ClientRights AskClientRights(const Etcdctl& etcdctl, const std::string& endpoint,
                             absl::Duration timeout = absl::Seconds(5));

// PermissionDenied when STATUS, of a RunEtcdctl, is for want of rights: its message is then what etcd said,
// in one line. Any other as it is.
absl::Status AsRefusal(const absl::Status& status);

// Why the client of ETCDCTL may not do WHAT ("take a snapshot"), which NEEDED is for, and the commands that
// let it, for a POSIX shell: several lines, without a line end. RIGHTS: what AskClientRights found.
std::string WantOfRights(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                         const ClientRights& rights, EtcdRight needed, absl::string_view what);

// The CN of the certificate with which ETCDCTL asks; empty when none can be read.
std::string UserOf(const Etcdctl& etcdctl);

// "user kplan (the CN of pki/root.pem)"
std::string UserText(const Etcdctl& etcdctl, absl::string_view user);

}  // namespace kplan

#endif  // KPLAN_ETCD_CLIENT_RIGHTS_H_
