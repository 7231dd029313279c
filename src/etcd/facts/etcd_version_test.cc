#include "src/etcd/facts/etcd_version.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(ParseEtcdVersion, WantsThreeNumbers) {
  EtcdVersion version;
  ASSERT_TRUE(ParseEtcdVersion("3.4.15", &version));
  EXPECT_EQ(version.patch, 15);
  for (const char* bad :
       {"", "3", "3.4", "3.4.15.1", "v3.4.15", "3.4.x", "3.04.1", "3..1", "3.4.-1", "3.4.15 "}) {
    EXPECT_FALSE(ParseEtcdVersion(bad, &version)) << bad;
  }
}

}  // namespace
}  // namespace kplan
