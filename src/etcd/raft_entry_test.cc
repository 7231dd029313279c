#include "src/etcd/raft_entry.h"

#include "gtest/gtest.h"
#include "src/etcd/wal_testing.h"

namespace kplan {
namespace {

std::string Number(int field, uint64_t value) { return WalWriter::Number(field, value); }
std::string Bytes(int field, absl::string_view bytes) { return WalWriter::Bytes(field, bytes); }

RaftEntry Read(absl::string_view data) {
  return ReadRaftEntry(Number(1, 0) + Number(2, 3) + Number(3, 8) + Bytes(4, data));
}

RaftEntry ReadV2(absl::string_view method, absl::string_view path, absl::string_view value = "") {
  return Read(WalWriter::V2Request(method, path, value));
}

TEST(RaftEntry, OfTheV2Api) {
  EXPECT_EQ(ReadV2("QGET", "").index, 8u);
  EXPECT_TRUE(ReadV2("QGET", "").refused_by_36) << "what /health of 3.4 writes";
  for (const char* method : {"GET", "POST", "DELETE", "SYNC", "HEAD", ""})
    EXPECT_TRUE(ReadV2(method, "/1/x").refused_by_36) << method;
  EXPECT_TRUE(ReadV2("PUT", "/1/version").refused_by_36);
  EXPECT_TRUE(ReadV2("PUT", "/0/members/zz/attributes").refused_by_36);
  EXPECT_TRUE(ReadV2("DELETE", "/0/members/8e9e05c52164694d/attributes").refused_by_36);
}

TEST(RaftEntry, WhatMembersWriteByTheV2Api) {
  EXPECT_FALSE(ReadV2("PUT", "/0/members/8e9e05c52164694d/attributes", "{}").refused_by_36);
  EXPECT_FALSE(ReadV2("PUT", "/0/members/a/attributes", "{}").refused_by_36);
  const RaftEntry version = ReadV2("PUT", "/0/version", "3.4.0");
  EXPECT_FALSE(version.refused_by_36);
  EXPECT_EQ(version.version, "3.4.0");
  EXPECT_EQ(ReadV2("PUT", "/0/version", "\x1b[31m").version, "") << "it is no version";
}

TEST(RaftEntry, OfTheV3Api) {
  const std::string put = Number(1, 77) + Bytes(4, Bytes(1, "key") + Bytes(2, "value"));
  EXPECT_FALSE(Read(put).refused_by_36);
  EXPECT_EQ(Read(put).index, 8u);
  EXPECT_EQ(Read(Bytes(100, Number(1, 77)) + Bytes(1300, Bytes(1, "3.5.0"))).version, "3.5.0");
  EXPECT_EQ(Read(Bytes(1302, Number(1, 1) + Bytes(2, "3.5.0"))).downgrade, "3.5.0");
  EXPECT_EQ(Read(Bytes(1302, Number(1, 0))).downgrade, "");
  EXPECT_FALSE(Read(put).downgrade.has_value());
  EXPECT_TRUE(Read(Number(1, 77) + Bytes(2, WalWriter::V2Request("QGET", "", ""))).refused_by_36);
}

TEST(RaftEntry, OthersSayNothing) {
  EXPECT_FALSE(Read("").refused_by_36) << "a leader's first";
  // A change of the members.
  EXPECT_FALSE(ReadRaftEntry(Number(1, 1) + Number(3, 8) + Bytes(4, WalWriter::V2Request("QGET", "", "")))
                   .refused_by_36);
  EXPECT_FALSE(ReadRaftEntry("\xff\xff").refused_by_36);
  EXPECT_EQ(ReadRaftEntry(Number(3, 8) + "\xff").index, 0u);
}

}  // namespace
}  // namespace kplan
