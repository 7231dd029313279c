#include "src/systemd/unit_files.h"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(DropInFolders, ByTheNameAndItsPrefixesAndTheType) {
  EXPECT_THAT(DropInFolders("etcd.service"), ElementsAre("etcd.service.d", "service.d"));
  EXPECT_THAT(DropInFolders("a-b-c.socket"),
              ElementsAre("a-b-c.socket.d", "a-b-.socket.d", "a-.socket.d", "socket.d"));
  EXPECT_THAT(DropInFolders("a-b@x.service"),
              ElementsAre("a-b@x.service.d", "a-b@.service.d", "a-.service.d", "service.d"));
}

class UnitFilesTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(root_); }

  std::string Path(const std::string& path) const { return absl::StrCat(root_, "/", path); }
  void Put(const std::string& path, const std::string& text = "[Unit]\n") {
    ASSERT_TRUE(MakeFolders(FolderOf(Path(path))).ok());
    ASSERT_TRUE(WriteScratchFile(Path(path), text, 0644).ok());
  }
  void Link(const std::string& to, const std::string& path) {
    ASSERT_TRUE(MakeFolders(FolderOf(Path(path))).ok());
    ASSERT_EQ(symlink(to.c_str(), Path(path).c_str()), 0);
  }
  bool Other(const std::string& fragment, const std::string& name = "etcd.service") {
    return HasOtherFragment(root_, name, fragment);
  }

  const std::string root_ =
      absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string in_etc_ = Path("etc/systemd/system/etcd.service");
  const std::string in_lib_ = Path("usr/lib/systemd/system/etcd.service");
};

TEST_F(UnitFilesTest, AStrongerFileIsAnotherOne) {
  EXPECT_FALSE(Other("")) << "there is none";
  Put("usr/lib/systemd/system/etcd.service");
  EXPECT_FALSE(Other(in_lib_));
  EXPECT_TRUE(Other("")) << "systemd has looked before it was there";
  Put("etc/systemd/system/etcd.service");
  EXPECT_TRUE(Other(in_lib_));
  EXPECT_FALSE(Other(in_etc_));
  Put("run/systemd/system/etcd.service");
  EXPECT_FALSE(Other(in_etc_)) << "/etc is stronger than /run";
  Put("etc/systemd/system.control/etcd.service");
  EXPECT_TRUE(Other(in_etc_));
}

TEST_F(UnitFilesTest, AWeakerOneIsLeftWhenAStrongerIsGone) {
  Put("usr/lib/systemd/system/etcd.service");
  EXPECT_TRUE(Other(in_etc_));
}

TEST_F(UnitFilesTest, TheSameFileMayHaveTwoNames) {
  Put("usr/lib/systemd/system/etcd.service");
  Link("usr/lib", "lib");
  EXPECT_FALSE(Other(Path("lib/systemd/system/etcd.service")));
}

TEST_F(UnitFilesTest, ALinkIsNotJudged) {
  Put("usr/lib/systemd/system/other.service");
  Link("/usr/lib/systemd/system/other.service", "etc/systemd/system/etcd.service");
  EXPECT_FALSE(Other(Path("usr/lib/systemd/system/other.service")));
}

TEST_F(UnitFilesTest, AnInstanceHasItsTemplatesFile) {
  Put("usr/lib/systemd/system/worker@.service");
  const std::string in_lib = Path("usr/lib/systemd/system/worker@.service");
  EXPECT_FALSE(Other(in_lib, "worker@a.service"));
  Put("etc/systemd/system/worker@.service");
  EXPECT_TRUE(Other(in_lib, "worker@a.service"));
  EXPECT_FALSE(Other(Path("etc/systemd/system/worker@.service"), "worker@a.service"));
}

TEST_F(UnitFilesTest, OfAnyTypeOfUnit) {
  for (const char* name : {"x.socket", "x.timer", "x.mount", "x.path"}) {
    Put(absl::StrCat("lib/systemd/system/", name));
    Put(absl::StrCat("etc/systemd/system/", name));
    EXPECT_TRUE(Other(Path(absl::StrCat("lib/systemd/system/", name)), name)) << name;
  }
}

TEST_F(UnitFilesTest, ADropInThatSystemdHasNotRead) {
  EXPECT_FALSE(HasOtherDropIns(root_, "a-b.socket", {}));
  for (const char* folder : {"a-b.socket.d", "a-.socket.d", "socket.d"}) {
    for (const char* where : {"etc", "run"}) {
      std::filesystem::remove_all(root_);
      const std::string file = absl::StrCat(where, "/systemd/system/", folder, "/x.conf");
      Put(file);
      EXPECT_TRUE(HasOtherDropIns(root_, "a-b.socket", {})) << file;
      EXPECT_FALSE(HasOtherDropIns(root_, "a-b.socket", {Path(file)})) << file;
      EXPECT_EQ(HasOtherDropIns(root_, "c.socket", {}), absl::string_view(folder) == "socket.d") << file;
    }
  }
}

TEST_F(UnitFilesTest, ADropInThatIsGone) {
  Put("etc/systemd/system/etcd.service.d/x.conf");
  const std::vector<std::string> read = {Path("etc/systemd/system/etcd.service.d/x.conf"),
                                         Path("etc/systemd/system/etcd.service.d/y.conf")};
  EXPECT_TRUE(HasOtherDropIns(root_, "etcd.service", read));
  Put("etc/systemd/system/etcd.service.d/y.conf");
  EXPECT_FALSE(HasOtherDropIns(root_, "etcd.service", read));
}

TEST_F(UnitFilesTest, AMaskSaysHowItIsTakenBack) {
  EXPECT_EQ(CheckNotMasked(root_, "etcd.service"), absl::OkStatus());
  Put("usr/lib/systemd/system/etcd.service");
  Link("/dev/null", "run/systemd/system/etcd.service");
  EXPECT_THAT(std::string(CheckNotMasked(root_, "etcd.service").message()),
              AllOf(HasSubstr("etcd.service is masked"),
                    HasSubstr("`systemctl unmask --runtime etcd.service` first")));
  Link("/dev/null", "etc/systemd/system/etcd.service");
  EXPECT_THAT(std::string(CheckPlaceNotMasked(root_, "/etc/systemd/system/etcd.service").message()),
              HasSubstr("`systemctl unmask etcd.service` first"));
  EXPECT_EQ(CheckPlaceNotMasked(root_, "/etc/systemd/system/etcd.service.d/x.conf"), absl::OkStatus());
  EXPECT_EQ(CheckPlaceNotMasked(root_, "/etc/etcd/ca.pem"), absl::OkStatus());
}

}  // namespace
}  // namespace kplan
