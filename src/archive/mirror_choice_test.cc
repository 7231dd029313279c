#include "src/archive/mirror_choice.h"

#include <signal.h>

#include <vector>

#include "gtest/gtest.h"

namespace kplan {
namespace {

constexpr Tried kAll[] = {Tried::kRight,        Tried::kOther,       Tried::kTooLarge,
                          Tried::kCannotResume, Tried::kMissing,     Tried::kNotAllowed,
                          Tried::kRefused,      Tried::kUnavailable, Tried::kHere};

// Every one of the 36 cases, in words.
TEST(MirrorChoice, WhatIsTriedNext) {
  for (Tried tried : kAll) {
    for (bool resumed : {false, true}) {
      for (bool is_last : {false, true}) {
        const Next next = AfterTry(tried, resumed, is_last);
        const int number = static_cast<int>(tried);
        // Only the right file ends it well, and it always does.
        EXPECT_EQ(next == Next::kDone, tried == Tried::kRight) << number;
        // The last one has none behind it.
        if (is_last) {
          EXPECT_NE(next, Next::kNextMirror) << number;
          EXPECT_NE(next, Next::kNextFromStart) << number;
        }
        // Nobody gives up while there is somebody to ask, but for what is wrong here.
        EXPECT_TRUE(next != Next::kGiveUp || is_last || tried == Tried::kHere) << number;
        // The same one again: only when what was there was to be continued, so never twice.
        EXPECT_TRUE(next != Next::kSameFromStart || resumed) << number;
      }
    }
  }
}

TEST(MirrorChoice, WhatIsThereIsKeptUnlessItIsWrong) {
  for (Tried tried : {Tried::kMissing, Tried::kNotAllowed, Tried::kRefused, Tried::kUnavailable}) {
    for (bool resumed : {false, true}) {
      EXPECT_EQ(AfterTry(tried, resumed, false), Next::kNextMirror);
      EXPECT_EQ(AfterTry(tried, resumed, true), Next::kGiveUp);
    }
  }
  for (Tried tried : {Tried::kOther, Tried::kTooLarge, Tried::kCannotResume}) {
    for (bool is_last : {false, true}) EXPECT_EQ(AfterTry(tried, true, is_last), Next::kSameFromStart);
    EXPECT_EQ(AfterTry(tried, false, false), Next::kNextFromStart);
    EXPECT_EQ(AfterTry(tried, false, true), Next::kGiveUp);
  }
  for (bool resumed : {false, true}) {
    for (bool is_last : {false, true}) EXPECT_EQ(AfterTry(Tried::kHere, resumed, is_last), Next::kGiveUp);
  }
}

// Whatever the servers do, it comes to an end: each is asked at most twice.
TEST(MirrorChoice, ItEnds) {
  for (Tried first : kAll) {
    for (Tried second : kAll) {
      int asked = 0;
      bool resumed = true;
      for (size_t mirror = 0; mirror < 2;) {
        ASSERT_LE(++asked, 4);
        const Next next = AfterTry(mirror == 0 ? first : second, resumed, mirror == 1);
        if (next == Next::kDone || next == Next::kGiveUp) break;
        if (next == Next::kSameFromStart || next == Next::kNextFromStart) resumed = false;
        if (next != Next::kSameFromStart) ++mirror;
      }
    }
  }
}

TEST(MirrorChoice, WhatCurlDid) {
  struct Case {
    int exit_code, http_status;
    Tried tried;
  };
  for (const Case& each : std::vector<Case>{{0, 200, Tried::kRight},
                                            {0, 206, Tried::kRight},
                                            {22, 404, Tried::kMissing},
                                            {22, 410, Tried::kMissing},
                                            {22, 401, Tried::kNotAllowed},
                                            {22, 403, Tried::kNotAllowed},
                                            {22, 416, Tried::kCannotResume},
                                            {22, 400, Tried::kRefused},
                                            {22, 0, Tried::kRefused},
                                            {22, 408, Tried::kUnavailable},
                                            {22, 429, Tried::kUnavailable},
                                            {22, 500, Tried::kUnavailable},
                                            {22, 503, Tried::kUnavailable},
                                            {1, 302, Tried::kRefused},
                                            {47, 302, Tried::kRefused},
                                            {33, 200, Tried::kCannotResume},
                                            {36, 200, Tried::kCannotResume},
                                            {63, 200, Tried::kTooLarge},
                                            {128 + SIGXFSZ, 200, Tried::kTooLarge},
                                            {2, 0, Tried::kHere},
                                            {23, 200, Tried::kHere},
                                            {77, 0, Tried::kHere},
                                            {5, 0, Tried::kUnavailable},
                                            {6, 0, Tried::kUnavailable},
                                            {7, 0, Tried::kUnavailable},
                                            {18, 200, Tried::kUnavailable},
                                            {28, 0, Tried::kUnavailable},
                                            {35, 0, Tried::kUnavailable},
                                            {52, 0, Tried::kUnavailable},
                                            {56, 407, Tried::kUnavailable},
                                            {60, 0, Tried::kUnavailable},
                                            {128 + SIGTERM, 0, Tried::kUnavailable}}) {
    EXPECT_EQ(WhatCurlDid(each.exit_code, each.http_status), each.tried)
        << each.exit_code << " " << each.http_status;
  }
}

}  // namespace
}  // namespace kplan
