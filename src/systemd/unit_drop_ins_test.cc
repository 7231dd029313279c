#include "src/systemd/unit_drop_ins.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kUnit[] = R"([Unit]
Description=etcd
[Service]
Type=notify
ExecStart=/usr/local/bin/etcd --name etcd-1
Environment=A=1 B=2
LimitNOFILE=65536
StateDirectory=%p
[Install]
WantedBy=multi-user.target
)";

// "PATH KEY: wanted -> got" of what TEXTS, the first as 1.conf, take away.
std::vector<std::string> Taken(const std::vector<std::string>& texts) {
  std::vector<DropIn> drop_ins;
  for (const std::string& text : texts)
    drop_ins.push_back({absl::StrCat(drop_ins.size() + 1, ".conf"), text});
  std::vector<std::string> lines;
  for (const DropInDifference& it : TakenByDropIns(kUnit, drop_ins))
    lines.push_back(absl::StrCat(it.path, " ", it.key, ": ", it.wanted, " -> ", it.got));
  return lines;
}

TEST(TakenByDropIns, WhatIsAddedIsNobodysLoss) {
  EXPECT_THAT(Taken({}), IsEmpty());
  EXPECT_THAT(Taken({"[Service]\nNice=5\nEnvironment=C=3\nExecStartPre=/bin/true\n"}), IsEmpty());
  EXPECT_THAT(Taken({"[Service]\nLimitNOFILE=65536\n"}), IsEmpty());
  EXPECT_THAT(Taken({"[Install]\nWantedBy=x.target\n", "# nothing\n"}), IsEmpty());
  EXPECT_THAT(Taken({"no unit at all"}), IsEmpty());
}

TEST(TakenByDropIns, SaysWhoTakesWhat) {
  EXPECT_THAT(Taken({"[Service]\nLimitNOFILE=7\n"}), ElementsAre("1.conf LimitNOFILE: 65536 -> 7"));
  EXPECT_THAT(Taken({"[Service]\nLimitNOFILE=7\n", "[Service]\nNice=1\n", "[Service]\nLimitNOFILE=8\n"}),
              ElementsAre("3.conf LimitNOFILE: 65536 -> 8"));
  EXPECT_THAT(Taken({"[Service]\nLimitNOFILE=7\n", "[Service]\nLimitNOFILE=65536\n"}), IsEmpty());
  EXPECT_THAT(Taken({"[Unit]\nDescription=mine\n[Service]\nType=simple\n"}),
              ElementsAre("1.conf Description: etcd -> mine", "1.conf Type: notify -> simple"));
}

TEST(TakenByDropIns, AListThatIsEmptiedFirst) {
  EXPECT_THAT(Taken({"[Service]\nExecStart=\nExecStart=/bin/other\n"}),
              ElementsAre(AllOf(HasSubstr("ExecStart: argv[]=/usr/local/bin/etcd --name etcd-1"),
                                HasSubstr("-> argv[]=/bin/other"))));
  EXPECT_THAT(Taken({"[Service]\nEnvironment=B=3\n"}),
              ElementsAre("1.conf Environment: A=1, B=2 -> A=1, B=3"));
  EXPECT_THAT(Taken({"[Service]\nLimitNOFILE=\n"}), ElementsAre("1.conf LimitNOFILE: 65536 -> "));
}

TEST(TakenByDropIns, WhatCannotBeToldIsLeftToSystemd) {
  EXPECT_THAT(Taken({"[Service]\nStateDirectory=other\nDescription=%n\n"}), IsEmpty());
}

class DropInsTest : public testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    const std::string full = absl::StrCat(root_, "/", path);
    ASSERT_TRUE(MakeFolders(FolderOf(full)).ok());
    ASSERT_TRUE(WriteScratchFile(full, text, 0644).ok());
  }
  std::vector<std::string> Texts(const std::string& name) {
    absl::StatusOr<std::vector<DropIn>> found = DropInsOf(root_, name);
    EXPECT_TRUE(found.ok()) << found.status();
    std::vector<std::string> texts;
    for (const DropIn& drop_in : found.value_or(std::vector<DropIn>())) texts.push_back(drop_in.text);
    return texts;
  }

  const std::string root_ =
      absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(DropInsTest, AreFoundInSystemdsOrder) {
  EXPECT_THAT(Texts("a-b-c"), IsEmpty());
  Put("etc/systemd/system/a-b-c.service.d/20.conf", "own");
  Put("usr/lib/systemd/system/service.d/10.conf", "all");
  Put("run/systemd/system/a-b-.service.d/30.conf", "prefix");
  Put("run/systemd/system/a-.service.d/15.conf", "shorter prefix");
  Put("etc/systemd/system/a-b.service.d/05.conf", "another's");
  Put("etc/systemd/system/a-b-c.service.d/05.conf~", "no .conf");
  EXPECT_THAT(Texts("a-b-c"), ElementsAre("all", "shorter prefix", "own", "prefix"));
}

TEST_F(DropInsTest, OfTheSameNameTheStrongestCounts) {
  Put("usr/lib/systemd/system/etcd.service.d/x.conf", "vendor");
  Put("run/systemd/system/etcd.service.d/x.conf", "runtime");
  EXPECT_THAT(Texts("etcd"), ElementsAre("runtime"));
  Put("etc/systemd/system/etcd.service.d/x.conf", "admin");
  EXPECT_THAT(Texts("etcd"), ElementsAre("admin"));
  Put("etc/systemd/system.control/service.d/x.conf", "of all services");
  EXPECT_THAT(Texts("etcd"), ElementsAre("admin"));
  const std::string path = absl::StrCat(root_, "/etc/systemd/system/etcd.service.d/x.conf");
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(symlink("/dev/null", path.c_str()), 0);
  EXPECT_THAT(Texts("etcd"), IsEmpty());
}

TEST_F(DropInsTest, TheErrorNamesFileAndRemedy) {
  EXPECT_TRUE(CheckDropIns(root_, "etcd", kUnit).ok());
  Put("etc/systemd/system/etcd.service.d/x.conf", "[Service]\nLimitNOFILE=7\n");
  EXPECT_THAT(CheckDropIns(root_, "etcd", kUnit).message(),
              AllOf(HasSubstr("LimitNOFILE: wanted 65536"), HasSubstr("got    7"),
                    HasSubstr("etc/systemd/system/etcd.service.d/x.conf"), HasSubstr("remove it there")));
}

}  // namespace
}  // namespace kplan
