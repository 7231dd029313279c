#ifndef KPLAN_ETCD_FACTS_ETCD_RIGHTS_H_
#define KPLAN_ETCD_FACTS_ETCD_RIGHTS_H_

// What kplan asks of a cluster, and what etcd wants of whoever asks it, once its auth is enabled (`etcdctl
// auth enable`). Who asks is the user that the CN of the client's certificate names (etcd v3.4,
// auth/store.go, AuthInfoFromTLS): kplan's etcds have client-cert-auth.

#include <initializer_list>

#include "absl/strings/string_view.h"
#include "src/etcd/facts/etcd_version.h"

namespace kplan {

// Below it are kplan's own keys in etcd, and no others are ever written.
inline constexpr char kVerifyPrefix[] = "/kplan/verify/";

// All that kplan asks of a member; nothing else.
enum class EtcdRequest {
  kRead,        // `get`, through the quorum; whether its key may be seen does not matter (etcd/member_read.h)
  kStatus,      // `endpoint status`
  kMemberList,  // `member list`
  kVerifyKey,   // a key below kVerifyPrefix put, read, and deleted with its lease
  kCountKeys,   // `get` of all keys
  kHash,        // `endpoint hashkv`
  kSnapshot,    // `snapshot save`
};

// Each is good for what those before it are good for.
enum class EtcdRight {
  kName,        // any CN, whether etcd has such a user or not
  kVerifyKeys,  // a role with readwrite on kVerifyPrefix
  kRoot,        // the role root
};

// What REQUEST needs of an etcd of VERSION whose auth is enabled.
EtcdRight RightFor(EtcdRequest request, const EtcdVersion& version);

// The same of all REQUESTS together.
EtcdRight RightFor(std::initializer_list<EtcdRequest> requests, const EtcdVersion& version);

// Whether that is why etcd refused, by what it SAID, or its etcdctl. (Of a user that is asked about and is
// not there etcd says the same as of one who asks and is not there.)
bool IsForWantOfRights(absl::string_view said);

}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_RIGHTS_H_
