#include "src/host/waiting_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WaitingFileTest : public StepTest {};

TEST_F(WaitingFileTest, TheNameIsBesideThePlaceAndHidden) {
  EXPECT_EQ(WaitingPath("/etc/etcd/ca.pem"), "/etc/etcd/.ca.pem.kplan-next");
  EXPECT_EQ(WaitingPath("ca.pem"), ".ca.pem.kplan-next");
  EXPECT_TRUE(IsWaitingPath("./h1/etc/.ca.pem.kplan-next"));
  EXPECT_TRUE(IsWaitingPath(".ca.pem.kplan-next"));
  EXPECT_FALSE(IsWaitingPath("/etc/ca.pem.kplan-next"));
  EXPECT_FALSE(IsWaitingPath("/etc/.hidden/ca.pem"));
  EXPECT_FALSE(IsWaitingPath("/etc/ca.pem"));
}

TEST_F(WaitingFileTest, IsPutInPlaceOnce) {
  Write("h/etc/x", "old");
  Write("h/etc/.x.kplan-next", "new", 0600);
  EXPECT_THAT(PathsWithWaiting("h", {"/etc/y", "/etc/x", "/etc/x"}), ElementsAre("/etc/x"));
  EXPECT_TRUE(PutWaitingInPlace("h", "/etc/x").ok());
  EXPECT_EQ(Read("h/etc/x"), "new");
  EXPECT_EQ(ModeOf("h/etc/x"), 0600u);
  EXPECT_THAT(List("h/etc"), ElementsAre("x"));
  EXPECT_FALSE(HasWaiting("h", "/etc/x"));
  // A run that was killed may have done it.
  EXPECT_TRUE(PutWaitingInPlace("h", "/etc/x").ok());
  EXPECT_TRUE(PutWaitingInPlace("h", "/no/folder").ok());
  EXPECT_EQ(Read("h/etc/x"), "new");
}

TEST_F(WaitingFileTest, IsTakenAwayOnce) {
  Write("h/etc/x", "old");
  Write("h/etc/.x.kplan-next", "new");
  EXPECT_TRUE(RemoveWaiting("h", "/etc/x").ok());
  EXPECT_THAT(List("h/etc"), ElementsAre("x"));
  EXPECT_EQ(Read("h/etc/x"), "old");
  EXPECT_TRUE(RemoveWaiting("h", "/etc/x").ok());
  EXPECT_TRUE(RemoveWaiting("h", "/no/folder").ok());
}

TEST_F(WaitingFileTest, OnlyAFileWaitsAndNoLinkIsFollowed) {
  Write("victim/x", "precious");
  Write("h/etc/x", "old");
  ASSERT_EQ(symlink("../../victim/x", "h/etc/.x.kplan-next"), 0);
  EXPECT_FALSE(HasWaiting("h", "/etc/x"));
  Write("victim/.x.kplan-next", "of somebody else");
  ASSERT_EQ(symlink("../victim", "h/link"), 0);
  EXPECT_THAT(std::string(PutWaitingInPlace("h", "/link/x").message()), HasSubstr("link"));
  EXPECT_THAT(std::string(RemoveWaiting("h", "/link/x").message()), HasSubstr("link"));
  EXPECT_EQ(Read("victim/x"), "precious");
  EXPECT_EQ(Read("victim/.x.kplan-next"), "of somebody else");
  EXPECT_FALSE(PutWaitingInPlace("h", "relative").ok());
}

}  // namespace
}  // namespace kplan
