#include "src/etcd/wal_segment.h"

#include <algorithm>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/etcd/crc32c.h"
#include "src/etcd/wal_testing.h"

namespace kplan {
namespace {

WalSegment ReadBytes(const std::string& bytes) {
  return ReadWalSegment(bytes.size(), [&](uint64_t offset, char* to, size_t n) {
    EXPECT_LE(offset + n, bytes.size());
    return bytes.copy(to, n, offset);
  });
}

TEST(Crc32c, IsCastagnolis) {
  // RFC 3720 B.4, and the check value of the catalogue of CRCs.
  EXPECT_EQ(Crc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(0, ""), 0u);
  const std::string text = "the sum of two parts is the sum of the whole";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32c(Crc32c(0, text.substr(0, cut)), text.substr(cut)), Crc32c(0, text));
  }
}

TEST(WalSegment, AFirstSegment) {
  WalWriter wal;
  wal.Begin(0x8e9e05c52164694d, 0xcdf818194e3a8c32).Snapshot(0).Entry("x").State(2, 4).State(2, 7);
  WalSegment segment = ReadBytes(wal.WithRoom());
  EXPECT_EQ(segment.damage, "");
  EXPECT_EQ(segment.member_id, 0x8e9e05c52164694du);
  EXPECT_EQ(segment.cluster_id, 0xcdf818194e3a8c32u);
  EXPECT_EQ(segment.commit, 7u);
  EXPECT_FALSE(segment.snapshot) << "every log begins with a snapshot of nothing";
}

TEST(WalSegment, TheBytesOfEtcd) {
  // The beginning of a log of etcd 3.4.23 (`etcd` without flags).
  const std::string bytes = Unhex(
      "0400000000000084080410000000000020000000000000000801"
      "10bb81c7fc051a1608cdd2918bd2b881cf8e0110b298eaf19483"
      "86fccd010e0000000000008208051094bbc7ed0e1a0408001000"
      "00000000");
  WalSegment segment = ReadBytes(bytes);
  EXPECT_EQ(segment.damage, "");
  EXPECT_EQ(segment.member_id, 0x8e9e05c52164694du);
  EXPECT_EQ(segment.cluster_id, 0xcdf818194e3a8c32u);
  EXPECT_EQ(segment.commit, 0u);
}

TEST(WalSegment, ALaterSegmentGoesOnWithTheSum) {
  WalWriter wal(0x12345678);
  wal.Begin(1, 2).State(3, 100);
  EXPECT_EQ(ReadBytes(wal.bytes()).commit, 100u);
  wal.Snapshot(90);
  EXPECT_TRUE(ReadBytes(wal.bytes()).snapshot);
}

TEST(WalSegment, EntriesLargerThanTheWindow) {
  WalWriter wal;
  wal.Begin(1, 2);
  for (size_t size : {100000, 131072, 300000, 1, 131071, 5000000}) wal.Entry(std::string(size, 'e'));
  wal.State(1, 42);
  EXPECT_EQ(ReadBytes(wal.WithRoom()).commit, 42u);
}

TEST(WalSegment, ATornTailCountsAsFarAsItIsRight) {
  WalWriter wal;
  wal.Begin(1, 2).State(1, 5);
  const std::string good = wal.bytes();
  wal.Entry(std::string(3000, 'e')).State(1, 6);
  for (size_t size = good.size(); size < wal.bytes().size(); size += 7) {
    // Cut off, and with zeros in place of what is missing.
    for (const std::string& rest : {std::string(), std::string(4096, '\0')}) {
      WalSegment segment = ReadBytes(wal.bytes().substr(0, size) + rest);
      EXPECT_EQ(segment.damage, "");
      EXPECT_EQ(segment.commit, 5u) << size;
    }
  }
  EXPECT_EQ(ReadBytes(wal.bytes()).commit, 6u);
}

