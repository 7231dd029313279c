#include "src/steps/files/placement.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using Place = PlacementFacts::Place;
using Waiting = PlacementFacts::Waiting;
using Service = PlacementFacts::Service;

std::vector<PlacementFacts> AllFacts() {
  std::vector<PlacementFacts> all;
  for (const Place place : {Place::kMissing, Place::kOther, Place::kAttributes, Place::kRight}) {
    for (const Waiting waiting : {Waiting::kNothing, Waiting::kOther, Waiting::kRight}) {
      for (const Service service :
           {Service::kStopped, Service::kStartedWithThis, Service::kStartedWithAnother}) {
        for (const bool program : {false, true}) {
          for (const bool waits_for : {false, true})
            all.push_back({place, waiting, program, waits_for, service});
        }
      }
    }
  }
  return all;
}

// As words: "write", "wait", "leave", and "take away" before it.
std::string Decide(const PlacementFacts& facts) {
  const Placement placement = DecidePlacement(facts);
  const char* const where[] = {"leave", "write", "wait"};
  return std::string(placement.take_away ? "take away, " : "") + where[placement.where];
}

// What each situation comes to, one by one: the rows of place, the columns of what waits; then for whom.
TEST(Placement, EverySituation) {
  const struct {
    Place place;
    bool program;
    // Nothing, another content, this content waits.
    const char *of_nobody[3], *stopped[3], *with_this[3], *with_another[3];
  } rows[] = {
      {Place::kRight,
       false,
       {"leave", "take away, leave", "take away, leave"},
       {"leave", "take away, leave", "take away, leave"},
       {"leave", "take away, leave", "take away, leave"},
       {"leave", "take away, leave", "take away, leave"}},
      {Place::kAttributes,
       false,
       {"write", "take away, write", "take away, write"},
       {"write", "take away, write", "take away, write"},
       {"write", "take away, write", "take away, write"},
       {"write", "take away, write", "take away, write"}},
      {Place::kOther,
       false,
       {"write", "take away, write", "take away, write"},
       {"write", "take away, write", "leave"},
       {"write", "take away, write", "leave"},
       {"wait", "wait", "leave"}},
      {Place::kMissing,
       false,
       {"write", "take away, write", "take away, write"},
       {"write", "take away, write", "leave"},
       {"write", "take away, write", "leave"},
       {"wait", "wait", "leave"}},
      {Place::kMissing,
       true,
       {"write", "take away, write", "take away, write"},
       {"write", "take away, write", "leave"},
       {"write", "take away, write", "leave"},
       {"write", "take away, write", "leave"}},
  };
  const Waiting waitings[] = {Waiting::kNothing, Waiting::kOther, Waiting::kRight};
  size_t asked = 0;
  for (const auto& row : rows) {
    for (size_t i = 0; i < 3; ++i) {
      SCOPED_TRACE(testing::Message() << "place " << static_cast<int>(row.place) << ", waiting " << i);
      const auto decide = [&](bool waits_for, Service service) {
        ++asked;
        return Decide({row.place, waitings[i], row.program, waits_for, service});
      };
      for (const Service any : {Service::kStopped, Service::kStartedWithThis, Service::kStartedWithAnother})
        EXPECT_EQ(decide(false, any), row.of_nobody[i]);
      EXPECT_EQ(decide(true, Service::kStopped), row.stopped[i]);
      EXPECT_EQ(decide(true, Service::kStartedWithThis), row.with_this[i]);
      EXPECT_EQ(decide(true, Service::kStartedWithAnother), row.with_another[i]);
    }
  }
  EXPECT_EQ(asked, 5 * 3 * 6u);
}

// What has to be true of all of them, whatever the table says.
TEST(Placement, WhatIsAlwaysTrue) {
  for (PlacementFacts facts : AllFacts()) {
    SCOPED_TRACE(testing::Message() << "place " << static_cast<int>(facts.place) << ", waiting "
                                    << static_cast<int>(facts.waiting) << ", service "
                                    << static_cast<int>(facts.service) << ", program " << facts.program
                                    << ", waits_for " << facts.waits_for);
    const Placement placement = DecidePlacement(facts);
    const bool something_waits = facts.waiting != Waiting::kNothing;
    if (placement.take_away) {
      EXPECT_TRUE(something_waits) << "there is nothing to take away";
      EXPECT_NE(placement.where, Placement::kWait) << "the new one takes its place";
    }
    // Nothing waits without somebody who comes to it, nor for nothing.
    const bool waits_after = placement.where == Placement::kWait || (something_waits && !placement.take_away);
    EXPECT_TRUE(!waits_after || facts.waits_for);
    EXPECT_TRUE(!waits_after || facts.place != Place::kRight);
    // A content that runs with nobody is never put in place under somebody who runs.
    const bool changes = facts.place == Place::kMissing || facts.place == Place::kOther;
    if (facts.waits_for && changes && facts.service == Service::kStartedWithAnother) {
      EXPECT_TRUE(placement.where != Placement::kWrite || (facts.program && facts.place == Place::kMissing));
    }
    // Doing it again does nothing.
    PlacementFacts after = facts;
    if (placement.where == Placement::kWrite) after.place = Place::kRight;
    if (placement.where == Placement::kWait) after.waiting = Waiting::kRight;
    if (placement.take_away) after.waiting = Waiting::kNothing;
    EXPECT_EQ(Decide(after), "leave");
    // The service is asked where its answer matters, and nowhere else.
    bool matters = false;
    for (const Service other : {Service::kStopped, Service::kStartedWithThis, Service::kStartedWithAnother}) {
      PlacementFacts asked = facts;
      asked.service = other;
      matters = matters || Decide(asked) != Decide(facts);
    }
    EXPECT_EQ(facts.ServiceMatters(), matters);
  }
}

}  // namespace
}  // namespace kplan
