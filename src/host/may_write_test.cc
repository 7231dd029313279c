#include "src/host/may_write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

constexpr uid_t kMe = 3000001, kOther = 3000002;

std::string Why(WriteDeed deed, const WriteSight& sight, const WriteRights& rights,
                const std::optional<HostOwner>& owner = std::nullopt, bool changes_owner = false) {
  return WhyMayNotWrite(deed, sight, rights, owner, changes_owner);
}

// Every deed, in every kind of folder, by everybody: what the kernel would say (path_resolution(7),
// rename(2), chmod(2), chown(2)).
TEST(WhyMayNotWrite, IsWhatTheKernelWouldSay) {
  for (WriteDeed deed : {WriteDeed::kReplace, WriteDeed::kMake, WriteDeed::kSet}) {
    for (int bits = 0; bits < 64; ++bits) {
      const bool root = bits & 1, writable = bits & 2, sticky = bits & 4, mine = bits & 8, there = bits & 16,
                 its_mine = bits & 32;
      WriteSight sight;
      sight.folder = "/etc";
      sight.folder_owner = mine ? kMe : kOther;
      sight.writable = root || writable;
      sight.sticky = sticky;
      if (there) sight.there = its_mine ? kMe : kOther;
      WriteRights rights;
      rights.user = kMe;
      rights.as_owner = rights.gives_away = root;
      const bool others = there && !its_mine;
      bool allowed = true;
      if (!root && deed == WriteDeed::kSet) allowed = !others;
      // A folder of one's own can be opened.
      if (!root && deed != WriteDeed::kSet) allowed = (writable || mine) && !(sticky && others && !mine);
      EXPECT_EQ(Why(deed, sight, rights).empty(), allowed) << static_cast<int>(deed) << " " << bits;
    }
  }
}

TEST(WhyMayNotWrite, NobodyGivesAwayButRoot) {
  WriteSight sight;
  sight.folder = "/etc";
  WriteRights me, root;
  me.user = kMe;
  me.group = kMe;
  me.groups = {50};
  root.gives_away = root.as_owner = true;
  const HostOwner to_me = {kMe, kMe}, to_my_group = {kMe, 50}, to_its_group = {kMe, 51},
                  to_other = {kOther, kOther};
  EXPECT_EQ(Why(WriteDeed::kReplace, sight, me, to_me), "");
  EXPECT_EQ(Why(WriteDeed::kReplace, sight, me, to_my_group), "");
  EXPECT_EQ(Why(WriteDeed::kReplace, sight, me, to_its_group), "user 3000001 may give nothing to 3000001:51");
  EXPECT_EQ(Why(WriteDeed::kMake, sight, me, to_other), "user 3000001 may give nothing to 3000002:3000002");
  EXPECT_EQ(Why(WriteDeed::kMake, sight, root, to_other), "");
  // Of what is there already, and is theirs, only the mode is set.
  sight.there = kMe;
  EXPECT_EQ(Why(WriteDeed::kSet, sight, me, to_other, /*changes_owner=*/false), "");
  EXPECT_EQ(Why(WriteDeed::kSet, sight, me, to_other, /*changes_owner=*/true),
            "user 3000001 may give nothing to 3000002:3000002");
}

TEST(WhyMayNotWrite, SaysWhereAndWhose) {
  WriteSight sight;
  sight.folder = "/etc";
  sight.writable = false;
  WriteRights me;
  me.user = kMe;
  EXPECT_EQ(Why(WriteDeed::kReplace, sight, me), "user 3000001 may not write to /etc, a folder of root");
  sight.writable = sight.sticky = true;
  sight.there = 0;
  EXPECT_EQ(Why(WriteDeed::kReplace, sight, me), "user 3000001 may not replace what belongs to root in /etc");
  EXPECT_EQ(Why(WriteDeed::kSet, sight, me), "user 3000001 may not change what belongs to root");
  sight.read_only = true;
  EXPECT_EQ(Why(WriteDeed::kSet, sight, me), "/etc: Read-only file system");
}

class CheckMayWriteTest : public StepTest {};

TEST_F(CheckMayWriteTest, LooksAtTheNearestFolderThatIsThere) {
  mkdir("rootfs", 0755);
  EXPECT_TRUE(CheckMayWrite(WriteDeed::kReplace, "rootfs", "/etc/etcd/ca.pem", std::nullopt).ok());
  EXPECT_TRUE(CheckMayWrite(WriteDeed::kMake, "not/there", "/etc/etcd", std::nullopt).ok());
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const absl::Status status = CheckMayWrite(WriteDeed::kReplace, "/", "/etc/kplan-test/x", std::nullopt);
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("may not write to /etc, a folder of root"));
}

}  // namespace
}  // namespace kplan
