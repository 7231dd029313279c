#include "src/systemd/unit_rights.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

TEST(WhyMayNotManageUnits, OnlyRootMayWhereNobodyElseDecides) {
  for (bool polkit : {false, true}) {
    for (bool ours : {false, true}) {
      EXPECT_EQ(WhyMayNotManageUnits(0, polkit, ours), "");
      EXPECT_EQ(WhyMayNotManageUnits(1000, polkit, ours).empty(), polkit || !ours);
    }
  }
  EXPECT_THAT(WhyMayNotManageUnits(1000, false, true), testing::HasSubstr("user 1000 may not"));
}

}  // namespace
}  // namespace kplan
