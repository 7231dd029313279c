#include "src/etcd/facts/etcd_rights.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

EtcdRight Needed(EtcdRequest request, const char* version) {
  EtcdVersion parsed;
  EXPECT_TRUE(ParseEtcdVersion(version, &parsed)) << version;
  return RightFor(request, parsed);
}

TEST(EtcdRights, WhatIsForRootInEveryVersion) {
  for (const char* version : {"3.4.0", "3.4.23", "3.4.45", "3.5.0", "3.5.16", "3.5.33", "3.6.0", "3.6.14"}) {
    for (EtcdRequest request : {EtcdRequest::kHash, EtcdRequest::kSnapshot, EtcdRequest::kCountKeys})
      EXPECT_EQ(Needed(request, version), EtcdRight::kRoot) << version;
    EXPECT_EQ(Needed(EtcdRequest::kVerifyKey, version), EtcdRight::kVerifyKeys) << version;
    EXPECT_EQ(Needed(EtcdRequest::kRead, version), EtcdRight::kName) << version;
  }
}

TEST(EtcdRights, StatusIsForRootInSomePatchReleases) {
  for (const char* version : {"3.4.42", "3.4.45", "3.5.28", "3.5.31", "3.6.0", "3.6.11"})
    EXPECT_EQ(Needed(EtcdRequest::kStatus, version), EtcdRight::kRoot) << version;
  for (const char* version : {"3.4.0", "3.4.41", "3.5.0", "3.5.27", "3.5.32", "3.6.12", "3.7.1"})
    EXPECT_EQ(Needed(EtcdRequest::kStatus, version), EtcdRight::kName) << version;
}

TEST(EtcdRights, TheMemberListIsForRootInOneRelease) {
  EXPECT_EQ(Needed(EtcdRequest::kMemberList, "3.4.42"), EtcdRight::kRoot);
  for (const char* version : {"3.4.41", "3.4.43", "3.5.28", "3.6.9"})
    EXPECT_EQ(Needed(EtcdRequest::kMemberList, version), EtcdRight::kName) << version;
}

TEST(EtcdRights, SeveralRequestsNeedTheMostOfThem) {
  const EtcdVersion version = {3, 4, 23};
  EXPECT_EQ(RightFor({EtcdRequest::kRead, EtcdRequest::kStatus}, version), EtcdRight::kName);
  EXPECT_EQ(RightFor({EtcdRequest::kVerifyKey, EtcdRequest::kStatus}, version), EtcdRight::kVerifyKeys);
  EXPECT_EQ(RightFor({EtcdRequest::kSnapshot, EtcdRequest::kVerifyKey}, version), EtcdRight::kRoot);
  EXPECT_EQ(RightFor({EtcdRequest::kVerifyKey, EtcdRequest::kStatus}, {3, 5, 30}), EtcdRight::kRoot);
}

TEST(EtcdRights, WhatEtcdSaysForWantOfThem) {
  for (const char* said : {
           "exit 1: Error: etcdserver: permission denied",
           "{\"code\":3,\"message\":\"etcdserver: user name is empty\"}",
           "Failed to get the hash of endpoint https://127.0.0.1:2379 (auth: user not found)",
           "rpc error: code = Unknown desc = auth: permission denied",
           "Error: etcdserver: user name not found",
           "etcdserver: invalid auth token",
       }) {
    EXPECT_TRUE(IsForWantOfRights(said)) << said;
  }
  for (const char* said : {
           "",
           "open pki/root-key.pem: permission denied",
           "etcdserver: mvcc: required revision is a future revision",
           "etcdserver: request timed out",
           "etcdserver: mvcc: database space exceeded",
           "etcdserver: revision of auth store is old",
       }) {
    EXPECT_FALSE(IsForWantOfRights(said)) << said;
  }
}

}  // namespace
}  // namespace kplan
