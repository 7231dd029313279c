#include "src/etcd/rollout_order.h"

#include <algorithm>
#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Members = std::vector<MemberState>;

// A cluster in one line, a word a member:
//   R serves, O runs and is out, S runs and is silent, then: l leads, n needs a restart, t touched, g given
//   up D does not run and has data, E does not run and has none, then: j to be judged later, t touched
//   h: held, of any
Members Parse(absl::string_view text) {
  Members members;
  std::string word;
  for (char c : absl::StrCat(text, " ")) {
    if (c != ' ') {
      word += c;
      continue;
    }
    auto has = [&](char what) { return word.find(what) != std::string::npos; };
    MemberState member;
    member.name = absl::StrCat("e", members.size() + 1);
    member.running = has('R') || has('O') || has('S');
    member.health = has('R') ? MemberState::kServes : has('O') ? MemberState::kOut : MemberState::kSilent;
    member.leader = has('l');
    member.has_data = has('D');
    member.judge_later = has('j');
    if (has('n')) member.reasons = {"flags changed"};
    member.touched = has('t');
    member.given_up = has('g');
    member.held = has('h');
    members.push_back(member);
    word.clear();
  }
  return members;
}

// "restart e2", "restart e2 ungated", "stop: WHY"
std::string Next(absl::string_view text, int max_unavailable = 1) {
  const Members members = Parse(text);
  const RolloutAction action = NextRolloutAction(members, max_unavailable);
  const std::string names = MemberNames(members, action.members);
  switch (action.kind) {
    case RolloutAction::kStart:
      return absl::StrCat("start ", names);
    case RolloutAction::kRestart:
      return absl::StrCat("restart ", names, action.gated ? "" : " ungated");
    case RolloutAction::kWait:
      return absl::StrCat("wait ", names);
    case RolloutAction::kDone:
      return "done";
    case RolloutAction::kStop:
      EXPECT_NE(action.why, "");
      EXPECT_NE(action.advice, "");
      return absl::StrCat("stop: ", action.why);
  }
  return "?";
}

TEST(RolloutOrder, NothingToDo) {
  EXPECT_EQ(Next("Rl R R"), "done");
  EXPECT_EQ(Next("Rl"), "done");
}

TEST(RolloutOrder, WhatDoesNotRunIsStartedWithDataFirst) {
  EXPECT_EQ(Next("E E E"), "start e1, e2 and e3");
  EXPECT_EQ(Next("E D E"), "start e2");
  EXPECT_EQ(Next("E S E"), "start e1 and e3");
  EXPECT_EQ(Next("Rln R D"), "start e3");
  EXPECT_EQ(Next("Sn Sn E"), "start e3");  // not waited for: one more that runs only helps
  EXPECT_EQ(Next("S S S"), "wait e1, e2 and e3");
}

TEST(RolloutOrder, OneThatCannotBeJudgedWaitsForTheCluster) {
  EXPECT_EQ(Next("D D Ej"), "start e1 and e2");
  EXPECT_EQ(Next("S S Ej"), "wait e1 and e2");
  EXPECT_EQ(Next("Rl R E"), "start e3");  // judged: it never ran
  EXPECT_THAT(Next("Rl R Ej"), HasSubstr("e3 has no data"));
}

TEST(RolloutOrder, OneAtATimeTheLeaderLast) {
  EXPECT_EQ(Next("Rln Rn Rn"), "restart e2");
  EXPECT_EQ(Next("Rln Rt Rn"), "restart e3");
  EXPECT_EQ(Next("Rln Rt Rt"), "restart e1");
  EXPECT_EQ(Next("Rt Rtl Rt"), "done");
  EXPECT_EQ(Next("Rn Rn Rn"), "restart e1");  // nobody is known to lead
  EXPECT_EQ(Next("Rn Rn"), "restart e1");
  EXPECT_EQ(Next("Rln Rn"), "restart e2");
  EXPECT_EQ(Next("Rln Rt"), "restart e1");
  EXPECT_EQ(Next("Rln"), "restart e1");
}

