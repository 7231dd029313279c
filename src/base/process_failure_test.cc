#include "src/base/process_failure.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

std::string Failure(int exit_code, const std::string& out, const std::string& err, bool timed_out = false) {
  RunResult result;
  result.exit_code = exit_code;
  result.out = out;
  result.err = err;
  result.timed_out = timed_out;
  return FailureOf(result);
}

TEST(ProcessFailureTest, WhatItSaidAndElseHowItEnded) {
  EXPECT_EQ(Failure(1, "progress\n", "no such unit\n"), "no such unit");
  EXPECT_EQ(Failure(1, "no such unit\n", " \n"), "no such unit");
  EXPECT_EQ(Failure(3, "", ""), "it said nothing, exit 3");
  EXPECT_EQ(Failure(137, "", ""), "it was killed by signal 9");
  EXPECT_EQ(Failure(143, "", "", true), "it did not end in time");
}

TEST(ProcessFailureTest, OfRealPrograms) {
  EXPECT_EQ(FailureOf(*kplan::Run({"false"})), "it said nothing, exit 1");
  EXPECT_EQ(FailureOf(*kplan::Run({"sh", "-c", "kill -9 $$"})), "it was killed by signal 9");
}

}  // namespace
}  // namespace kplan
