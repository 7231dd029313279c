#include "src/systemd/unit_in_use.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What systemd 252 says of Debian's etcd-server.
std::map<std::string, std::string> Debians() {
  return {{"LoadState", "loaded"},
          {"FragmentPath", "/lib/systemd/system/etcd.service"},
          {"ActiveState", "active"},
          {"UnitFileState", "enabled"},
          {"MainPID", "711"},
          {"ExecStart",
           "{ path=/usr/bin/etcd ; argv[]=/usr/bin/etcd $DAEMON_ARGS ; ignore_errors=no ; start_time=[n/a] ; "
           "stop_time=[n/a] ; pid=711 ; code=(null) ; status=0/0 }"},
          {"Environment", "ETCD_NAME=h ETCD_DATA_DIR=/var/lib/etcd/default"},
          {"EnvironmentFiles", "/etc/default/etcd (ignore_errors=yes)"},
          {"WorkingDirectory", ""},
          {"ActiveEnterTimestampMonotonic", "1"}};
}

TEST(UnitInUse, IsReadFromItsProperties) {
  const std::optional<UnitInUse> unit = ParseUnitInUse(Debians());
  ASSERT_TRUE(unit.has_value());
  EXPECT_EQ(unit->program, "/usr/bin/etcd");
  EXPECT_EQ(unit->arguments, "/usr/bin/etcd $DAEMON_ARGS");
  EXPECT_THAT(unit->environment, ElementsAre("ETCD_NAME=h", "ETCD_DATA_DIR=/var/lib/etcd/default"));
  EXPECT_THAT(unit->environment_files, ElementsAre("/etc/default/etcd"));
  EXPECT_EQ(unit->main_pid, 711);
  EXPECT_TRUE(unit->active);
  EXPECT_TRUE(unit->enabled);
  EXPECT_GT(unit->since, 0);
}

TEST(UnitInUse, IsNoneWhereSystemdHasNoFile) {
  std::map<std::string, std::string> properties = Debians();
  properties["LoadState"] = "not-found";
  EXPECT_FALSE(ParseUnitInUse(properties).has_value());
  properties["LoadState"] = "loaded";
  properties["FragmentPath"] = "";
  EXPECT_FALSE(ParseUnitInUse(properties).has_value());
  EXPECT_FALSE(ParseUnitInUse({}).has_value());
}

TEST(UnitInUse, EachStateIsOneOfUseOrNot) {
  const auto with = [](const char* active, const char* file) {
    std::map<std::string, std::string> properties = Debians();
    properties["ActiveState"] = active;
    properties["UnitFileState"] = file;
    return *ParseUnitInUse(properties);
  };
  for (const char* active : {"active", "activating", "reloading", "deactivating"})
    EXPECT_TRUE(with(active, "disabled").active) << active;
  for (const char* active : {"inactive", "failed"}) EXPECT_FALSE(with(active, "disabled").active) << active;
  for (const char* file : {"enabled", "enabled-runtime"}) EXPECT_TRUE(with("inactive", file).enabled) << file;
  for (const char* file : {"disabled", "static", "indirect", "", "masked"})
    EXPECT_FALSE(with("inactive", file).enabled) << file;
  EXPECT_EQ(with("inactive", "enabled").since, 0);
}

TEST(UnitInUse, SomebodysServiceIsNotReplaced) {
  UnitInUse unit = *ParseUnitInUse(Debians());
  unit.package = "etcd-server";
  const std::string why = WhyNotReplaced(unit, "/usr/local/bin/etcd");
  EXPECT_THAT(
      why, HasSubstr("`/usr/bin/etcd` (unit /lib/systemd/system/etcd.service, package etcd-server, since "));
  // The same program is taken over.
  EXPECT_THAT(WhyNotReplaced(unit, "/usr/bin/etcd"), IsEmpty());
  // By a link, too: /bin is one to usr/bin.
  unit.program = "/bin/sh";
  EXPECT_THAT(WhyNotReplaced(unit, "/usr/bin/sh"), IsEmpty());
  unit.program = "/usr/bin/etcd";
  unit.active = false;
  unit.since = 0;
  EXPECT_THAT(WhyNotReplaced(unit, "/usr/local/bin/etcd"), HasSubstr("started at boot"));
  unit.enabled = false;
  EXPECT_THAT(WhyNotReplaced(unit, "/usr/local/bin/etcd"), IsEmpty());
}

TEST(UnitInUse, WhatItSaysIsHarmless) {
  UnitInUse unit = *ParseUnitInUse(Debians());
  unit.fragment = "/lib/systemd/system/a\x1b[31m.service";
  unit.package = "x\ny";
  EXPECT_THAT(unit.Describe(), HasSubstr("a\\x1b[31m.service, package x\\x0ay"));
}

}  // namespace
}  // namespace kplan