TEST(RolloutOrder, MaxUnavailableIsAtMostWhatTheQuorumAllows) {
  EXPECT_EQ(Next("Rln Rn Rn Rn Rn", 2), "restart e2 and e3");
  EXPECT_EQ(Next("Rln Rt Rt Rn Rn", 2), "restart e4 and e5");
  EXPECT_EQ(Next("Rln Rt Rt Rn Rt", 2), "restart e4");  // the leader alone
  EXPECT_EQ(Next("Rln Rt Rt Rt Rt", 2), "restart e1");
  EXPECT_EQ(Next("Rln Rn Rn Rn Rn", 4), "restart e2 and e3");
  EXPECT_EQ(Next("Rln Rn Rn", 3), "restart e2");
  EXPECT_EQ(Next("Rln Rn Rn Rn", 3), "restart e2");  // four: a quorum is three
  EXPECT_EQ(Next("Rln Rn", 2), "restart e2");
  EXPECT_EQ(Next("Rln Rn Rn", 0), "restart e2");
}

TEST(RolloutOrder, WhoDoesNotServeIsRestartedFirst) {
  EXPECT_EQ(Next("Rln Rn On"), "restart e3");
  EXPECT_EQ(Next("Rln Rn Sn"), "restart e3");
  EXPECT_EQ(Next("Rl R Rn On On"), "restart e4 and e5");
  EXPECT_EQ(Next("Rl R Rn Sn Sn"), "restart e4");  // perhaps it is only we whom they do not answer
  EXPECT_EQ(Next("Rl R Rn Sn Sn", 2), "restart e4 and e5");
  EXPECT_EQ(Next("Sn"), "restart e1");
  EXPECT_EQ(Next("On"), "restart e1");
}

TEST(RolloutOrder, WithoutAQuorumOnlyThoseThatSayTheyAreOutAndKeepSayingSo) {
  EXPECT_EQ(Next("On On On"), "wait e1, e2 and e3");
  EXPECT_EQ(Next("Ong Ong Ong"), "restart e1, e2 and e3 ungated");
  EXPECT_EQ(Next("Sn Sn Sn"), "wait e1, e2 and e3");
  EXPECT_THAT(Next("Sng Sng Sng"), HasSubstr("cannot be seen that the others"));
  EXPECT_THAT(Next("Rln Sng Sng"), HasSubstr("1 of 3 members answer"));
  EXPECT_EQ(Next("Ong Sng Rn"), "restart e1 ungated");
}

TEST(RolloutOrder, AMemberThatIsNotToBeRestartedAndDoesNotServe) {
  EXPECT_EQ(Next("Rln Rn S"), "wait e3");
  EXPECT_EQ(Next("Rln Rn Sg"), "stop: e3 does not serve, and is not one to be restarted");
  EXPECT_EQ(Next("Rl R Og"), "stop: e3 does not serve, and is not one to be restarted");
  EXPECT_THAT(NextRolloutAction(Parse("Rln Rn Sg"), 1).advice,
              HasSubstr("comes first: restarting e1 and e2"));
  EXPECT_THAT(NextRolloutAction(Parse("Rl R Sg"), 1).advice, HasSubstr("its log"));
  // Room for one more, as long as the leader is not in the way of others.
  EXPECT_EQ(Next("Rln Rn Rn Rn Sg", 2), "restart e2");
  EXPECT_THAT(Next("Rln Rn Rn Sg Sg", 2), HasSubstr("e4 and e5 do not serve"));
  EXPECT_THAT(Next("Rln Rn Rn Sg Sg", 5), HasSubstr("e4 and e5 do not serve"));
  EXPECT_THAT(Next("Rl R Rn Sng Sg"), HasSubstr("restart"));
  EXPECT_THAT(Next("Sg Sg R"), HasSubstr("no quorum: e1 and e2 run and do not serve"));
  EXPECT_THAT(Next("Rn Sg"), HasSubstr("no quorum"));
}

