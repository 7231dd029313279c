#include "src/trust/trust_decision.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <iostream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(TrustDecisionTest, NothingIsDoneWhereNoOtherGenerationIsThere) {
  EXPECT_EQ(DecideOnTrust({2, {}, false, false}, {{{}}, {{}}}).way, TrustWay::kNothing);
}

TEST(TrustDecisionTest, NothingIsDoneWhereAllTrustTheWantedOne) {
  EXPECT_EQ(DecideOnTrust({2, {{1, ""}}, false, false}, {{{1, 2}}, {{2}}}).way, TrustWay::kNothing);
  EXPECT_EQ(DecideOnTrust({2, {{1, ""}}, false, false}, {}).way, TrustWay::kNothing);
}

TEST(TrustDecisionTest, TheNewestThatAllTrustSigns) {
  const CaSeen ca = {3, {{1, ""}, {2, ""}}, false, false};
  TrustDecision decision = DecideOnTrust(ca, {{{1, 2}}, {{1, 2}}});
  EXPECT_EQ(decision.way, TrustWay::kCross);
  EXPECT_EQ(decision.signer, 2);
  // Who trusts the wanted one already needs nobody's word.
  decision = DecideOnTrust(ca, {{{1}}, {{3}}});
  EXPECT_EQ(decision.way, TrustWay::kCross);
  EXPECT_EQ(decision.signer, 1);
}

