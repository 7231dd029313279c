#include "src/systemd/unit_reads.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Unit(absl::string_view keys,
                 absl::string_view command = "/usr/local/bin/etcd --ca=/etc/etcd/ca.pem") {
  return absl::StrCat("[Unit]\nDescription=x\n[Service]\nExecStart=", command, "\n", keys);
}

TEST(ReadsOfUnit, TheProgramAndWhatItsArgumentsName) {
  const UnitReads reads = ReadsOfUnit(Unit(
      "User=etcd\n",
      "/usr/local/bin/etcd --name etcd-1 \\\n  --cert-file=/etc/etcd/a.pem --key-file '/etc/etcd/a key.pem' "
      "--x=https://1.2.3.4:2379 --y=%h/z --z=/run/${W} --ca=/etc/etcd/a.pem"));
  EXPECT_EQ(reads.user, "etcd");
  EXPECT_EQ(reads.group, "");
  EXPECT_THAT(reads.paths, ElementsAre("/usr/local/bin/etcd", "/etc/etcd/a.pem", "/etc/etcd/a key.pem"));
}

TEST(ReadsOfUnit, RootGetsEverywhere) {
  for (const char* keys :
       {"", "User=root\n", "User=0\n", "User=etcd\nUser=\n", "CapabilityBoundingSet=~CAP_SYS_ADMIN\n",
        "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE\n"})
    EXPECT_THAT(ReadsOfUnit(Unit(keys)).paths, IsEmpty()) << keys;
}

TEST(ReadsOfUnit, RootWithoutItsCapabilitiesDoesNot) {
  for (const char* keys : {"CapabilityBoundingSet=\n", "User=root\nCapabilityBoundingSet=CAP_CHOWN\n",
                           "CapabilityBoundingSet=~CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH\n"}) {
    const UnitReads reads = ReadsOfUnit(Unit(keys));
    EXPECT_EQ(reads.user, "root") << keys;
    EXPECT_THAT(reads.paths, ElementsAre("/usr/local/bin/etcd", "/etc/etcd/ca.pem")) << keys;
  }
}

TEST(ReadsOfUnit, WhoTakesItsCapabilitiesAlong) {
  EXPECT_THAT(
      ReadsOfUnit(Unit("User=etcd\nAmbientCapabilities=CAP_NET_BIND_SERVICE CAP_DAC_READ_SEARCH\n")).paths,
      IsEmpty());
  EXPECT_THAT(ReadsOfUnit(Unit("User=etcd\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n")).paths,
              testing::SizeIs(2));
}

TEST(ReadsOfUnit, AnotherTreeIsNotJudged) {
  for (const char* keys :
       {"RootDirectory=/srv/x\n", "BindReadOnlyPaths=/srv/pki:/etc/etcd\n", "TemporaryFileSystem=/etc\n"})
    EXPECT_THAT(ReadsOfUnit(Unit(absl::StrCat("User=etcd\n", keys))).paths, IsEmpty()) << keys;
  EXPECT_THAT(ReadsOfUnit(Unit("User=etcd\nBindPaths=/a\nBindPaths=\n")).paths, testing::SizeIs(2));
}

TEST(ReadsOfUnit, WhatADropInSaysCounts) {
  const std::string text =
      absl::StrCat(Unit(""), "\n[Service]\nUser=app\nGroup=web\nSupplementaryGroups=tls more\n",
                   "StateDirectory=app app/cache\nRuntimeDirectory=app\nExecStart=\n"
                   "ExecStart=-/usr/bin/app /etc/app/x\n");
  const UnitReads reads = ReadsOfUnit(text);
  EXPECT_EQ(reads.user, "app");
  EXPECT_EQ(reads.group, "web");
  EXPECT_THAT(reads.groups, ElementsAre("tls", "more"));
  EXPECT_THAT(reads.own_folders, ElementsAre("/var/lib/app", "/var/lib/app/cache", "/run/app"));
  EXPECT_THAT(reads.paths, ElementsAre("/usr/bin/app", "/etc/app/x"));
}

TEST(ReadsOfUnit, CommandsOfRootAreLeftOut) {
  EXPECT_THAT(ReadsOfUnit(Unit("User=etcd\n", "+/usr/bin/x /etc/x")).paths, IsEmpty());
  EXPECT_THAT(ReadsOfUnit(Unit("User=etcd\n", "@-/usr/bin/x x /etc/x")).paths,
              ElementsAre("/usr/bin/x", "/etc/x"));
}

TEST(ReadsOfUnit, AUserOfSystemdsOwn) {
  const UnitReads reads = ReadsOfUnit(Unit("DynamicUser=yes\n"));
  EXPECT_EQ(reads.user, "61184");
  EXPECT_THAT(reads.paths, testing::SizeIs(2));
}

TEST(ReadsOfUnit, AUserThatSystemdHasToWorkOut) {
  EXPECT_THAT(ReadsOfUnit(Unit("User=app-%i\n")).paths, IsEmpty());
}

TEST(ReadsOfUnit, WhatIsNoUnitNamesNothing) { EXPECT_THAT(ReadsOfUnit("nonsense").paths, IsEmpty()); }

}  // namespace
}  // namespace kplan