TEST(RolloutOrder, WhatWasTouchedInVainStopsIt) {
  EXPECT_EQ(Next("Rln Stg Rn"), "stop: e2 was started and does not serve");
  EXPECT_EQ(Next("Rln Stg Rn Rn Rn", 2), "stop: e2 was started and does not serve");
  EXPECT_EQ(Next("Rln Dt Rn"), "stop: e2 was started and does not run any more");
  EXPECT_THAT(Next("Rln Rtn Rn"), HasSubstr("has to be started again already: flags changed"));
  EXPECT_EQ(Next("Rln St Rn"), "wait e2");
}

TEST(RolloutOrder, OneIsTakenAndTheOthersAreHeld) {
  EXPECT_EQ(Next("Rlnh Rn Rnh"), "restart e2");
  EXPECT_EQ(Next("Rlnh Rt Rnh"), "done") << "what the others need is not this run's";
  EXPECT_EQ(Next("Rln Rnh Rnh"), "restart e1") << "the leader is the only one";
  EXPECT_EQ(Next("Rlh Rh D"), "start e3");
  EXPECT_EQ(Next("Rlh Rh Eh"), "done") << "nobody asked for the third";
}

TEST(RolloutOrder, WhoIsHeldCountsForTheGates) {
  EXPECT_EQ(Next("Rlh Rn Dh"), "stop: e3 does not run, and this run is not for it");
  EXPECT_THAT(NextRolloutAction(Parse("Rlh Rn Dh"), 1).advice, HasSubstr("starting it comes first"));
  EXPECT_EQ(Next("Rlh Rn Sh"), "wait e3");
  EXPECT_EQ(Next("Rlh Rn Sgh"), "stop: e3 does not serve, and is not one to be restarted");
  EXPECT_EQ(Next("Rlh R Sgnh"), "stop: e3 does not serve, and is not one to be restarted");
  EXPECT_EQ(Next("Rlh Rn Rh Rh Dh"), "stop: e5 does not run, and this run is not for it");
  EXPECT_EQ(Next("Rlh Rn Rh Rh Dh", 2), "restart e2");
  EXPECT_EQ(Next("Rlh Rn Rh Dh Dh", 5), "stop: e4 and e5 do not run, and this run is not for them");
  EXPECT_EQ(Next("Rlh Rh Onh"), "wait e3") << "a held one that is due is not restarted";
}

TEST(RolloutOrder, NobodyIsTouchedWhereOnlyTheHeldWouldBeAQuorum) {
  EXPECT_EQ(Next("E Eh Eh"),
            "stop: there is no quorum without e2 and e3, which do not run and for which this run is not");
  EXPECT_EQ(Next("E E Eh"), "start e1 and e2");
  EXPECT_EQ(Next("Rn Dh"),
            "stop: there is no quorum without e2, which does not run and for which this run is not");
}

TEST(MemberNames, AsOneSaysThem) {
  const Members members = Parse("R R R");
  EXPECT_EQ(MemberNames(members, {}), "");
  EXPECT_EQ(MemberNames(members, {1}), "e2");
  EXPECT_EQ(MemberNames(members, {1, 2}), "e2 and e3");
  EXPECT_EQ(MemberNames(members, {2, 0, 1}), "e3, e1 and e2");
}

