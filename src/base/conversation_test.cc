#include "src/base/conversation.h"

#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

// No test waits for as long.
constexpr Patience::Bounds kLong = {absl::Hours(1), absl::Hours(1)};

// A second passes each time that somebody asks for the time: what goes on for as long as it may is over after
// a number of looks, and not of seconds.
class ClockOfLooks : public Clock {
 public:
  absl::Time Now() override { return now_ += absl::Seconds(1); }
  void SleepFor(absl::Duration) override { ADD_FAILURE() << "nobody sleeps here"; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
};

class ConversationTest : public testing::Test {
 protected:
  ConversationTest() { signal(SIGPIPE, SIG_IGN); }  // as main() does

  static Conversation Shell(const std::string& script, const Patience::Bounds& bounds = kLong,
                            Clock* clock = Clock::Real()) {
    absl::StatusOr<Conversation> started =
        Conversation::Start({"sh", "-c", script}, {}, Patience(bounds, clock));
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }
};

TEST_F(ConversationTest, TalksBothWays) {
  Conversation shell = Shell("read a; echo \"got $a\"; echo oops >&2; read b; echo \"and $b\"; exit 7");
  ASSERT_TRUE(shell.Write("one\n").ok());
  EXPECT_EQ(*shell.ReadLine(100), "got one");
  EXPECT_FALSE(shell.HasSomething());
  ASSERT_TRUE(shell.Write("two\n").ok());
  EXPECT_EQ(*shell.ReadLine(100), "and two");
  EXPECT_TRUE(absl::IsUnavailable(shell.ReadLine(100).status()));
  EXPECT_TRUE(shell.HasSomething());  // its end
  EXPECT_EQ(shell.Finish(absl::Seconds(10)), 7);
  EXPECT_EQ(shell.errors(), "oops\n");
}

// Both sides write more than a pipe holds before either reads: with plain writes they would wait for ever.
TEST_F(ConversationTest, NeitherSideBlocksTheOther) {
  const std::string much(1 << 20, 'x');
  Conversation cat = Shell("cat; head -c 1000000 /dev/zero >&2");
  ASSERT_TRUE(cat.Write(much).ok());
  ASSERT_TRUE(cat.Write("\n").ok());
  absl::StatusOr<std::string> back = cat.ReadLine(2 << 20);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, much);
  EXPECT_EQ(cat.Finish(absl::Seconds(10)), 0);
  EXPECT_EQ(cat.errors().size(), size_t{64} << 10);
}

TEST_F(ConversationTest, ALineHasAnEnd) {
  Conversation endless = Shell("exec cat /dev/zero");
  EXPECT_TRUE(absl::IsOutOfRange(endless.ReadLine(100000).status()));
  Conversation two = Shell("echo abc; echo abcd");
  EXPECT_EQ(*two.ReadLine(3), "abc");
  EXPECT_TRUE(absl::IsOutOfRange(two.ReadLine(3).status()));
}

TEST_F(ConversationTest, OneThatReadsNoMore) {
  Conversation gone = Shell("exec <&-; echo closed; sleep 1000");
  EXPECT_EQ(*gone.ReadLine(100), "closed");
  EXPECT_TRUE(absl::IsUnavailable(gone.Write(std::string(1 << 20, 'x'))));
  Conversation ended = Shell("exit 0");
  EXPECT_TRUE(absl::IsUnavailable(ended.Write(std::string(1 << 20, 'x'))));
}

TEST_F(ConversationTest, OneThatSaysNothingIsNotWaitedForWithoutEnd) {
  const Patience::Bounds silence = {absl::Milliseconds(1), absl::Hours(1)};
  Conversation silent = Shell("exec sleep 1000", silence);
  EXPECT_EQ(silent.ReadLine(100).status(), absl::DeadlineExceededError("it has been silent for 1ms"));
  Conversation deaf = Shell("exec sleep 1000", silence);
  EXPECT_TRUE(absl::IsDeadlineExceeded(deaf.Write(std::string(1 << 20, 'x'))));
}