TEST(WalSegment, WhatIsNoLogHasNoIds) {
  WalWriter good;
  good.Begin(1, 2);
  WalWriter no_metadata;
  no_metadata.Entry("x");
  WalWriter zero;
  zero.Begin(0, 2);
  WalWriter two;
  two.Begin(1, 2).Metadata(1, 3);
  std::string wrong_sum = good.bytes();
  wrong_sum[wrong_sum.size() - 10] ^= 1;
  std::string huge = good.bytes();
  huge[6] = '\x7f';
  std::string longer = good.bytes();
  longer[3] = 1;
  const struct {
    std::string bytes, damage;
  } kCases[] = {
      {"", "it is too short"},
      {"short", "it is too short"},
      {std::string(64, '\0'), "it is empty"},
      {std::string(64, '\xff'), "a length in it is wrong"},
      {"#!/bin/sh\necho this is no log of etcd at all\n", "a length in it is wrong"},
      {good.bytes().substr(0, 16), "it is too short"},
      {good.bytes().substr(0, 16) + std::string(64, '\0'), "it is empty"},
      {good.bytes().substr(16), "it does not begin as a log of etcd does"},
      {no_metadata.bytes(), "it does not say whose log it is"},
      {zero.bytes(), "it does not say whose log it is"},
      {two.bytes(), "it is the log of two members"},
      {wrong_sum, "a checksum in it is wrong"},
      {huge, "a length in it is wrong"},
      {longer, "a length in it is wrong"},
  };
  for (const auto& wanted : kCases) {
    WalSegment segment = ReadBytes(wanted.bytes);
    EXPECT_EQ(segment.damage, wanted.damage);
    EXPECT_EQ(segment.member_id, 0u);
    EXPECT_EQ(segment.cluster_id, 0u);
    EXPECT_EQ(segment.commit, 0u);
  }
}

TEST(WalSegment, ReadsThatFailAreTheEnd) {
  WalSegment segment = ReadWalSegment(1000, [](uint64_t, char*, size_t) { return size_t{0}; });
  EXPECT_EQ(segment.damage, "it is too short");
  // A sparse file that says it is larger than any disk.
  segment = ReadWalSegment(UINT64_MAX, [](uint64_t, char* to, size_t n) {
    std::fill(to, to + n, '\0');
    return n;
  });
  EXPECT_EQ(segment.damage, "it is empty");
}

// Never a crash, and never an id that is not there: a checksum of 32 bits protects it, so that one mutation
// in four billion would pass.
TEST(WalSegment, MutationsNeverGiveOtherIds) {
  WalWriter wal;
  wal.Begin(0x1122334455667788, 0x99aabbccddeeff00).Snapshot(0).Entry("the first entry").State(1, 3);
  for (int i = 0; i < 20; ++i) wal.Entry(std::string(i * 5, 'v')).State(2, 4 + i);
  const std::string good = wal.WithRoom();
  std::mt19937 random(20261122);
  auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  size_t with_ids = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string bytes = good;
    const size_t changes = 1 + below(4);
    for (size_t change = 0; change < changes; ++change) {
      // Most of them where the ids are.
      const size_t at = below(below(4) == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 80));
      switch (below(6)) {
        case 0:
          bytes[at] ^= static_cast<char>(1 << below(8));
          break;
        case 1:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 2:
          bytes.erase(at, 1 + below(16));
          break;
        case 3:
          bytes.insert(at, 1 + below(16), static_cast<char>(below(256)));
          break;
        case 4:
          bytes.insert(at, bytes, below(bytes.size()), below(64));
          break;
        default:
          bytes.resize(at + 1);
      }
      if (bytes.empty()) break;
    }
    WalSegment segment = ReadBytes(bytes);
    if (!segment.damage.empty()) continue;
    ++with_ids;
    ASSERT_EQ(segment.member_id, 0x1122334455667788u) << round;
    ASSERT_EQ(segment.cluster_id, 0x99aabbccddeeff00u) << round;
    ASSERT_LE(segment.commit, 23u) << round;
    ASSERT_FALSE(segment.snapshot) << round;
  }
  EXPECT_GT(with_ids, 1000u) << "some mutations are behind the ids, or nothing was tried";
}

}  // namespace
}  // namespace kplan