// What an action may never do, whatever the members look like.
void ExpectSafe(const Members& members, int max_unavailable, const RolloutAction& action) {
  const size_t quorum = QuorumOf(members.size());
  auto serves = [&](size_t i) { return members[i].running && members[i].health == MemberState::kServes; };
  size_t serving = 0, away = 0;
  for (size_t i = 0; i < members.size(); ++i) serving += serves(i);
  away = members.size() - serving;
  std::string text;
  for (const MemberState& m : members) {
    absl::StrAppend(&text, m.running ? "run" : "off", m.health, m.leader ? "l" : "",
                    m.reasons.empty() ? "" : "n", m.touched ? "t" : "", m.given_up ? "g" : "",
                    m.has_data ? "d" : "", m.judge_later ? "j" : "", " ");
  }
  SCOPED_TRACE(absl::StrCat(text, "max ", max_unavailable, " -> ", action.kind, " ",
                            MemberNames(members, action.members), " ", action.why));
  size_t taken = 0;
  bool leader = false, others_due = false;
  for (size_t i = 0; i < members.size(); ++i) {
    const bool chosen = std::count(action.members.begin(), action.members.end(), i) == 1;
    if (!chosen && serves(i) && !members[i].leader && !members[i].held && !members[i].reasons.empty())
      others_due = true;
    if (!chosen) continue;
    EXPECT_NE(action.kind == RolloutAction::kStart, members[i].running);
    if (action.kind == RolloutAction::kStart || action.kind == RolloutAction::kRestart) {
      EXPECT_FALSE(members[i].touched);
      EXPECT_FALSE(members[i].held);
    }
    if (action.kind == RolloutAction::kStart) {
      EXPECT_FALSE(members[i].judge_later);
    }
    if (action.kind == RolloutAction::kWait) {
      EXPECT_FALSE(serves(i) || members[i].given_up);
    }
    if (action.kind != RolloutAction::kRestart) continue;
    EXPECT_FALSE(members[i].reasons.empty());
    if (serves(i)) {
      ++taken;
      leader = leader || members[i].leader;
    } else if (members.size() > 1) {
      EXPECT_TRUE(serving >= quorum || (members[i].health == MemberState::kOut && members[i].given_up));
    }
  }
  const bool acts = action.kind != RolloutAction::kDone && action.kind != RolloutAction::kStop;
  EXPECT_EQ(acts, !action.members.empty());
  EXPECT_EQ(action.kind == RolloutAction::kStop, !action.why.empty() && !action.advice.empty());
  if (taken > 0) {
    EXPECT_EQ(taken, action.members.size());
    EXPECT_TRUE(action.gated);
    EXPECT_LE(taken + away, static_cast<size_t>(std::max(max_unavailable, 1)));
    if (members.size() > 2) {
      EXPECT_GE(serving - taken, quorum);
    }
    if (members.size() <= 2) {
      EXPECT_EQ(taken, 1u);
    }
    if (leader) {
      EXPECT_TRUE(!others_due && taken == 1);
    }
  }
  if (action.kind == RolloutAction::kDone) {
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i].held) {
        EXPECT_TRUE(!members[i].running || serves(i));
      } else {
        EXPECT_TRUE(serves(i) && members[i].reasons.empty());
      }
    }
  }
}

// Every state that a member can be in.
std::vector<MemberState> AllStates() {
  std::vector<MemberState> states;
  for (int bits = 0; bits < 8; ++bits) {
    MemberState member;
    member.has_data = bits & 1;
    member.judge_later = bits & 2;
    member.touched = bits & 4;
    states.push_back(member);
  }
  for (auto health : {MemberState::kServes, MemberState::kOut, MemberState::kSilent}) {
    for (int bits = 0; bits < 16; ++bits) {
      MemberState member;
      member.running = true;
      member.health = health;
      member.leader = health == MemberState::kServes && (bits & 8);
      if (bits & 1) member.reasons = {"flags changed"};
      member.touched = bits & 2;
      member.given_up = bits & 4;
      if (health != MemberState::kServes && (bits & 8)) continue;
      states.push_back(member);
    }
  }
  // Nobody touches who is held.
  for (size_t i = 0, count = states.size(); i < count; ++i) {
    if (states[i].touched) continue;
    states.push_back(states[i]);
    states.back().held = true;
  }
  return states;
}

TEST(RolloutOrder, EveryStateOfUpToThreeMembers) {
  const std::vector<MemberState> states = AllStates();
  int looked_at = 0;
  std::function<void(Members)> all = [&](Members members) {
    if (!members.empty()) {
      for (int max_unavailable : {1, 2}) {
        ExpectSafe(members, max_unavailable, NextRolloutAction(members, max_unavailable));
        ++looked_at;
      }
    }
    if (members.size() == 3) return;
    for (const MemberState& state : states) {
      members.push_back(state);
      members.back().name = absl::StrCat("e", members.size());
      all(members);
      members.pop_back();
    }
  };
  all({});
  EXPECT_GT(looked_at, 100000);
}