TEST(TrustDecisionTest, WhereOneIsNotTrustedByAllBothAreTrusted) {
  const TrustDecision decision = DecideOnTrust({3, {{1, ""}, {2, ""}}, false, false}, {{{1}}, {{2}}, {{3}}});
  EXPECT_EQ(decision.way, TrustWay::kBoth);
  EXPECT_EQ(decision.widened, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(decision.why_not_cross, "not everybody trusts generation 1");
}

TEST(TrustDecisionTest, TellsWhyItIsNotCrossSigned) {
  EXPECT_EQ(DecideOnTrust({2, {{1, "it ends"}}, false, false}, {{{1}}}).why_not_cross,
            "generation 1 cannot sign it: it ends");
  EXPECT_EQ(DecideOnTrust({2, {{1, ""}}, true, false}, {{{1}}}).why_not_cross, "it is an intermediate");
  EXPECT_EQ(DecideOnTrust({2, {{1, ""}}, false, true}, {{{1}}}).why_not_cross,
            "a service shows its leaf alone");
}

TEST(TrustDecisionTest, ARevokedOneIsCutOffWhereverItIsTrusted) {
  const CaSeen ca = {3, {{1, "", true}, {2, ""}}, false, false};
  TrustDecision decision = DecideOnTrust(ca, {{{1}}, {{2}}, {{1, 3}}, {{3}}});
  EXPECT_EQ(decision.way, TrustWay::kCut);
  EXPECT_EQ(decision.cut, (std::vector<size_t>{0, 2}));
  // Where nobody trusts it, it is as any other, but that it signs nothing.
  decision = DecideOnTrust(ca, {{{2}}, {{3}}});
  EXPECT_EQ(decision.way, TrustWay::kCross);
  EXPECT_EQ(decision.signer, 2);
  decision = DecideOnTrust({3, {{2, "", true}}, false, false}, {{{}}});
  EXPECT_EQ(decision.way, TrustWay::kBoth);
}

// ---- The whole exchange, searched.
//
// Members trust each other's leaves, and a client's; each does what the steps do, one deed at a time, in any
// order among members. kplan may be killed between any two deeds, and begins again; a member may start again
// by itself at any moment, with the files that are in place; and the user may change the wanted generation,
// as long as none was retired. In every state everybody who may shake hands with somebody has to accept what
// that one shows.

using Generations = uint8_t;  // bit 0: generation 1; bit 1: generation 2
constexpr Generations Bit(int generation) { return static_cast<Generations>(1 << (generation - 1)); }
constexpr Generations kNone = 0xff;

struct Leaf {
  uint8_t generation = 1;
  uint8_t cross =
      0;  // which generation signed its issuer's key, in the certificate that comes with it; 0: none
  auto Tie() const { return std::tie(generation, cross); }
};

struct Party {
  Generations runs = 1, file = 1, waits = kNone;
  Leaf leaf;
  auto Tie() const { return std::tie(runs, file, waits, leaf.generation, leaf.cross); }
  bool operator<(const Party& other) const { return Tie() < other.Tie(); }
};

enum Stage : uint8_t { kDecide, kRollBoth, kLeaves, kPlace, kRollNew, kRetire, kDone };

struct State {
  std::vector<Party> members;  // sorted: which is which does not matter
  Leaf client;
  Stage stage = kDecide;
  uint8_t wanted = 2, changes = 0;
  std::array<uint8_t, 2> cross = {0, 0};  // who signed each generation's key in the file of that; 0: no file
  bool retired = false;

  std::string Key() const {
    std::string key;
    for (const Party& member : members) {
      for (uint8_t part : {member.runs, member.file, member.waits, member.leaf.generation, member.leaf.cross})
        key.push_back(static_cast<char>(part));
    }
    for (uint8_t part : {client.generation, client.cross, static_cast<uint8_t>(stage), wanted, changes,
                         cross[0], cross[1], static_cast<uint8_t>(retired)})
      key.push_back(static_cast<char>(part));
    return key;
  }
};

// What is so about the CAs.
struct World {
  bool can_sign = true, intermediate = false, leaf_alone = false;

  bool Accepts(Generations trusted, const Leaf& leaf) const {
    if (trusted & Bit(leaf.generation)) return true;
    // OpenSSL may take the other certificate of an intermediate; who shows a leaf alone shows no more.
    return leaf.cross != 0 && can_sign && !intermediate && !leaf_alone && (trusted & Bit(leaf.cross));
  }
};

// The rules; a mutant has one of them another way.
struct Rules {
  std::string name = "as they are";
  std::function<TrustDecision(const CaSeen&, const std::vector<TrustSeen>&)> decide = DecideOnTrust;
  std::function<Generations(Generations file, int wanted)> widen = [](Generations file, int wanted) {
    return static_cast<Generations>(file | Bit(wanted));
  };
  bool both_rolled_before_leaves = true;  // the leaves wait for all who were to trust both
  bool leaves_before_new = true;          // the new trust waits for all leaves
  bool client_before_new = true;          // and for the client's
  bool new_waits = true;                  // the new trust comes when a member is restarted, not before
  bool leaves_have_cross = true;
  bool cross_made_first = true;  // before the leaves
  bool cross_stays = true;       // until nobody trusts the one before alone
  bool retire_last = true;       // the one before is there until nobody trusts it
  bool sees_place = true;        // what is in place counts, and not what waits
  bool decides_anew = true;      // after a kill it is decided again, and not gone on from where it was
  bool new_is_wanted = true;     // who trusts the new alone trusts the wanted one
};

class Search {
 public:
  Search(const World& world, const Rules& rules) : world_(world), rules_(rules) {}

  // "" when all is well; else what was found.
  std::string Run(size_t members, int changes) {
    State first;
    first.members.resize(members);
    first.changes = static_cast<uint8_t>(changes);
    Visit(first);
    while (problem_.empty() && !queue_.empty()) {
      const State state = queue_.front();
      queue_.pop_front();
      from_ = seen_.at(state.Key());
      Expand(state);
    }
    if (problem_.empty()) CheckThatItEnds();
    return problem_;
  }

  size_t states() const { return seen_.size(); }
  size_t ends() const { return ended_.size(); }

 private:
  void Visit(State state) {
    std::sort(state.members.begin(), state.members.end());
    auto [at, fresh] = seen_.try_emplace(state.Key(), seen_.size());
    before_.resize(seen_.size());
    if (from_ != kNowhere) before_[at->second].push_back(from_);
    if (!fresh) return;
    if (state.stage == kDone) ended_.push_back(at->second);
    Check(state);
    queue_.push_back(std::move(state));
  }

  // From every state there is a way to an end.
  void CheckThatItEnds() {
    std::vector<bool> ends(seen_.size());
    std::vector<size_t> left = ended_;
    size_t count = 0;
    while (!left.empty()) {
      const size_t state = left.back();
      left.pop_back();
      if (ends[state]) continue;
      ends[state] = true;
      ++count;
      left.insert(left.end(), before_[state].begin(), before_[state].end());
    }
    if (count != seen_.size())
      problem_ = absl::StrCat("from ", seen_.size() - count, " states it never ends");
  }

  void Check(const State& state) {
    auto accepts = [&](const Party& party, const Leaf& leaf, const char* whose) {
      if (world_.Accepts(party.runs, leaf) || !problem_.empty()) return;
      problem_ = absl::StrCat("one that trusts ", party.runs, " refuses ", whose, " leaf of generation ",
                              leaf.generation, ", stage ", state.stage);
    };
    for (const Party& party : state.members) {
      for (const Party& other : state.members) accepts(party, other.leaf, "a member's");
      accepts(party, state.client, "the client's");
    }
    if (state.stage != kDone || !problem_.empty()) return;
    for (const Party& party : state.members) {
      if (party.runs != Bit(state.wanted) || party.leaf.generation != state.wanted)
        problem_ = absl::StrCat("it ended, and a member trusts ", party.runs);
    }
  }

  void Expand(const State& state) {
    if (state.stage == kDone) return;
    // A kill, and what the next run finds.
    if (state.stage != kDecide) {
      State next = state;
      if (rules_.decides_anew) next.stage = kDecide;
      Visit(next);
    }
    if (state.stage == kDecide && state.changes > 0 && !state.retired) {
      State next = state;
      next.wanted = state.wanted == 1 ? 2 : 1;
      --next.changes;
      Visit(next);
    }
    for (size_t i = 0; i < state.members.size(); ++i) {
      State next = state;
      next.members[i].runs = next.members[i].file;
      Visit(next);
    }
    GoOn(state);
  }

  CaSeen CaOf(const State& state) const {
    CaSeen ca;
    ca.wanted = state.wanted;
    ca.intermediate = world_.intermediate;
    ca.leaf_alone = world_.leaf_alone;
    if (!state.retired) ca.others.push_back({state.wanted == 1 ? 2 : 1, world_.can_sign ? "" : "it may not"});
    return ca;
  }

  void GoOn(const State& state) {
    switch (state.stage) {
      case kDecide:
        return Decide(state);
      case kRollBoth:
        return Roll(state, kLeaves, /*gate=*/rules_.both_rolled_before_leaves);
      case kLeaves:
        return Leaves(state);
      case kPlace:
        return Place(state);
      case kRollNew:
        return Roll(state, kRetire, /*gate=*/rules_.retire_last);
      default: {
        State next = state;
        next.retired = true;
        next.stage = kDone;
        return Visit(next);
      }
    }
  }

  void Decide(const State& state) {
    std::vector<TrustSeen> files;
    for (const Party& member : state.members) {
      const Generations trusted = !rules_.sees_place && member.waits != kNone ? member.waits : member.file;
      TrustSeen seen;
      for (int generation : {1, 2}) {
        if (trusted & Bit(generation)) seen.generations.push_back(generation);
      }
      files.push_back(std::move(seen));
    }
    const TrustDecision decision = rules_.decide(CaOf(state), files);
    State next = state;
    next.stage = kLeaves;
    if (decision.way == TrustWay::kCross)
      next.cross[state.wanted - 1] = rules_.cross_made_first ? static_cast<uint8_t>(decision.signer) : 0;
    if (decision.way == TrustWay::kBoth) {
      next.stage = kRollBoth;
      for (size_t i : decision.widened)
        next.members[i].waits = rules_.widen(next.members[i].file, state.wanted);
      // Others may have something that waits for a later stage; that is not this roll's.
      for (size_t i = 0; i < next.members.size(); ++i) {
        const bool widened = std::count(decision.widened.begin(), decision.widened.end(), i) != 0;
        if (!widened) next.members[i].waits = kNone;
      }
    }
    Visit(next);
  }

  // One of those for whom something waits is restarted with it.
  void Roll(const State& state, Stage then, bool gate) {
    bool all = true;
    for (size_t i = 0; i < state.members.size(); ++i) {
      const Party& member = state.members[i];
      if (member.waits == kNone && member.runs == member.file) continue;
      all = false;
      State next = state;
      if (member.waits != kNone) next.members[i].file = member.waits;
      next.members[i].waits = kNone;
      next.members[i].runs = next.members[i].file;
      Visit(next);
    }
    if (!all && gate) return;
    State next = state;
    next.stage = then;
    Visit(next);
  }

  Leaf NewLeaf(const State& state) const {
    return {state.wanted, rules_.leaves_have_cross ? state.cross[state.wanted - 1] : uint8_t{0}};
  }

  static bool Same(const Leaf& a, const Leaf& b) { return a.Tie() == b.Tie(); }

  void Leaves(const State& state) {
    const Leaf leaf = NewLeaf(state);
    bool all = true;
    for (size_t i = 0; i < state.members.size(); ++i) {
      if (Same(state.members[i].leaf, leaf)) continue;
      all = false;
      State next = state;
      next.members[i].leaf = leaf;
      Visit(next);
    }
    const bool client = Same(state.client, leaf);
    if (!client) {
      State next = state;
      next.client = leaf;
      Visit(next);
    }
    if ((!all && rules_.leaves_before_new) || (!client && rules_.client_before_new)) return;
    State next = state;
    next.stage = kPlace;
    if (!rules_.cross_stays) {
      next.cross[state.wanted - 1] = 0;
      for (Party& member : next.members) member.leaf.cross = 0;
    }
    Visit(next);
  }

  void Place(const State& state) {
    State next = state;
    next.stage = kRollNew;
    const Generations alone = Bit(rules_.new_is_wanted ? state.wanted : 3 - state.wanted);
    for (Party& member : next.members) {
      member.waits = member.file == alone ? kNone : alone;
      if (rules_.new_waits || member.waits == kNone) continue;
      member.file = member.runs = alone;
      member.waits = kNone;
    }
    Visit(next);
  }

  const World world_;
  const Rules& rules_;
  static constexpr size_t kNowhere = static_cast<size_t>(-1);

  absl::flat_hash_map<std::string, size_t> seen_;  // and their numbers
  std::vector<std::vector<size_t>> before_;        // of each state: those that lead there
  std::vector<size_t> ended_;
  size_t from_ = kNowhere;
  std::deque<State> queue_;
  std::string problem_;
};

std::vector<World> Worlds() {
  return {{true, false, false}, {false, false, false}, {true, true, false}, {true, false, true}};
}

TEST(TrustDecisionTest, NobodyIsRefusedInAnyState) {
  size_t states = 0, ends = 0;
  for (const World& world : Worlds()) {
    for (size_t members = 1; members <= 5; ++members) {
      for (int changes : {0, 1, 2}) {
        const Rules rules;
        Search search(world, rules);
        EXPECT_EQ(search.Run(members, changes), "") << members << " members, " << changes << " changes";
        states += search.states();
        ends += search.ends();
      }
    }
  }
  std::cout << states << " states, " << ends << " ends\n";
  // Members that are alike are one state.
  EXPECT_GT(states, 8000u);
  EXPECT_GT(ends, 100u);
}

TrustDecision Cross(const CaSeen& ca) {
  TrustDecision decision;
  if (ca.others.empty()) return decision;
  decision.way = TrustWay::kCross;
  decision.signer = ca.others[0].number;
  return decision;
}

bool Trusts(const TrustSeen& file, int64_t generation) {
  return std::count(file.generations.begin(), file.generations.end(), generation) != 0;
}

std::vector<Rules> Mutants() {
  std::vector<Rules> mutants;
  auto add = [&](const char* name, const std::function<void(Rules*)>& change) {
    Rules rules;
    rules.name = name;
    change(&rules);
    mutants.push_back(std::move(rules));
  };
  auto decide = [&](const char* name, auto change) {
    add(name, [&](Rules* rules) {
      rules->decide = [change](const CaSeen& ca, const std::vector<TrustSeen>& files) {
        TrustDecision decision = DecideOnTrust(ca, files);
        change(ca, files, &decision);
        return decision;
      };
    });
  };
  using Files = std::vector<TrustSeen>;
  decide("nothing is ever done first",
         [](const CaSeen&, const Files&, TrustDecision* decision) { *decision = {}; });
  decide("the first one is not widened", [](const CaSeen&, const Files&, TrustDecision* decision) {
    if (!decision->widened.empty()) decision->widened.erase(decision->widened.begin());
  });
  decide("the last one is not widened", [](const CaSeen&, const Files&, TrustDecision* decision) {
    if (!decision->widened.empty()) decision->widened.pop_back();
  });
  decide("only one is widened", [](const CaSeen&, const Files&, TrustDecision* decision) {
    if (decision->widened.size() > 1) decision->widened.resize(1);
  });
  decide("one that trusts the wanted one is enough",
         [](const CaSeen& ca, const Files& files, TrustDecision* decision) {
           for (const TrustSeen& file : files) {
             if (Trusts(file, ca.wanted)) *decision = {};
           }
         });
  decide("who trusts an old one is fine", [](const CaSeen& ca, const Files& files, TrustDecision* decision) {
    const bool all = std::all_of(files.begin(), files.end(), [&](const TrustSeen& file) {
      return !ca.others.empty() && Trusts(file, ca.others[0].number);
    });
    if (all) *decision = {};
  });
  decide("always cross-signed",
         [](const CaSeen& ca, const Files&, TrustDecision* decision) { *decision = Cross(ca); });
  decide("cross-signed by one that cannot sign",
         [](const CaSeen& ca, const Files& files, TrustDecision* decision) {
           CaSeen other = ca;
           for (OtherGeneration& generation : other.others) generation.why_not.clear();
           *decision = DecideOnTrust(other, files);
         });
  decide("an intermediate is cross-signed",
         [](const CaSeen& ca, const Files& files, TrustDecision* decision) {
           CaSeen other = ca;
           other.intermediate = false;
           *decision = DecideOnTrust(other, files);
         });
  decide("leaves that stand alone are cross-signed",
         [](const CaSeen& ca, const Files& files, TrustDecision* decision) {
           CaSeen other = ca;
           other.leaf_alone = false;
           *decision = DecideOnTrust(other, files);
         });
  decide("the wanted one signs itself", [](const CaSeen& ca, const Files&, TrustDecision* decision) {
    if (decision->way == TrustWay::kCross) decision->signer = ca.wanted;
  });
  decide("both are trusted, and nobody is told", [](const CaSeen&, const Files&, TrustDecision* decision) {
    if (decision->way == TrustWay::kBoth) decision->widened.clear();
  });
  add("what waits counts as trusted", [](Rules* rules) { rules->sees_place = false; });
  add("widened to the wanted one alone",
      [](Rules* rules) { rules->widen = [](Generations, int wanted) { return Bit(wanted); }; });
  add("widened by nothing", [](Rules* rules) { rules->widen = [](Generations file, int) { return file; }; });
  add("widened by the other one", [](Rules* rules) {
    rules->widen = [](Generations file, int wanted) {
      return static_cast<Generations>(file | Bit(3 - wanted));
    };
  });
  add("leaves do not wait for the roll", [](Rules* rules) { rules->both_rolled_before_leaves = false; });
  add("the new trust does not wait for leaves", [](Rules* rules) { rules->leaves_before_new = false; });
  add("the client's leaf is forgotten", [](Rules* rules) { rules->client_before_new = false; });
  add("leaves come without the cross certificate", [](Rules* rules) { rules->leaves_have_cross = false; });
  add("the cross certificate is not made", [](Rules* rules) { rules->cross_made_first = false; });
  add("the cross certificate goes too early", [](Rules* rules) { rules->cross_stays = false; });
  add("retired before all are restarted", [](Rules* rules) { rules->retire_last = false; });
  add("the other one is trusted alone", [](Rules* rules) { rules->new_is_wanted = false; });
  return mutants;
}

TEST(TrustDecisionTest, EveryMutantIsFound) {
  const std::vector<Rules> mutants = Mutants();
  EXPECT_GE(mutants.size(), 20u);
  for (const Rules& rules : mutants) {
    bool found = false;
    for (const World& world : Worlds()) {
      for (size_t members = 1; members <= 3 && !found; ++members) {
        Search search(world, rules);
        found = !search.Run(members, 1).empty();
      }
    }
    EXPECT_TRUE(found) << rules.name;
  }
}

}  // namespace
}  // namespace kplan
