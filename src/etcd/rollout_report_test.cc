#include "src/etcd/rollout_report.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

MemberState Member(const std::string& name, bool serves) {
  MemberState member;
  member.name = name;
  member.running = true;
  member.health = serves ? MemberState::kServes : MemberState::kSilent;
  return member;
}

TEST(RolloutReport, NothingDoneIsNothingSaid) {
  EXPECT_EQ(RolloutReport().Reason(), "");
  EXPECT_EQ(RolloutReport().Lines(), "");
}

TEST(RolloutReport, WhatWasDoneInItsOrder) {
  RolloutReport report;
  report.Add(RolloutReport::kRestarted, "etcd-2", {"flags changed"}, false);
  report.AddServes("etcd-2", absl::Milliseconds(1234));
  report.Add(RolloutReport::kRestarted, "etcd-1", {"flags changed", "binary changed"}, true);
  report.AddServes("etcd-1", absl::Milliseconds(50));
  EXPECT_EQ(report.Reason(), "restarted etcd-2, etcd-1: flags changed, binary changed");
  EXPECT_EQ(report.Lines(),
            "etcd-2: restarted (flags changed), serves after 1.2 s\n"
            "etcd-1: restarted (flags changed, binary changed), the leader, last, serves after 0.1 s\n");
  report.Add(RolloutReport::kStarted, "etcd-3", {"was not running"}, false);
  EXPECT_EQ(report.Reason(),
            "started etcd-3: was not running; restarted etcd-2, etcd-1: flags changed, binary changed");
}

TEST(RolloutReport, TellsOfEachDeedAsItGoesOn) {
  std::vector<std::string> told;
  RolloutReport report([&told](const std::string& line) { told.push_back(line); });
  report.AddSnapshot("snapshots/a.db");
  report.Add(RolloutReport::kRestarted, "etcd-2", {"flags\nchanged"}, false);
  EXPECT_THAT(told, testing::ElementsAre("snapshot snapshots/a.db", "etcd-2: restarts (flags\\x0achanged)"));
  report.AddServes("etcd-2", absl::Milliseconds(1234));
  report.AddServes("etcd-2", absl::Milliseconds(2345));
  report.Add(RolloutReport::kRestarted, "etcd-1", {}, true);
  EXPECT_THAT(told, testing::ElementsAre(testing::_, testing::_,
                                         "etcd-2: restarted (flags\\x0achanged), serves after 1.2 s",
                                         "etcd-1: restarts, the leader, last"));
  // What was told is not said again; of etcd-1 nobody knows yet how it ended.
  EXPECT_EQ(report.Lines(), "etcd-1: restarted, the leader, last\n");
  EXPECT_EQ(report.Reason(), "restarted etcd-2, etcd-1: flags\\x0achanged");
}

TEST(RolloutReport, WhyItEndedAndWhatIsLeft) {
  RolloutReport report;
  std::vector<MemberState> members = {Member("etcd-1", true), Member("etcd-2", true),
                                      Member("etcd-3", false)};
  EXPECT_EQ(report.StopText("it stopped\n", "look", members),
            "it stopped\n"
            "  serving:  etcd-1 and etcd-2, 2 of 3 members: a quorum\n"
            "  next:     look; then run ninja again: it goes on from here");
  report.Add(RolloutReport::kRestarted, "etcd-2", {"flags changed"}, false);
  report.Add(RolloutReport::kRestarted, "etcd-3", {"flags changed"}, false);
  members[0].reasons = {"flags changed"};
  members[1].health = MemberState::kSilent;
  EXPECT_EQ(report.StopText("it stopped", "look", members),
            "it stopped\n"
            "  serving:  etcd-1, 1 of 3 members: no quorum\n"
            "  done:     restarted etcd-2, etcd-3\n"
            "  left:     etcd-1 needs a restart, and was not touched\n"
            "  next:     look; then run ninja again: it goes on from here");
}

}  // namespace
}  // namespace kplan