TEST(RolloutOrder, AHundredThousandStatesOfUpToSevenMembers) {
  const std::vector<MemberState> states = AllStates();
  std::mt19937 random(7);
  for (int i = 0; i < 100000; ++i) {
    Members members(4 + random() % 4);
    for (size_t m = 0; m < members.size(); ++m) {
      members[m] = states[random() % states.size()];
      members[m].name = absl::StrCat("e", m + 1);
    }
    const int max_unavailable = 1 + static_cast<int>(random() % 4);
    ExpectSafe(members, max_unavailable, NextRolloutAction(members, max_unavailable));
  }
}

// A cluster, and a rollout that acts on it as the step does: looks, asks for the next action, does it.
class World {
 public:
  World(size_t count, std::mt19937* random, bool trouble) : random_(*random), trouble_(trouble) {
    for (size_t i = 0; i < count; ++i) {
      Truth member;
      member.up = !trouble || Chance(4, 5);
      member.data = member.up || Chance(1, 2);
      member.stale = member.up && Chance(2, 3);
      members_.push_back(member);
    }
    Elect();
  }

  struct Truth {
    bool up = false, data = false, stale = false;
    bool hangs = false;  // it runs, and never comes to serve
    int taken = 0;       // how often the rollout has started or restarted it
    bool touched = false, given_up = false;
  };

  bool Quorum() const { return Serving() >= QuorumOf(members_.size()); }
  size_t Serving() const {
    return static_cast<size_t>(std::count_if(members_.begin(), members_.end(),
                                             [](const Truth& member) { return member.up && !member.hangs; }));
  }
  const std::vector<Truth>& members() const { return members_; }

  Members Look() {
    Elect();
    Members seen;
    for (size_t i = 0; i < members_.size(); ++i) {
      const Truth& truth = members_[i];
      MemberState member;
      member.name = absl::StrCat("e", i + 1);
      member.running = truth.up;
      member.has_data = truth.data;
      const bool serves = truth.up && !truth.hangs && Quorum();
      member.health = serves ? MemberState::kServes : Chance(1, 2) ? MemberState::kOut : MemberState::kSilent;
      member.leader = serves && i == leader_;
      if (truth.stale && truth.up) member.reasons = {"flags changed"};
      member.touched = truth.touched;
      member.given_up = truth.given_up;
      seen.push_back(member);
    }
    return seen;
  }

  void Do(const RolloutAction& action) {
    const bool had_quorum = Quorum();
    if (action.kind == RolloutAction::kRestart) {
      for (size_t i : action.members) members_[i].up = false;
      // While these are down:
      if (members_.size() > 2 && had_quorum) {
        EXPECT_TRUE(Quorum());
      }
    }
    for (size_t i : action.members) {
      Truth& member = members_[i];
      if (action.kind == RolloutAction::kWait) {
        member.given_up = member.hangs || !Quorum();
        continue;
      }
      member.touched = true;
      ++member.taken;
      member.up = !trouble_ || Chance(9, 10);
      member.hangs = trouble_ && Chance(1, 10);
      member.data = member.data || member.up;
      member.stale = false;
    }
    if (!trouble_) return;
    // What happens without us: members die, and the leader changes.
    if (Chance(1, 12)) members_[random_() % members_.size()].up = false;
    if (Chance(1, 8)) leader_ = random_() % members_.size();
  }

  bool Chance(unsigned of, unsigned in) { return random_() % in < of; }

 private:
  void Elect() {
    if (leader_ < members_.size() && members_[leader_].up && !members_[leader_].hangs) return;
    for (leader_ = 0; leader_ < members_.size(); ++leader_) {
      if (members_[leader_].up && !members_[leader_].hangs) return;
    }
  }

  std::mt19937& random_;
  const bool trouble_;
  std::vector<Truth> members_;
  size_t leader_ = 0;
};

