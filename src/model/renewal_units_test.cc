#include "src/model/renewal_units.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

RenewalPlan Plan() {
  RenewalPlan plan;
  plan.folder = "/srv/prod";
  plan.spec = "cluster.yaml";
  plan.kplan = "/usr/local/bin/kplan";
  plan.ninja = "/usr/bin/ninja";
  plan.calendar = "daily";
  return plan;
}

// As systemd-escape --path 252 prints them.
TEST(RenewalUnitName, IsThatOfTheFolder) {
  EXPECT_EQ(*RenewalUnitName("/srv/prod"), "kplan-renew-srv-prod");
  EXPECT_EQ(*RenewalUnitName("/srv/prod/"), "kplan-renew-srv-prod");
  EXPECT_EQ(*RenewalUnitName("/srv-prod"), "kplan-renew-srv\\x2dprod") << "not that of /srv/prod";
  EXPECT_EQ(*RenewalUnitName("/.a/.b c"), "kplan-renew-\\x2ea-.b\\x20c");
  EXPECT_EQ(*RenewalUnitName("/b\xc3\xbc"), "kplan-renew-b\\xc3\\xbc");
  EXPECT_EQ(*RenewalUnitName("/"), "kplan-renew--");
  EXPECT_TRUE(RenewalUnitName("/" + std::string(235, 'a')).ok());
  EXPECT_FALSE(RenewalUnitName("/" + std::string(236, 'a')).ok());
}

TEST(MakeRenewalUnits, ToTheByte) {
  absl::StatusOr<RenewalUnits> units = MakeRenewalUnits(Plan());
  ASSERT_TRUE(units.ok()) << units.status();
  EXPECT_EQ(
      units->service,
      "[Unit]\nDescription=Renew what is due in /srv/prod (kplan)\nWants=network-online.target\n"
      "After=network-online.target\n\n[Service]\nType=oneshot\nWorkingDirectory=/srv/prod\n"
      "ExecStart=/usr/local/bin/kplan \\\n  gen \\\n  cluster.yaml\nExecStart=/usr/bin/ninja\nNice=10\n");
  EXPECT_EQ(units->timer,
            "[Unit]\nDescription=Renew what is due in /srv/prod (kplan)\n\n[Timer]\nOnCalendar=daily\n"
            "RandomizedDelaySec=1h\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n");
}

TEST(MakeRenewalUnits, RunsAsTheFoldersOwner) {
  RenewalPlan plan = Plan();
  plan.owner = 1000;
  EXPECT_TRUE(absl::StrContains(MakeRenewalUnits(plan)->service, "\nUser=1000\n"));
  EXPECT_FALSE(absl::StrContains(MakeRenewalUnits(Plan())->service, "User="));
}

TEST(MakeRenewalUnits, TakesPathsLiterally) {
  RenewalPlan plan = Plan();
  plan.folder = "/srv/100%h a";
  plan.spec = "$a.yaml";
  const std::string text = MakeRenewalUnits(plan)->service;
  EXPECT_TRUE(absl::StrContains(text, "\nWorkingDirectory=/srv/100%%h a\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "$$a.yaml")) << text;
  for (const char* bad : {"relative", "/a\nExecStart=/bin/sh", "/a\\", "/a\x01", "/a\xff", "/a "}) {
    plan.folder = bad;
    EXPECT_FALSE(MakeRenewalUnits(plan).ok()) << bad;
  }
  plan = Plan();
  plan.kplan = "/opt/my tools/kplan";
  EXPECT_FALSE(MakeRenewalUnits(plan).ok());
}

}  // namespace
}  // namespace kplan
