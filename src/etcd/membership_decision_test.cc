#include "src/etcd/membership_decision.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <iostream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/etcd/rollout_order.h"

namespace kplan {
namespace {

using Action = MembershipAction;
using Rule = MembershipRule;
using ::testing::HasSubstr;

// One machine, with what the cluster lists of it.
struct Machine {
  enum Entry : uint8_t { kNone, kLearner, kVoting };
  enum Data : uint8_t { kEmpty, kCurrent, kStale, kForeign };
  bool planned = true, consent = false;
  bool reached = true;  // its host answers kplan
  bool slow = false;    // as a learner it never gets in sync
  Entry entry = kNone;
  bool started = false;    // as the list has it: of one that lies, too
  bool at_planned = true;  // listed with the planned address
  Data data = kEmpty;
  bool up = false;              // an etcd runs with that data
  bool listens_planned = true;  // at the planned address
  bool in_sync = false, leader = false;
  bool renamed = false;   // listed with a name that it had before
  bool due = false;       // what runs is to be restarted for something else
  bool given_up = false;  // the one thing that a run remembers

  uint32_t Bits() const {
    uint32_t bits = 0;
    for (bool bit : {planned, consent, reached, slow, started, at_planned, up, listens_planned, in_sync,
                     leader, renamed, due, given_up})
      bits = bits << 1 | (bit ? 1 : 0);
    return bits << 4 | static_cast<uint32_t>(entry) << 2 | data;
  }
  std::string Text() const {
    const char* const entries[] = {"unlisted", "learner", "voting"};
    const char* const datas[] = {"empty", "current", "stale", "foreign"};
    return absl::StrCat(planned ? "planned " : "unplanned ", entries[entry], " ", datas[data],
                        consent ? " consent" : "", reached ? "" : " unreached", slow ? " slow" : "",
                        started ? " started" : "", at_planned ? "" : " listed-elsewhere", up ? " up" : "",
                        listens_planned ? "" : " listens-elsewhere", in_sync ? " in-sync" : "",
                        leader ? " leader" : "", renamed ? " renamed" : "", due ? " due" : "",
                        given_up ? " given-up" : "");
  }
};

// The cluster as it is: etcd's part in this.
struct World {
  std::vector<Machine> machines;
  int trouble = 0;  // how much may still befall it

  size_t Voting() const {
    return static_cast<size_t>(std::count_if(machines.begin(), machines.end(),
                                             [](const Machine& m) { return m.entry == Machine::kVoting; }));
  }
  // Others find it where the list has it, or it needs nobody.
  bool Connected(const Machine& m) const {
    return m.up && m.data == Machine::kCurrent &&
           (m.at_planned == m.listens_planned || (m.entry == Machine::kVoting && Voting() == 1));
  }
  size_t Together() const {
    return static_cast<size_t>(std::count_if(machines.begin(), machines.end(), [this](const Machine& m) {
      return m.entry == Machine::kVoting && Connected(m);
    }));
  }
  bool HasQuorum() const { return Voting() > 0 && Together() >= QuorumOf(Voting()); }
  bool Serves(const Machine& m) const { return m.entry != Machine::kNone && Connected(m) && HasQuorum(); }
  bool HasLearner() const {
    return std::any_of(machines.begin(), machines.end(),
                       [](const Machine& m) { return m.entry == Machine::kLearner; });
  }
  // Whether one that joins finds the leader at the address that it is told.
  bool LeaderIsFound() const {
    return std::any_of(machines.begin(), machines.end(), [this](const Machine& m) {
      return m.leader && Serves(m) && m.at_planned == m.listens_planned;
    });
  }

