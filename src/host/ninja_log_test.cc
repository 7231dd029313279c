#include "src/host/ninja_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

using ::testing::Optional;

constexpr char kHeader[] = "# ninja log v5\n";

std::string Line(int time, absl::string_view output) {
  return absl::StrCat(time, "\t", time + 1, "\t17", time, "\t", output, "\tabc\n");
}

// RUNS runs over OUTPUTS outputs each, and a line for gen before each.
std::string Log(int runs, int outputs) {
  std::string out = kHeader;
  for (int run = 0; run < runs; ++run) {
    out += Line(run, ".kplan/gen.stamp");
    for (int output = 0; output < outputs; ++output) out += Line(run, absl::StrCat("stamp-", output));
  }
  return out;
}

TEST(ShortNinjaLog, KeepsTheLastLineOfEachOutput) {
  EXPECT_THAT(ShortNinjaLog(Log(20, 2)),
              Optional(kHeader + Line(19, ".kplan/gen.stamp") + Line(19, "stamp-0") + Line(19, "stamp-1")));
  const std::string text = kHeader + Line(0, "old") + Log(30, 1).substr(sizeof(kHeader) - 1);
  EXPECT_THAT(ShortNinjaLog(text),
              Optional(kHeader + Line(0, "old") + Line(29, ".kplan/gen.stamp") + Line(29, "stamp-0")));
}

TEST(ShortNinjaLog, WhatIsShortStays) {
  EXPECT_FALSE(ShortNinjaLog("").has_value());
  EXPECT_FALSE(ShortNinjaLog(kHeader).has_value());
  EXPECT_FALSE(ShortNinjaLog(Log(3, 15)).has_value()) << "49 lines";
  EXPECT_FALSE(ShortNinjaLog(Log(1, 500)).has_value()) << "one line an output";
}

TEST(ShortNinjaLog, TornAndForeignLinesAreLeftOut) {
  const std::string expected = *ShortNinjaLog(Log(40, 1));
  EXPECT_THAT(ShortNinjaLog(Log(40, 1) + "40\t41\t1"), Optional(expected));
  EXPECT_THAT(ShortNinjaLog(Log(40, 1) + "1\t2\n" + std::string("\0\xff\n", 3)), Optional(expected));
  EXPECT_THAT(ShortNinjaLog(Log(40, 1) + kHeader), Optional(expected)) << "two that began it at once";
  std::string later = Log(40, 1);
  later[sizeof("# ninja log v") - 1] = '9';
  EXPECT_FALSE(ShortNinjaLog(later).has_value()) << "a version that nobody knows yet";
}

// Ninja's own rule (its BuildLog): more than 100 lines, and more than three an output.
TEST(ShortNinjaLog, NinjaNeverFindsAReason) {
  for (int outputs : {0, 1, 2, 10, 32, 33, 34, 49, 50, 51, 99, 100, 101, 1000}) {
    std::string log = kHeader;
    for (int run = 0; run < 40; ++run) {
      log = ShortNinjaLog(log).value_or(log);
      // A ninja that reads build.ninja anew looks twice.
      log += Line(run, ".kplan/gen.stamp") + Line(run, ".kplan/gen.stamp");
      for (int output = 0; output < outputs; ++output) log += Line(run, absl::StrCat("stamp-", output));
      const long lines = std::count(log.begin(), log.end(), '\n') - 1;
      EXPECT_FALSE(lines > 100 && lines > 3 * (outputs + 1)) << outputs << " outputs, run " << run;
    }
  }
}

TEST(ShortenNinjaLog, InPlace) {
  std::string folder = ::testing::TempDir() + "/ninja_log_XXXXXX";
  ASSERT_NE(mkdtemp(&folder[0]), nullptr);
  ASSERT_EQ(chdir(folder.c_str()), 0);
  EXPECT_TRUE(ShortenNinjaLog().ok()) << "there is none";
  const std::string log = Log(40, 3);
  ASSERT_TRUE(WriteFile(paths::kNinjaLog, log, 0644).ok());
  // As a ninja that has it open already.
  FILE* ninja = fopen(paths::kNinjaLog, "ab");
  ASSERT_NE(ninja, nullptr);
  ASSERT_TRUE(ShortenNinjaLog().ok());
  fputs("more\n", ninja);
  fclose(ninja);
  EXPECT_EQ(*ReadFile(paths::kNinjaLog), *ShortNinjaLog(log) + "more\n");
}

}  // namespace
}  // namespace kplan
