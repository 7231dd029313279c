#include "src/host/ninja_deps.h"

#include <string.h>

#include <random>
#include <string>

#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

std::string Number(uint32_t number) {
  std::string bytes(sizeof number, '\0');
  memcpy(&bytes[0], &number, sizeof number);
  return bytes;
}

std::string Head(uint32_t version) { return "# ninjadeps\n" + Number(version); }

std::string Path(std::string path, uint32_t id) {
  path.resize((path.size() + 3) / 4 * 4, '\0');
  return Number(static_cast<uint32_t>(path.size()) + 4) + path + Number(~id);
}

std::string Deps(uint32_t output, int64_t time) {
  return Number(16 | 0x80000000) + Number(output) + Number(static_cast<uint32_t>(time)) +
         Number(static_cast<uint32_t>(time >> 32)) + Number(1);
}

const char kKey[] = ".kplan/stamps/ca/key", kFile[] = "pki/ca-key.pem";

TEST(ReadNinjaDeps, TheLastNoteOfAnOutputCounts) {
  const int64_t time = 1796019252081391506;
  const std::string log =
      Head(4) + Path(kKey, 0) + Path(kFile, 1) + Deps(0, 7) + Path("x", 2) + Deps(2, 8) + Deps(0, time);
  EXPECT_THAT(ReadNinjaDeps(log), UnorderedElementsAre(Pair(kKey, time), Pair("x", 8)));
}

TEST(ReadNinjaDeps, OfVersion3TheTimesAreSeconds) {
  const std::string log =
      Head(3) + Path(kKey, 0) + Number(12 | 0x80000000) + Number(0) + Number(1796019252) + Number(0);
  EXPECT_THAT(ReadNinjaDeps(log), UnorderedElementsAre(Pair(kKey, 1796019252000000000)));
}

TEST(ReadNinjaDeps, WhatIsTornOrNoSuchLogEndsIt) {
  EXPECT_THAT(ReadNinjaDeps(""), IsEmpty());
  EXPECT_THAT(ReadNinjaDeps("# ninjadeps\n"), IsEmpty());
  EXPECT_THAT(ReadNinjaDeps(Head(5) + Path(kKey, 0) + Deps(0, 7)), IsEmpty());
  EXPECT_THAT(ReadNinjaDeps(Head(4) + Deps(0, 7)), IsEmpty()) << "of no path";
  const std::string log = Head(4) + Path(kKey, 0) + Deps(0, 7);
  for (size_t size = 0; size < log.size(); ++size) EXPECT_THAT(ReadNinjaDeps(log.substr(0, size)), IsEmpty());
  EXPECT_THAT(ReadNinjaDeps(log + "torn"), UnorderedElementsAre(Pair(kKey, 7)));
}

TEST(ReadNinjaDeps, AnyBytesAreRead) {
  std::mt19937 random(1);
  const std::string log = Head(4) + Path(kKey, 0) + Path(kFile, 1) + Deps(0, 7) + Deps(1, 9);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = log;
    for (int k = 0; k < 3; ++k) damaged[12 + random() % (damaged.size() - 12)] = static_cast<char>(random());
    ReadNinjaDeps(damaged);
  }
}

}  // namespace
}  // namespace kplan