  // Which machine is which makes no difference.
  void Sort() {
    std::sort(machines.begin(), machines.end(),
              [](const Machine& a, const Machine& b) { return a.Bits() < b.Bits(); });
  }
  std::string Key() const {
    std::string key(1, static_cast<char>(trouble));
    for (const Machine& m : machines) {
      key.push_back(static_cast<char>(m.Bits() >> 16));
      key.push_back(static_cast<char>(m.Bits() >> 8 & 0xff));
      key.push_back(static_cast<char>(m.Bits() & 0xff));
    }
    return key;
  }
  std::string Text() const {
    std::string text;
    for (size_t i = 0; i < machines.size(); ++i) absl::StrAppend(&text, "\n  ", i, ": ", machines[i].Text());
    return text;
  }
};

// What kplan sees of it. SEATS and ENTRIES: which machine each is.
MembershipView See(const World& world, std::vector<size_t>* seats, std::vector<size_t>* entries) {
  MembershipView view;
  for (size_t i = 0; i < world.machines.size(); ++i) {
    const Machine& m = world.machines[i];
    const std::string name = std::string(1, static_cast<char>('a' + i));
    const std::vector<std::string> planned = {absl::StrCat(name, "-new")},
                                   before = {absl::StrCat(name, "-old")};
    if (m.planned) {
      MembershipSeat seat;
      seat.name = seat.host = name;
      seat.peer_urls = planned;
      seat.data = !m.reached                    ? MembershipSeat::kUnseen
                  : m.data == Machine::kForeign ? MembershipSeat::kForeign
                  : m.data == Machine::kEmpty   ? MembershipSeat::kNone
                                                : MembershipSeat::kOurs;
      if (seat.data == MembershipSeat::kOurs)
        seat.data_id = absl::StrCat(name, m.data == Machine::kStale ? "0" : "1");
      seat.running = m.up && m.reached;
      seat.restarts = seat.running && (!m.listens_planned || m.due || m.renamed);
      seat.replace = m.consent;
      seat.given_up = m.given_up;
      view.seats.push_back(std::move(seat));
      seats->push_back(i);
    }
    if (m.entry == Machine::kNone) continue;
    MembershipEntry entry;
    entry.id = absl::StrCat(name, "1");
    if (m.started) entry.name = m.renamed ? absl::StrCat("etcd-", name) : name;
    entry.peer_urls = m.at_planned ? planned : before;
    entry.learner = m.entry == Machine::kLearner;
    entry.started = m.started;
    entry.serves = world.Serves(m);
    entry.leader = m.leader && entry.serves;
    entry.in_sync = m.in_sync;
    view.entries.push_back(std::move(entry));
    entries->push_back(i);
  }
  return view;
}

// Every course from every world, until something is wrong.
class Search {
 public:
  explicit Search(const MembershipRules& rules) : rules_(rules) {}

  // Also from wherever a killed run leaves it.
  void From(const World& start) {
    roots_.push_back(start);
    while (!roots_.empty() && wrong_.empty()) {
      World world = std::move(roots_.front());
      roots_.pop_front();
      ForEachLeader(std::move(world), [this](World next) { Visit(std::move(next)); });
    }
  }

  const std::string& wrong() const { return wrong_; }
  size_t states() const { return seen_.size(); }
  size_t actions() const { return actions_; }
  size_t ends() const { return ends_; }

 private:
  enum Colour : char { kOpen, kClosed };

  void Wrong(const World& world, const std::string& what) {
    if (wrong_.empty()) wrong_ = absl::StrCat(what, ":", world.Text());
  }

  void Visit(World world) {
    if (!wrong_.empty()) return;
    world.Sort();
    const auto [at, is_new] = seen_.emplace(world.Key(), kOpen);
    if (!is_new) {
      if (at->second == kOpen) Wrong(world, "it does not end");
      return;
    }
    const std::string key = at->first;
    Crash(world);
    Befall(world);
    Act(world);
    seen_[key] = kClosed;
  }

  // kplan is killed, and another one begins.
  void Crash(const World& world) {
    World after = world;
    for (Machine& m : after.machines) m.given_up = false;
    after.Sort();
    if (seen_.count(after.Key()) == 0) roots_.push_back(std::move(after));
  }

