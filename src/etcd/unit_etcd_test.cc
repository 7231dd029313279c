#include "src/etcd/unit_etcd.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Case {
  std::vector<std::string> argv, environment;
  std::string folder, config, data;
};

TEST(UnitEtcd, TheDataIsWhereEtcdKeepsIt) {
  const std::vector<Case> cases = {
      {{"etcd"}, {}, "/", "", "/default.etcd"},
      {{"etcd", "--name", "x"}, {}, "/srv", "", "/srv/x.etcd"},
      {{"etcd"}, {"ETCD_NAME=y"}, "/srv", "", "/srv/y.etcd"},
      {{"etcd", "--name=x"}, {"ETCD_NAME=y"}, "/srv", "", "/srv/x.etcd"},
      {{"etcd"}, {"ETCD_DATA_DIR=/var/lib/etcd/default"}, "/", "", "/var/lib/etcd/default"},
      {{"etcd", "--data-dir", "/a"}, {"ETCD_DATA_DIR=/b"}, "/", "", "/a"},
      {{"etcd", "-data-dir=/a"}, {}, "/", "", "/a"},
      {{"etcd", "--data-dir=/a", "--data-dir=/c"}, {}, "/", "", "/c"},
      {{"etcd", "--data-dir=here"}, {}, "/srv", "", "/srv/here"},
      {{"etcd", "--data-directory=/a"}, {}, "/", "", "/default.etcd"},
      {{"--data-dir=/a"}, {}, "/", "", "/default.etcd"},
      {{"etcd", "--data-dir"}, {}, "/", "", "/default.etcd"},
      // With a file neither counts.
      {{"etcd", "--data-dir=/a"}, {"ETCD_DATA_DIR=/b"}, "/", "name: z\ndata-dir: /f # here\n", "/f"},
      {{"etcd"}, {}, "/srv", "# data-dir: /no\n  data-dir: /no\nname: 'z'\n", "/srv/z.etcd"},
      {{"etcd"}, {}, "/srv", "data-dir: \"/q\"\n", "/q"},
  };
  for (const Case& it : cases)
    EXPECT_EQ(EtcdDataFolder(it.argv, it.environment, it.folder, it.config), it.data) << it.data;
}

TEST(UnitEtcd, TheLogIsWhereEtcdKeepsIt) {
  EXPECT_EQ(EtcdWalFolder({"etcd", "--data-dir=/a"}, {}, "/", ""), "");
  EXPECT_EQ(EtcdWalFolder({"etcd", "--wal-dir=/w"}, {"ETCD_WAL_DIR=/x"}, "/", ""), "/w");
  EXPECT_EQ(EtcdWalFolder({"etcd"}, {"ETCD_WAL_DIR=w"}, "/srv", ""), "/srv/w");
  EXPECT_EQ(EtcdWalFolder({"etcd", "--wal-dir=/w"}, {}, "/", "data-dir: /f\n"), "");
  EXPECT_EQ(EtcdWalFolder({"etcd"}, {}, "/", "wal-dir: /f\n"), "/f");
  EXPECT_EQ(LogOf("/a", ""), "/a/member/wal");
  EXPECT_EQ(LogOf("/a", "/w"), "/w");
}

TEST(UnitEtcd, AFileOfSettingsIsFound) {
  EXPECT_EQ(EtcdConfigFile({"etcd", "--config-file=/etc/etcd.yml"}, {}), "/etc/etcd.yml");
  EXPECT_EQ(EtcdConfigFile({"etcd"}, {"ETCD_CONFIG_FILE=/etc/etcd.yml"}), "/etc/etcd.yml");
  EXPECT_EQ(EtcdConfigFile({"etcd"}, {"ETCD_CONFIG_FILES=x"}), "");
}

UnitEtcd Strangers() {
  return {"`/usr/bin/etcd` (unit /lib/systemd/system/etcd.service)",
          "/var/lib/etcd/default",
          "",
          true,
          true,
          "1a",
          "2b"};
}

TEST(UnitEtcd, SomebodysDataIsNotPutOutOfSight) {
  EXPECT_THAT(WhyEtcdIsInTheWay(Strangers(), "/var/lib/etcd", "", "3c"),
              AllOf(HasSubstr("`/usr/bin/etcd` (unit /lib/systemd/system/etcd.service)"),
                    HasSubstr("/var/lib/etcd/default (member 1a of cluster 2b)"),
                    HasSubstr("`data-dir: /var/lib/etcd/default`"), HasSubstr("`replace: true`")));
}

TEST(UnitEtcd, DataOfThisClusterIsMoved) {
  EXPECT_THAT(WhyEtcdIsInTheWay(Strangers(), "/srv/etcd", "", "2b"),
              AllOf(HasSubstr("mv /var/lib/etcd/default /srv/etcd"), HasSubstr("data-dir"),
                    Not(HasSubstr("replace"))));
}

TEST(UnitEtcd, ALogIsNotLeftBehind) {
  UnitEtcd found = Strangers();
  EXPECT_THAT(WhyEtcdIsInTheWay(found, "/var/lib/etcd/default", "/srv/wal/wal", "2b"),
              AllOf(HasSubstr("etcd's log is in /var/lib/etcd/default/member/wal"),
                    HasSubstr("mkdir -p /srv/wal && mv /var/lib/etcd/default/member/wal /srv/wal/wal")));
  found.wal = "/srv/wal/wal";
  EXPECT_THAT(WhyEtcdIsInTheWay(found, "/var/lib/etcd/default", "/srv/wal/wal", "2b"), IsEmpty());
  EXPECT_THAT(WhyEtcdIsInTheWay(found, "/var/lib/etcd/default", "", "2b"),
              HasSubstr("mv /srv/wal/wal /var/lib/etcd/default/member/wal"));
}

TEST(UnitEtcd, NothingIsInTheWayOfItsOwnDataOrOfNone) {
  EXPECT_THAT(WhyEtcdIsInTheWay(Strangers(), "/var/lib/etcd/default", "", "3c"), IsEmpty());
  UnitEtcd empty = Strangers();
  empty.initialised = false;
  EXPECT_THAT(WhyEtcdIsInTheWay(empty, "/var/lib/etcd", "", "3c"), IsEmpty());
}

}  // namespace
}  // namespace kplan
