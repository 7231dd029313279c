#include "src/etcd/defrag_decision.h"

#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

constexpr int64_t kMiB = 1 << 20;

TEST(FreesSomething, IsWorthAMomentOfSilence) {
  EXPECT_FALSE(FreesSomething(0, 0));
  EXPECT_FALSE(FreesSomething(20 * kMiB, 20 * kMiB));
  EXPECT_FALSE(FreesSomething(kMiB, kMiB / 2)) << "less than 1 MiB";
  EXPECT_TRUE(FreesSomething(2 * kMiB, kMiB));
  EXPECT_FALSE(FreesSomething(100 * kMiB, 91 * kMiB)) << "less than a tenth";
  EXPECT_TRUE(FreesSomething(100 * kMiB, 90 * kMiB));
  EXPECT_FALSE(FreesSomething(kMiB, 9 * kMiB)) << "a member that lies";
}

// What may become of a member between two looks.
struct State {
  std::vector<DefragMember> members;
  bool moved = false;

  auto Key() const {
    std::string key(1, moved ? 'm' : '-');
    for (const DefragMember& member : members)
      absl::StrAppend(&key, member.serves, member.leader, member.learner, member.done,
                      FreesSomething(member.size, member.in_use), " ");
    return key;
  }
};

// Every state of up to five members, and every course from there on: whoever leads next, whether a move comes
// about or not, and whether a member comes back, is lost or grows meanwhile.
class Search {
 public:
  void From(State state) {
    if (!seen_.insert(state.Key()).second) return;
    const DefragAction action = NextDefragAction(state.members, state.moved);
    Check(state, action);
    switch (action.kind) {
      case DefragAction::kDone:
      case DefragAction::kStop:
        return;
      case DefragAction::kMoveLeader: {
        State after = state;
        after.moved = true;
        From(after);  // it did not come about
        ForEachLeader(after, action.member);
        return;
      }
      case DefragAction::kDefragment: {
        State after = state;
        after.members[action.member].done = true;
        From(after);  // it freed nothing
        after.members[action.member].in_use = after.members[action.member].size;
        From(after);
        ForEachLeader(after, after.members.size());
        for (size_t i = 0; i < after.members.size(); ++i) {
          State lost = after;
          lost.members[i].serves = false;
          From(lost);
        }
        return;
      }
    }
  }

  size_t states() const { return seen_.size(); }

 private:
  // FIRST leads, or, where that is nobody, each in turn.
  void ForEachLeader(const State& state, size_t first) {
    for (size_t i = 0; i < state.members.size(); ++i) {
      if (state.members[i].learner || (first < state.members.size() && i != first)) continue;
      State after = state;
      for (size_t k = 0; k < after.members.size(); ++k) after.members[k].leader = k == i;
      From(after);
    }
  }

  static void Check(const State& state, const DefragAction& action) {
    const auto due = [](const DefragMember& member) {
      return !member.done && FreesSomething(member.size, member.in_use);
    };
    size_t away = 0, waiting = 0, followers = 0;
    for (const DefragMember& member : state.members) {
      away += member.serves ? 0 : 1;
      waiting += due(member) ? 1 : 0;
      followers += due(member) && !member.leader ? 1 : 0;
    }
    ASSERT_EQ(action.kind == DefragAction::kDone, waiting == 0) << state.Key();
    ASSERT_EQ(action.kind == DefragAction::kStop, waiting > 0 && away > 0) << state.Key();
    if (action.kind == DefragAction::kDefragment) {
      const DefragMember& member = state.members[action.member];
      ASSERT_TRUE(due(member)) << state.Key();
      ASSERT_FALSE(member.leader && followers > 0) << "the leader is the last: " << state.Key();
    } else if (action.kind == DefragAction::kMoveLeader) {
      const DefragMember& next = state.members[action.member];
      ASSERT_TRUE(next.serves && !next.leader && !next.learner && !state.moved && followers == 0)
          << state.Key();
    }
  }

  std::set<std::string> seen_;
};

TEST(NextDefragAction, AllStatesOfUpToFiveMembers) {
  Search search;
  for (size_t count = 1; count <= 5; ++count) {
    // Each is away or not, due or not, a learner (the last one may be) or not; anybody who votes leads, or
    // nobody.
    for (unsigned bits = 0; bits < 1u << (2 * count + 1); ++bits) {
      for (size_t leader = 0; leader <= count; ++leader) {
        State state;
        for (size_t i = 0; i < count; ++i) {
          DefragMember member;
          member.name = absl::StrCat("etcd-", i + 1);
          member.serves = (bits >> i & 1) != 0;
          member.leader = i == leader;
          member.size = 10 * kMiB;
          member.in_use = (bits >> (count + i) & 1) != 0 ? kMiB : 10 * kMiB;
          member.learner = i + 1 == count && count > 1 && (bits >> (2 * count) & 1) != 0 && !member.leader;
          state.members.push_back(member);
        }
        search.From(state);
        if (HasFatalFailure()) return;
      }
    }
  }
  // What was searched is all that there is.
  EXPECT_GT(search.states(), 20000u);
}

TEST(NextDefragAction, SaysWhoIsAway) {
  std::vector<DefragMember> members(3);
  for (size_t i = 0; i < 3; ++i)
    members[i] = {absl::StrCat("etcd-", i + 1), i != 1, i == 0, false, 9 * kMiB, 0, false};
  EXPECT_EQ(NextDefragAction(members, false).why,
            "etcd-2 does not serve: while one member is away no other one is taken away");
}

}  // namespace
}  // namespace kplan