  // What may happen to it at any moment, without anybody's doing.
  void Befall(const World& world) {
    if (world.trouble == 0) return;
    for (size_t i = 0; i < world.machines.size(); ++i) {
      const auto with = [&](auto change) {
        World after = world;
        --after.trouble;
        change(&after.machines[i]);
        Go(std::move(after));
      };
      const Machine& m = world.machines[i];
      const auto end = [](Machine* it) { it->up = it->due = false, it->listens_planned = true; };
      if (m.up) with([&](Machine* it) { end(it); });
      if (m.data == Machine::kCurrent)
        with([&](Machine* it) { end(it), it->data = Machine::kEmpty, it->in_sync = false; });
      if (m.reached) with([&](Machine* it) { end(it), it->reached = false; });
      if (m.reached && m.up) with([&](Machine* it) { it->reached = false; });
      if (!m.reached) with([&](Machine* it) { it->reached = true; });
      if (m.entry == Machine::kVoting && !m.leader && world.Serves(m)) {
        World after = world;
        --after.trouble;
        for (Machine& other : after.machines) other.leader = false;
        after.machines[i].leader = true;
        Go(std::move(after));
      }
    }
  }

  // NEXT, with each leader that it may have.
  void Go(World next) {
    ForEachLeader(std::move(next), [this](World with) { Visit(std::move(with)); });
  }
  template <typename Then>
  void ForEachLeader(World world, Then then) {
    bool has = false;
    for (Machine& m : world.machines) {
      m.leader = m.leader && m.entry == Machine::kVoting && world.Serves(m);
      has = has || m.leader;
    }
    if (has || !world.HasQuorum()) return then(std::move(world));
    for (size_t i = 0; i < world.machines.size(); ++i) {
      if (world.machines[i].entry != Machine::kVoting || !world.Serves(world.machines[i])) continue;
      World led = world;
      led.machines[i].leader = true;
      then(std::move(led));
    }
  }

