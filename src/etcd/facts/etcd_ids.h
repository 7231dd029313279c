#ifndef KPLAN_ETCD_FACTS_ETCD_IDS_H_
#define KPLAN_ETCD_FACTS_ETCD_IDS_H_

// The ids that an etcd cluster will have, worked out before anything runs (etcd v3.4,
// etcdserver/api/membership: member.go NewMember, cluster.go genID). They follow from the peer URLs and the
// token alone; the name is not hashed.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// The id of a bootstrap member (one named in --initial-cluster) as etcdctl prints it: hexadecimal without
// leading zeros, from the first 8 bytes of SHA-1(sorted peer URLs joined by nothing + TOKEN). PEER_URLS are
// the member's
// --initial-advertise-peer-urls, each written as etcd writes it ("http://localhost:2380"); TOKEN is
// --initial-cluster-token ("etcd-cluster" when not given). A member that is added later has the time of that
// moment hashed too, so its id cannot be predicted.
std::string PredictedMemberId(std::vector<std::string> peer_urls, absl::string_view token);

// The id of the cluster that those members bootstrap, in the same form: from SHA-1 over the ids, sorted as
// numbers, each as 8 bytes, most significant first. Each of MEMBER_IDS is 1 to 16 hexadecimal digits; empty
// when one is not.
std::string PredictedClusterId(const std::vector<std::string>& member_ids);

}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_IDS_H_
