#include "src/etcd/verify_data.h"

#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/clock_testing.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<HashKv> Stores(const std::vector<uint32_t>& hashes, std::vector<int64_t> compacted = {}) {
  std::vector<HashKv> stores;
  for (size_t i = 0; i < hashes.size(); ++i) {
    HashKv store;
    store.cluster_id = "c1";
    store.member_id = absl::StrCat("a", i + 1);
    store.revision = 20;
    store.hash = hashes[i];
    store.compacted = compacted.empty() ? 5 : compacted[i];
    stores.push_back(std::move(store));
  }
  return stores;
}

std::string Compared(const std::vector<HashKv>& stores) {
  const StoresCompared compared = CompareStores(stores);
  std::string text = compared.kind == StoresCompared::kSame     ? "same"
                     : compared.kind == StoresCompared::kDiffer ? "differ"
                                                                : "apart";
  for (size_t place : compared.odd) absl::StrAppend(&text, " ", place);
  return text;
}

TEST(CompareStoresTest, MoreThanHalfOfAllAreBelieved) {
  EXPECT_EQ(Compared(Stores({7, 7, 7})), "same");
  EXPECT_EQ(Compared(Stores({7, 7, 8})), "differ 2");
  EXPECT_EQ(Compared(Stores({8, 7, 7})), "differ 0");
  EXPECT_EQ(Compared(Stores({7, 8, 7, 9, 7})), "differ 1 3");
  EXPECT_EQ(Compared(Stores({7, 8, 8, 8, 7})), "differ 0 4");
}

TEST(CompareStoresTest, NobodyIsBelievedWithoutAMajority) {
  EXPECT_EQ(Compared(Stores({7, 8})), "differ");
  EXPECT_EQ(Compared(Stores({7, 8, 9})), "differ");
  EXPECT_EQ(Compared(Stores({7, 7, 8, 8})), "differ");
  EXPECT_EQ(Compared(Stores({7, 7, 8, 9, 10})), "differ");
}

TEST(CompareStoresTest, WhatIsCompactedOtherwiseSaysNothing) {
  EXPECT_EQ(Compared(Stores({7, 7, 7}, {5, 5, 6})), "apart");
  EXPECT_EQ(Compared(Stores({7, 8, 7}, {5, 6, 5})), "apart");
}

// A cluster whose etcdctl is a script: the line N of the file `said` is what it prints the Nth time, "!..."
// an error; the last line for ever. What it was asked is in the file `asked`.
class CheckDataTest : public testing::Test {
 protected:
  CheckDataTest() {
    std::string pattern = absl::StrCat(getenv("TEST_TMPDIR"), "/data-XXXXXX");
    folder_ = mkdtemp(pattern.data());
    cluster_.clustered = true;
    cluster_.clock = &clock_;
    cluster_.etcdctl.program = absl::StrCat(folder_, "/etcdctl");
    cluster_.etcdctl.cert = absl::StrCat(folder_, "/ops.pem");
    for (int i = 1; i <= 3; ++i) {
      MemberExpected member;
      member.name = absl::StrCat("etcd-", i);
      member.client.url = absl::StrCat("https://10.0.0.", i, ":2379");
      cluster_.members.push_back(std::move(member));
    }
    const std::string script = absl::StrCat("#!/bin/sh\ncd ", folder_, R"(
case "$*" in get*) echo "get" >>asked; echo '{"header":{"revision":30}}'; exit 0;; esac
echo "$3" >>asked
count=$(grep -c -- --rev asked)
line=$(sed -n "${count}p" said); [ -n "$line" ] || line=$(tail -n 1 said)
case "$line" in !*) echo "Error: ${line#!}" >&2; exit 1;; esac
hash=${line% *}; compacted=${line#* }
echo "[{\"Endpoint\":\"x\",\"HashKV\":{\"header\":{\"cluster_id\":1,\"member_id\":2,\"revision\":40},\"hash\":$hash,\"compact_revision\":$compacted}}]"
)");
    EXPECT_TRUE(WriteFile(cluster_.etcdctl.program, script, 0755).ok());
  }

  std::vector<Finding> Check(const std::string& said) {
    EXPECT_TRUE(WriteFile(absl::StrCat(folder_, "/said"), said, 0644).ok());
    return CheckData(cluster_, 20, &seen_);
  }
  std::string asked() const { return ReadFile(absl::StrCat(folder_, "/asked")).value_or(""); }

  std::string folder_;
  FakeClock clock_;
  ClusterExpected cluster_;
  DataSeen seen_;
};