  void Act(const World& world) {
    std::vector<size_t> seats, entries;
    const MembershipView view = See(world, &seats, &entries);
    const Action action = NextMembershipAction(view, rules_);
    ++actions_;
    const size_t seat = action.seat == Action::kNobody ? Action::kNobody : seats[action.seat];
    const size_t entry = action.entry == Action::kNobody ? Action::kNobody : entries[action.entry];
    World after = world;
    const auto done = [&] {
      if (!wrong_.empty()) return;
      // Where there was a quorum, there is one.
      if (world.HasQuorum() && !after.HasQuorum())
        return Wrong(world, absl::StrCat("the quorum is given away by ", action.kind));
      Go(std::move(after));
    };
    const auto changes = [&] {
      if (!world.HasQuorum()) Wrong(world, "the membership is changed without a quorum");
    };
    switch (action.kind) {
      case Action::kDone:
        ++ends_;
        return CheckDone(world);
      case Action::kStop:
        ++ends_;
        return CheckStop(world, action);
      case Action::kPutAside: {
        Machine& m = after.machines[seat];
        if (m.data != Machine::kStale) return Wrong(world, "data that is of use is put aside");
        m.data = Machine::kEmpty;
        return done();
      }
      case Action::kAdd:
      case Action::kAddVoting: {
        changes();
        Machine& m = after.machines[seat];
        if (m.entry != Machine::kNone) return Wrong(world, "a member is added that is one");
        if (m.data != Machine::kEmpty) return Wrong(world, "a member is added whose host has data");
        if (!m.reached) return Wrong(world, "a member is added whose host cannot be reached");
        if (action.kind == Action::kAdd && world.HasLearner()) return Wrong(world, "a second learner");
        if (world.Together() < world.Voting()) return Wrong(world, "an add that etcd refuses");
        m.entry = action.kind == Action::kAdd ? Machine::kLearner : Machine::kVoting;
        m.started = m.in_sync = false;
        m.at_planned = true;
        return done();
      }
      case Action::kStart: {
        Machine& m = after.machines[seat];
        if (m.up) return Wrong(world, "one that runs is started");
        if (m.entry == Machine::kNone) return Wrong(world, "one is started that is no member");
        if (m.data == Machine::kStale || m.data == Machine::kForeign)
          return Wrong(world, "one is started with data of somebody else");
        if (m.data == Machine::kEmpty) {
          if (m.started) return Wrong(world, "one is started without the data that it had");
          if (!world.LeaderIsFound()) {
            // Whether a member listens where it is to cannot be seen of a host that does not answer.
            if (AllAnswer(world)) return Wrong(world, "one is to join whom nobody answers");
            m.given_up = true;
            return done();
          }
        }
        m.data = Machine::kCurrent;
        m.up = m.started = m.listens_planned = true;
        m.renamed = m.due = false;
        return done();
      }
      case Action::kPromote: {
        changes();
        Machine& m = after.machines[entry];
        if (m.entry != Machine::kLearner) return Wrong(world, "one is promoted that votes");
        if (!m.in_sync) return Wrong(world, "one is promoted that is not in sync");
        if (!world.Serves(m)) return Wrong(world, "one is promoted that does not serve");
        m.entry = Machine::kVoting;
        m.in_sync = false;
        return done();
      }
      case Action::kMoveLeader: {
        const Machine& to = after.machines[entry];
        if (to.entry != Machine::kVoting || !world.Serves(to) || to.leader || !to.planned)
          return Wrong(world, "the leadership is given to one who cannot have it");
        for (Machine& m : after.machines) m.leader = false;
        after.machines[entry].leader = true;
        return done();
      }
      case Action::kRemove: {
        changes();
        Machine& m = after.machines[entry];
        if (m.leader && world.Voting() > 1) return Wrong(world, "the leader is removed");
        const bool votes = m.entry == Machine::kVoting;
        if (votes && m.planned && (world.Serves(m) || m.data == Machine::kCurrent))
          return Wrong(world, "a planned member is removed that has its data");
        // With another name at another address, and without data, it is nobody's that is planned.
        const bool known = m.at_planned || !m.renamed;
        if (votes && m.planned && known && !m.consent)
          return Wrong(world, "a planned member is removed without consent");
        if (votes && world.Serves(m) && AddsAreLeft(world))
          return Wrong(world, "one that serves is removed before those that come are there");
        m.entry = Machine::kNone;
        m.started = m.in_sync = m.up = m.leader = m.renamed = m.due = false;
        m.at_planned = m.listens_planned = true;
        if (m.data == Machine::kCurrent) m.data = Machine::kStale;
        return done();
      }
      case Action::kUpdate: {
        changes();
        Machine& m = after.machines[entry];
        if (m.at_planned) return Wrong(world, "an address is changed that is right");
        if (std::any_of(world.machines.begin(), world.machines.end(), [&](const Machine& other) {
              return other.entry == Machine::kVoting && other.at_planned && world.Voting() != 2 && other.up &&
                     other.reached && other.planned && !other.listens_planned;
            }))
          return Wrong(world, "a second address is changed before the first member is restarted");
        m.at_planned = true;
        return done();
      }
      case Action::kRestart: {
        Machine& m = after.machines[seat];
        if (!m.up || (m.listens_planned && !m.due && !m.renamed))
          return Wrong(world, "one is restarted that need not be");
        if (world.Voting() > 1 && m.entry == Machine::kVoting) {
          World meanwhile = world;
          meanwhile.machines[seat].up = false;
          if (world.HasQuorum() && !meanwhile.HasQuorum()) return Wrong(world, "a restart costs the quorum");
        }
        m.listens_planned = true;
        m.renamed = m.due = false;
        return done();
      }
      case Action::kWait: {
        const Machine& waited = world.machines[seat];
        if (waited.reached && !waited.up && !waited.given_up)
          return Wrong(world, "one is waited for that does not run");
        World given_up = after;
        if (given_up.machines[seat].given_up)
          return Wrong(world, "what was waited for in vain is waited for again");
        given_up.machines[seat].given_up = true;
        Go(std::move(given_up));
        Machine& m = after.machines[seat];
        if (m.entry == Machine::kLearner && world.Serves(m) && !m.in_sync && !m.slow &&
            world.LeaderIsFound()) {
          m.in_sync = true;
          done();
        }
        return;
      }
    }
  }

