#include "src/etcd/facts/etcd_ids.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

// What every etcd with the default peer URL and token reports, the tutorial's among them.
TEST(EtcdIds, TheTutorialsMemberAndCluster) {
  EXPECT_EQ(PredictedMemberId({"http://localhost:2380"}, "etcd-cluster"), "8e9e05c52164694d");
  EXPECT_EQ(PredictedClusterId({"8e9e05c52164694d"}), "cdf818194e3a8c32");
}

// The three members of etcd's own Procfile, whose ids its documentation prints (v3.4, "Interacting with
// etcd").
TEST(EtcdIds, TheProcfilesCluster) {
  EXPECT_EQ(PredictedMemberId({"http://127.0.0.1:12380"}, "etcd-cluster-1"), "8211f1d0f64f3269");
  EXPECT_EQ(PredictedMemberId({"http://127.0.0.1:22380"}, "etcd-cluster-1"), "91bc3c398fb3c146");
  EXPECT_EQ(PredictedMemberId({"http://127.0.0.1:32380"}, "etcd-cluster-1"), "fd422379fda50e48");
  EXPECT_EQ(PredictedClusterId({"8211f1d0f64f3269", "91bc3c398fb3c146", "fd422379fda50e48"}),
            "ef37ad9dc622a7c4");
}

TEST(EtcdIds, OrderDoesNotMatter) {
  EXPECT_EQ(PredictedMemberId({"http://b:2380", "http://a:2380"}, "t"),
            PredictedMemberId({"http://a:2380", "http://b:2380"}, "t"));
  EXPECT_EQ(PredictedClusterId({"fd422379fda50e48", "91bc3c398fb3c146", "8211f1d0f64f3269"}),
            PredictedClusterId({"8211f1d0f64f3269", "91bc3c398fb3c146", "fd422379fda50e48"}));
}

TEST(EtcdIds, IdsAreSortedAsNumbersNotAsText) {
  // As text "10" sorts before "9"; as a number it does not.
  EXPECT_EQ(PredictedClusterId({"10", "9"}), PredictedClusterId({"0000000000000009", "0000000000000010"}));
}

TEST(EtcdIds, WhatIsNoIdPredictsNothing) {
  EXPECT_EQ(PredictedClusterId({"xyz"}), "");
  EXPECT_EQ(PredictedClusterId({""}), "");
  EXPECT_EQ(PredictedClusterId({"8e9e05c52164694d0"}), "");
}

}  // namespace
}  // namespace kplan
