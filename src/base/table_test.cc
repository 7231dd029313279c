#include "src/base/table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::ElementsAre;

TEST(Table, ColumnsAreAsWideAsTheirWidestCellAndTwoBlanksApart) {
  EXPECT_EQ(TableText({{"name", "state", "why"}, {"a-long-name", "up", ""}, {"b", "down", "no disk"}}),
            "name         state  why\n"
            "a-long-name  up     \n"
            "b            down   no disk\n");
}

TEST(Table, TheLastCellOfARowIsAsWideAsItIs) {
  EXPECT_EQ(TableText({{"a", "very long"}, {"b", "c"}, {"d"}}), "a  very long\nb  c\nd\n");
}

TEST(Table, ARowMayHaveFewerCellsThanOthers) {
  EXPECT_EQ(TableText({{"longest"}, {"a", "b"}, {}}), "longest\na        b\n\n");
}

TEST(Table, EveryLineIsIndented) {
  EXPECT_THAT(TableLines({{"a", "b"}, {"cc", "d"}}, 4), ElementsAre("    a   b\n", "    cc  d\n"));
}

TEST(Table, WhatDecoratesACellTakesNoRoom) {
  auto second = [](size_t row, size_t column, const std::string& cell) {
    return column == 1 && row == 0 ? "<<" + cell + ">>" : cell;
  };
  EXPECT_EQ(TableText({{"a", "b", "c"}, {"a", "bbb", "c"}}, 0, second), "a  <<b>>    c\na  bbb  c\n");
}

TEST(Table, OfNothingIsNothing) { EXPECT_EQ(TableText({}, 2), ""); }

}  // namespace
}  // namespace kplan