  static bool AllAnswer(const World& world) {
    return std::all_of(world.machines.begin(), world.machines.end(),
                       [](const Machine& m) { return m.reached; });
  }

  static bool AddsAreLeft(const World& world) {
    return std::any_of(world.machines.begin(), world.machines.end(),
                       [](const Machine& m) { return m.planned && m.entry != Machine::kVoting; });
  }

  void CheckDone(const World& world) {
    for (const Machine& m : world.machines) {
      if (m.planned != (m.entry == Machine::kVoting)) return Wrong(world, "done, and the members are others");
      if (m.planned && !m.at_planned) return Wrong(world, "done, and an address is another one");
      if (m.planned && m.reached && m.data != Machine::kCurrent)
        return Wrong(world, "done, and a member has no data of use");
    }
  }

  // Nobody is asked for help without need.
  void CheckStop(const World& world, const Action& action) {
    if (action.why.empty() || action.advice.empty()) return Wrong(world, "it stops and does not say why");
    if (!world.HasQuorum()) return;
    for (const Machine& m : world.machines) {
      if (!m.planned) continue;
      if (!m.reached || m.given_up || m.data == Machine::kForeign) return;
      // Its data is lost, and nobody consents.
      if (m.entry == Machine::kVoting && m.started && m.data != Machine::kCurrent && !m.consent) return;
      // Two have none to spare.
      if (!m.at_planned && world.Voting() == 2 && world.Serves(m)) return;
    }
    Wrong(world, absl::StrCat("it stops without need (", action.why, ")"));
  }

