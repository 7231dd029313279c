#include "src/base/natural_order.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace kplan {
namespace {

TEST(NaturalLess, CountsAsPeopleDo) {
  const std::vector<std::string> order = {
      "",       "0",       "1",      "01",      "2",        "10",     "010", "99999999999999999999999999",
      "A",      "a",       "a1",     "a1b",     "a1b2",     "a1b10",  "a2",  "a-1",
      "node-1", "node-01", "node-2", "node-10", "node-10a", "node-11"};
  std::vector<std::string> sorted = order;
  std::sort(sorted.begin(), sorted.end(), NaturalLess);
  EXPECT_THAT(std::vector<std::string>(sorted.end() - 6, sorted.end()),
              testing::ElementsAre("node-1", "node-01", "node-2", "node-10", "node-10a", "node-11"));
  EXPECT_TRUE(NaturalLess("99", "99999999999999999999999999"));
  EXPECT_TRUE(NaturalLess("a1b2", "a1b10"));
  EXPECT_FALSE(NaturalLess("a1b10", "a1b2"));
}

TEST(NaturalLess, IsAStrictTotalOrder) {
  std::vector<std::string> all = {""};
  for (size_t i = 0; i < all.size() && all[i].size() < 4; ++i) {
    for (const char* c : {"0", "1", "9", "-", "b"}) all.push_back(all[i] + c);
  }
  std::sort(all.begin(), all.end(), NaturalLess);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_FALSE(NaturalLess(all[i], all[i])) << all[i];
    if (i > 0) {
      EXPECT_TRUE(NaturalLess(all[i - 1], all[i])) << all[i - 1] << " " << all[i];
      EXPECT_FALSE(NaturalLess(all[i], all[i - 1])) << all[i - 1] << " " << all[i];
    }
    // Of three, too.
    for (size_t k = i + 1; k < all.size(); k += 97)
      EXPECT_TRUE(NaturalLess(all[i], all[k])) << all[i] << " " << all[k];
  }
}

}  // namespace
}  // namespace kplan