TEST_F(CheckDataTest, TheSameAtTheFirstLook) {
  EXPECT_THAT(Check("7 5\n"), IsEmpty());
  EXPECT_EQ(seen_.revision, 20);
  EXPECT_EQ(seen_.compacted, 5);
  EXPECT_THAT(seen_.hashes, ElementsAre(testing::Pair("etcd-1", 7), testing::Pair("etcd-2", 7),
                                        testing::Pair("etcd-3", 7)));
  EXPECT_EQ(seen_.not_compared, "");
  EXPECT_EQ(asked(), "--rev=20\n--rev=20\n--rev=20\n");
}

TEST_F(CheckDataTest, ADifferenceThatLastsNamesTheMember) {
  std::vector<Finding> findings = Check("7 5\n8 5\n7 5\n7 5\n8 5\n7 5\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].check, "data");
  EXPECT_EQ(findings[0].member, "etcd-2");
  EXPECT_EQ(findings[0].expected, "what most members have at revision 20: hash 7");
  EXPECT_EQ(findings[0].seen, "hash 8 (all are compacted to revision 5)");
  EXPECT_THAT(findings[0].advice, HasSubstr("move its data folder away, and run ninja"));
  EXPECT_EQ(seen_.hashes[1].second, 8u);
  // At the same revision both times.
  EXPECT_EQ(asked(), "--rev=20\n--rev=20\n--rev=20\n--rev=20\n--rev=20\n--rev=20\n");
}

TEST_F(CheckDataTest, ADifferenceThatPassesIsNone) {
  EXPECT_THAT(Check("7 5\n8 5\n7 5\n7 5\n9 5\n7 5\n7 5\n"), IsEmpty());
  EXPECT_EQ(seen_.revision, 20);
  EXPECT_EQ(seen_.hashes[1].second, 7u);
}

TEST_F(CheckDataTest, WithoutAMajorityNobodyIsNamed) {
  std::vector<Finding> findings = Check("7 5\n8 5\n9 5\n7 5\n8 5\n9 5\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].member, "");
  EXPECT_EQ(findings[0].seen,
            "etcd-1: hash 7, etcd-2: hash 8, etcd-3: hash 9 (all are compacted to revision 5)");
}

TEST_F(CheckDataTest, WhatIsCompactedMeanwhileIsComparedAtANewerRevision) {
  EXPECT_THAT(Check("7 5\n7 5\n8 6\n!etcdserver: mvcc: required revision has been compacted\n8 6\n"),
              IsEmpty());
  EXPECT_EQ(seen_.revision, 30);
  EXPECT_EQ(seen_.hashes[0].second, 8u);
  EXPECT_EQ(asked(), "--rev=20\n--rev=20\n--rev=20\nget\n--rev=30\nget\n--rev=30\n--rev=30\n--rev=30\n");
}

TEST_F(CheckDataTest, WhatStaysApartWasNotCompared) {
  std::string said;
  for (int i = 0; i < 100; ++i) absl::StrAppend(&said, "7 5\n7 6\n7 5\n");
  EXPECT_THAT(Check(said), IsEmpty());
  EXPECT_EQ(seen_.revision, 0);
  EXPECT_EQ(seen_.not_compared,
            "members are compacted to different revisions: etcd-1 to 5, etcd-2 to 6, etcd-3 to 5");
}

TEST_F(CheckDataTest, WhoDoesNotSayIsNamed) {
  EXPECT_THAT(Check("7 5\n!context deadline exceeded\n"), IsEmpty());
  EXPECT_EQ(seen_.revision, 0);
  EXPECT_THAT(seen_.not_compared, HasSubstr("etcd-1: "));
  EXPECT_THAT(seen_.not_compared, HasSubstr("context deadline exceeded"));
}

TEST_F(CheckDataTest, WhoIsNotRootIsToldAtOnce) {
  EXPECT_THAT(Check("!etcdserver: permission denied\n"), IsEmpty());
  EXPECT_EQ(asked(), "--rev=20\n");
  EXPECT_THAT(seen_.not_compared, HasSubstr("has not the role root"));
}

}  // namespace
}  // namespace kplan
