#include "src/etcd/facts/etcd_rights.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

// One row: what a request needs in the patch releases FROM to TO of 3.MINOR.
struct Row {
  EtcdRequest request;
  int minor, from, to;
  EtcdRight right;
};

constexpr int kLast = std::numeric_limits<int>::max();
constexpr int kAnyMinor = -1;

// Where rows come from, in github.com/etcd-io/etcd (below server/ since 3.5), by every release tag of 3.4 to
// 3.6: api/v3rpc/maintenance.go (authMaintenanceServer), api/v3rpc/member.go and server.go (MemberList),
// apply_auth.go (authApplierV3: Put, Range, LeaseRevoke by the keys of the lease), v3_server.go (LeaseGrant:
// from 3.4.42, 3.5.28 and 3.6.9 on a name). What no row is about needs a name.
constexpr Row kRows[] = {
    {EtcdRequest::kVerifyKey, kAnyMinor, 0, kLast, EtcdRight::kVerifyKeys},
    // A role with read on all keys would do; but whoever counts them also takes a snapshot or compares.
    {EtcdRequest::kCountKeys, kAnyMinor, 0, kLast, EtcdRight::kRoot},
    {EtcdRequest::kHash, kAnyMinor, 0, kLast, EtcdRight::kRoot},
    {EtcdRequest::kSnapshot, kAnyMinor, 0, kLast, EtcdRight::kRoot},
    {EtcdRequest::kStatus, 4, 42, kLast, EtcdRight::kRoot},
    {EtcdRequest::kStatus, 5, 28, 31, EtcdRight::kRoot},
    {EtcdRequest::kStatus, 6, 0, 11, EtcdRight::kRoot},
    {EtcdRequest::kMemberList, 4, 42, 42, EtcdRight::kRoot},
};

}  // namespace

EtcdRight RightFor(EtcdRequest request, const EtcdVersion& version) {
  for (const Row& row : kRows) {
    if (row.request != request) continue;
    if (row.minor == kAnyMinor ||
        (row.minor == version.minor && row.from <= version.patch && version.patch <= row.to)) {
      return row.right;
    }
  }
  return EtcdRight::kName;
}

EtcdRight RightFor(std::initializer_list<EtcdRequest> requests, const EtcdVersion& version) {
  EtcdRight right = EtcdRight::kName;
  for (EtcdRequest request : requests) right = std::max(right, RightFor(request, version));
  return right;
}

bool IsForWantOfRights(absl::string_view said) {
  // rpctypes/error.go, and auth/store.go for what 3.4 and 3.5 do not translate (isAuthenticated).
  constexpr absl::string_view kWords[] = {"permission denied", "user name is empty", "user name not found",
                                          "user not found", "invalid auth token"};
  return std::any_of(std::begin(kWords), std::end(kWords), [&](absl::string_view words) {
    return absl::StrContains(said, absl::StrCat("etcdserver: ", words)) ||
           absl::StrContains(said, absl::StrCat("auth: ", words));
  });
}

}  // namespace kplan