TEST(RolloutOrder, RolloutsWithoutTroubleRestartEveryoneOnce) {
  std::mt19937 random(11);
  for (int run = 0; run < 3000; ++run) {
    const size_t count = 1 + random() % 7;
    const int max_unavailable = 1 + static_cast<int>(random() % 3);
    World world(count, &random, /*trouble=*/false);
    std::vector<int> expected;
    for (const World::Truth& member : world.members()) expected.push_back(member.stale ? 1 : 0);
    RolloutAction action;
    for (int steps = 0; steps < 100; ++steps) {
      const Members seen = world.Look();
      action = NextRolloutAction(seen, max_unavailable);
      ExpectSafe(seen, max_unavailable, action);
      if (action.kind == RolloutAction::kDone || action.kind == RolloutAction::kStop) break;
      world.Do(action);
    }
    ASSERT_EQ(action.kind, RolloutAction::kDone) << action.why;
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(world.members()[i].taken, expected[i]);
  }
}

TEST(RolloutOrder, WhateverFailsItEndsAndTheQuorumIsNotLostByIt) {
  std::mt19937 random(12);
  int done = 0, stopped = 0;
  for (int run = 0; run < 20000; ++run) {
    const size_t count = 1 + random() % 7;
    const int max_unavailable = 1 + static_cast<int>(random() % 3);
    World world(count, &random, /*trouble=*/true);
    RolloutAction action;
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 100);
      const Members seen = world.Look();
      action = NextRolloutAction(seen, max_unavailable);
      ExpectSafe(seen, max_unavailable, action);
      if (action.kind == RolloutAction::kDone || action.kind == RolloutAction::kStop) break;
      world.Do(action);
    }
    ++(action.kind == RolloutAction::kDone ? done : stopped);
    for (const World::Truth& member : world.members()) EXPECT_LE(member.taken, 1);
  }
  EXPECT_GT(done, 1000);
  EXPECT_GT(stopped, 1000);
}

// Canaries of some, and then a run for all: nobody is taken twice, and nobody is left.
TEST(RolloutOrder, SomeAndThenTheRest) {
  std::mt19937 random(14);
  for (int run = 0; run < 3000; ++run) {
    const size_t count = 1 + random() % 7;
    World world(count, &random, /*trouble=*/false);
    std::vector<int> expected;
    std::vector<bool> held;
    for (const World::Truth& member : world.members()) {
      expected.push_back(member.stale ? 1 : 0);
      held.push_back(world.Chance(1, 2));
    }
    for (bool all : {false, true}) {
      RolloutAction action;
      for (int steps = 0; steps < 100; ++steps) {
        Members seen = world.Look();
        for (size_t i = 0; i < count; ++i) seen[i].held = !all && held[i];
        action = NextRolloutAction(seen, 1);
        ExpectSafe(seen, 1, action);
        if (action.kind == RolloutAction::kDone || action.kind == RolloutAction::kStop) break;
        world.Do(action);
      }
      ASSERT_EQ(action.kind, RolloutAction::kDone) << action.why;
      for (size_t i = 0; i < count; ++i)
        EXPECT_EQ(world.members()[i].taken, !all && held[i] ? 0 : expected[i]) << i;
    }
  }
}

// A roll that stopped, or was killed, is gone on with by another one that knows nothing of it.
TEST(RolloutOrder, TheNextOneGoesOnFromThere) {
  std::mt19937 random(13);
  for (int run = 0; run < 2000; ++run) {
    const size_t count = 1 + random() % 7;
    World world(count, &random, /*trouble=*/false);
    std::vector<int> expected;
    for (const World::Truth& member : world.members()) expected.push_back(member.stale ? 1 : 0);
    RolloutAction action;
    for (int steps = 0; steps < 100; ++steps) {
      Members seen = world.Look();
      if (world.Chance(1, 3)) {
        for (MemberState& member : seen) member.touched = member.given_up = false;
      }
      action = NextRolloutAction(seen, 1);
      if (action.kind == RolloutAction::kDone || action.kind == RolloutAction::kStop) break;
      world.Do(action);
    }
    ASSERT_EQ(action.kind, RolloutAction::kDone) << action.why;
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(world.members()[i].taken, expected[i]);
  }
}

}  // namespace
}  // namespace kplan