  const MembershipRules rules_;
  std::deque<World> roots_;
  std::unordered_map<std::string, char> seen_;
  std::string wrong_;
  size_t actions_ = 0, ends_ = 0;
};

// What a machine may be when kplan begins to look.
std::vector<Machine> Beginnings() {
  std::vector<Machine> all;
  const auto add = [&](auto change) {
    Machine m;
    change(&m);
    all.push_back(m);
  };
  const auto votes = [](Machine* m) {
    m->entry = Machine::kVoting;
    m->data = Machine::kCurrent;
    m->started = m->up = true;
  };
  add([&](Machine* m) { votes(m); });
  add([&](Machine* m) { votes(m), m->consent = true; });
  add([&](Machine* m) { votes(m), m->at_planned = m->listens_planned = false; });  // it is going to move
  add([&](Machine* m) { votes(m), m->at_planned = m->listens_planned = false, m->renamed = true; });
  add([&](Machine* m) { votes(m), m->at_planned = m->reached = false, m->renamed = true; });
  add([&](Machine* m) { votes(m), m->due = true; });
  add([&](Machine* m) { votes(m), m->listens_planned = false; });  // its address was changed
  add([&](Machine* m) { votes(m), m->at_planned = false; });       // it has moved by itself
  add([&](Machine* m) { votes(m), m->up = false; });
  add([&](Machine* m) { votes(m), m->up = m->reached = false; });
  add([&](Machine* m) { votes(m), m->reached = false; });
  for (bool consent : {false, true}) {
    // Its disk is lost: or the list says of one that never came that it is started.
    add([&](Machine* m) { votes(m), m->up = false, m->data = Machine::kEmpty, m->consent = consent; });
    // Its machine is lost, and another one has another address.
    add([&](Machine* m) {
      votes(m), m->up = m->at_planned = false, m->data = Machine::kEmpty, m->consent = consent;
    });
    add([&](Machine* m) {
      votes(m), m->up = m->reached = false, m->data = Machine::kEmpty, m->consent = consent;
    });
  }
  add([&](Machine* m) { m->entry = Machine::kVoting; });  // it never came
  add([&](Machine* m) { votes(m), m->up = false, m->data = Machine::kStale, m->consent = true; });
  for (bool slow : {false, true}) {
    add([&](Machine* m) { m->slow = slow; });
    add([&](Machine* m) { votes(m), m->entry = Machine::kLearner, m->slow = slow; });
  }
  add([&](Machine* m) { m->entry = Machine::kLearner; });
  add([&](Machine* m) { m->entry = Machine::kLearner, m->at_planned = false; });
  add([&](Machine* m) { m->entry = Machine::kLearner, m->reached = false; });
  add([&](Machine* m) { m->entry = Machine::kLearner, m->data = Machine::kStale; });
  add([&](Machine* m) { m->entry = Machine::kLearner, m->started = true; });  // and has lost its data
  add([&](Machine* m) { m->data = Machine::kStale; });
  add([&](Machine* m) { m->data = Machine::kForeign; });
  add([&](Machine* m) { m->reached = false; });
  const auto unplanned = [&](auto change) { add([&](Machine* m) { change(m), m->planned = false; }); };
  unplanned([&](Machine* m) { votes(m); });
  unplanned([&](Machine* m) { votes(m), m->up = false; });
  unplanned([&](Machine* m) { m->entry = Machine::kVoting; });
  unplanned([&](Machine* m) { m->entry = Machine::kLearner; });
  unplanned([&](Machine* m) { votes(m), m->entry = Machine::kLearner; });
  return all;
}

// All worlds of COUNT machines, whichever is which.
void SearchAll(Search* search, size_t count, int trouble) {
  const std::vector<Machine> all = Beginnings();
  std::vector<size_t> which(count);
  while (search->wrong().empty()) {
    World world;
    world.trouble = trouble;
    for (size_t i : which) world.machines.push_back(all[i]);
    const auto learners = std::count_if(world.machines.begin(), world.machines.end(),
                                        [](const Machine& m) { return m.entry == Machine::kLearner; });
    const bool planned =
        std::any_of(world.machines.begin(), world.machines.end(), [](const Machine& m) { return m.planned; });
    // etcd has one learner, and a plan has members.
    if (learners <= 1 && planned && world.Voting() > 0) search->From(world);
    // The next one, in which none is before the one in front of it.
    size_t last = count;
    while (last > 0 && which[last - 1] + 1 == all.size()) --last;
    if (last == 0) return;
    const size_t next = which[last - 1] + 1;
    for (size_t i = last - 1; i < count; ++i) which[i] = next;
  }
}

constexpr int kTrouble[] = {0, 2, 2, 2, 1, 1};  // by the number of machines

void SearchUpTo(Search* search, size_t most) {
  for (size_t count = 1; count <= most && search->wrong().empty(); ++count)
    SearchAll(search, count, kTrouble[count]);
}

TEST(NextMembershipAction, NeverGivesTheQuorumAwayAndEnds) {
  Search search{MembershipRules()};
  SearchUpTo(&search, 5);
  EXPECT_EQ(search.wrong(), "");
  std::cout << search.states() << " states, " << search.actions() << " decisions, " << search.ends()
            << " of them ends\n";
  RecordProperty("states", std::to_string(search.states()));
  EXPECT_GT(search.states(), 4000000u);
}

// Each rule is there for something: without it the same search finds what goes wrong.
TEST(NextMembershipAction, WithoutAnyOneOfItsRulesSomethingIsFound) {
  size_t found = 0;
  for (size_t rule = 0; rule < static_cast<size_t>(Rule::kRules); ++rule) {
    Search search(MembershipRules::Without(static_cast<Rule>(rule)));
    SearchUpTo(&search, 4);
    EXPECT_NE(search.wrong(), "") << "rule " << rule << " of MembershipRule can be left out";
    if (search.wrong().empty()) continue;
    ++found;
    std::cout << "without rule " << rule << ", after " << search.states() << " states: " << search.wrong()
              << "\n";
  }
  EXPECT_EQ(found, static_cast<size_t>(Rule::kRules));
  EXPECT_GE(found, 20u);
}

// Three members, of which the first leads; all well.
MembershipView Three() {
  MembershipView view;
  for (const std::string name : {"etcd-1", "etcd-2", "etcd-3"}) {
    MembershipSeat seat;
    seat.name = name;
    seat.host = absl::StrCat("host-of-", name);
    seat.peer_urls = {absl::StrCat("https://", name, ":2380")};
    seat.data = MembershipSeat::kOurs;
    seat.data_id = absl::StrCat("id-of-", name);
    seat.running = true;
    view.seats.push_back(seat);
    MembershipEntry entry;
    entry.id = seat.data_id;
    entry.name = name;
    entry.peer_urls = seat.peer_urls;
    entry.started = entry.serves = true;
    entry.leader = view.entries.empty();
    view.entries.push_back(entry);
  }
  return view;
}

void Lose(MembershipView* view, size_t member) {
  view->seats[member].data = MembershipSeat::kNone;
  view->seats[member].running = false;
  view->entries[member].serves = false;
}

TEST(NextMembershipAction, OneLostOfThreeIsReplacedWhenSomebodyConsents) {
  MembershipView view = Three();
  EXPECT_EQ(NextMembershipAction(view).kind, Action::kDone);
  Lose(&view, 1);
  Action action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kStop);
  EXPECT_EQ(action.why,
            "etcd-2 has run with data (the cluster lists it as member id-of-etcd-2), and there is none on "
            "host-of-etcd-2: started without, it would be somebody who has forgotten what it voted for");
  EXPECT_THAT(action.advice, HasSubstr("below etcd: replace: [etcd-2]"));
  view.seats[1].replace = true;
  action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kRemove);
  EXPECT_EQ(action.entry, 1u);
  view.entries.erase(view.entries.begin() + 1);
  action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kAdd);
  EXPECT_EQ(action.seat, 1u);
}