TEST_F(ConversationTest, NorOneThatDrips) {
  ClockOfLooks clock;
  Conversation drip = Shell("while :; do printf x; done", {absl::Minutes(1), absl::Minutes(10)}, &clock);
  EXPECT_EQ(drip.ReadLine(1 << 20).status(), absl::DeadlineExceededError("it was not done within 10m"));
}

// What a child writes to stderr is read, so that it does not wait for us, and is no sign of life.
TEST_F(ConversationTest, NorOneThatFloodsStderr) {
  ClockOfLooks clock;
  Conversation flood = Shell("cat /dev/zero >&2; exit 0", {absl::Minutes(1), absl::Hours(1)}, &clock);
  EXPECT_EQ(flood.ReadLine(100).status(), absl::DeadlineExceededError("it has been silent for 1m"));
  EXPECT_EQ(flood.errors().size(), size_t{64} << 10);
}

TEST_F(ConversationTest, WhoIsAliveMayTakeItsTime) {
  ClockOfLooks clock;
  // The signs come in pieces, too, and one after another.
  Conversation busy = Shell(
      "printf 'hello\nbu'; read a; printf 'sy\nbusy\nbusy\n'; read a; printf 'busyish\nbusy\n';"
      "read a; echo done; read a; echo bu",
      {absl::Hours(1), absl::Hours(1)}, &clock);
  busy.SetLifeSign("busy");
  EXPECT_EQ(*busy.ReadLine(100), "hello");
  EXPECT_FALSE(busy.HasSomething()) << "the beginning of a sign is no word";
  ASSERT_TRUE(busy.Write("\n\n").ok());
  EXPECT_EQ(*busy.ReadLine(100), "busyish");
  ASSERT_TRUE(busy.Write("\n").ok());
  EXPECT_EQ(*busy.ReadLine(100), "done");
  ASSERT_TRUE(busy.Write("\n").ok());
  EXPECT_EQ(*busy.ReadLine(100), "bu");
}

TEST_F(ConversationTest, ButNotForEver) {
  ClockOfLooks clock;
  Conversation busy = Shell("while :; do echo busy; done", {absl::Minutes(1), absl::Minutes(10)}, &clock);
  busy.SetLifeSign("busy");
  EXPECT_EQ(busy.ReadLine(100).status(), absl::DeadlineExceededError("it was not done within 10m"));
}

TEST_F(ConversationTest, EachPartHasItsPatience) {
  ClockOfLooks clock;
  Conversation shell = Shell("echo one; read a; echo two", {absl::Hours(1), absl::Hours(1)}, &clock);
  EXPECT_EQ(*shell.ReadLine(100), "one");
  const Patience over({absl::ZeroDuration(), absl::ZeroDuration()}, &clock);
  shell.SetPatience(over);
  EXPECT_TRUE(absl::IsDeadlineExceeded(shell.ReadLine(100).status()));
  shell.SetPatience(Patience(kLong));
  ASSERT_TRUE(shell.Write("\n").ok());
  EXPECT_EQ(*shell.ReadLine(100), "two");
}

TEST_F(ConversationTest, OneThatDoesNotEndIsKilled) {
  const absl::Time begun = absl::Now();
  Conversation stubborn = Shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  EXPECT_EQ(*stubborn.ReadLine(100), "ready");
  EXPECT_EQ(stubborn.Finish(absl::Milliseconds(100)), 128 + SIGKILL);
  { Conversation dropped = Shell("sleep 1000"); }
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));
}

TEST_F(ConversationTest, IsStartedAsRunIs) {
  EXPECT_TRUE(absl::IsNotFound(Conversation::Start({"no-such-program"}, {}, Patience(kLong)).status()));
  SpawnOptions options;
  options.environment = {"A=b"};
  options.new_session = true;
  absl::StatusOr<Conversation> shell = Conversation::Start(
      {"sh", "-c", "echo $A$HOME; if (: >/dev/tty) 2>/dev/null; then echo tty; else echo no tty; fi"},
      options, Patience(kLong));
  ASSERT_TRUE(shell.ok());
  EXPECT_EQ(*shell->ReadLine(100), "b");
  EXPECT_EQ(*shell->ReadLine(100), "no tty");
}

}  // namespace
}  // namespace kplan
