#include "src/base/wipe.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(WipeAtEndTest, WipesWhatIsInTheBuffer) {
  for (size_t size : {size_t{1}, size_t{15}, size_t{16}, size_t{100'000}}) {
    std::string buffer(size, 'k');
    { WipeAtEnd wipe(&buffer); }
    EXPECT_EQ(buffer, std::string(size, '\0'));
  }
}

}  // namespace
}  // namespace kplan