TEST(NextMembershipAction, TwoLostOfThreeLeadToARestore) {
  MembershipView view = Three();
  for (size_t member : {1, 2}) {
    Lose(&view, member);
    view.seats[member].replace = true;
  }
  view.entries[0].serves = view.entries[0].leader = false;  // it runs, and knows no leader
  const Action action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kStop);
  EXPECT_EQ(
      action.why,
      "only 0 of 3 voting members serve, and a quorum is 2: without one nobody can be added or removed");
  EXPECT_THAT(action.advice, HasSubstr("kplan restore"));
}

TEST(NextMembershipAction, AHostThatIsAnotherClustersEndsIt) {
  MembershipView view = Three();
  view.entries.pop_back();
  view.seats[2].data = MembershipSeat::kForeign;
  const Action action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kStop);
  EXPECT_EQ(action.why,
            "host-of-etcd-3 has the data of another cluster, and would become etcd-3 of this one");
}

TEST(NextMembershipAction, SwappedHostsEndIt) {
  MembershipView view = Three();
  std::swap(view.seats[0].data_id, view.seats[1].data_id);
  EXPECT_EQ(NextMembershipAction(view).why, "host-of-etcd-1 has the data of etcd-2, and would become etcd-1");
}

TEST(NextMembershipAction, TheLeaderMovesBeforeItIsRemoved) {
  MembershipView view = Three();
  view.seats.erase(view.seats.begin());
  Action action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kMoveLeader);
  EXPECT_EQ(action.entry, 1u);
  std::swap(view.entries[0].leader, view.entries[1].leader);
  action = NextMembershipAction(view);
  EXPECT_EQ(action.kind, Action::kRemove);
  EXPECT_EQ(action.entry, 0u);
}

}  // namespace
}  // namespace kplan
