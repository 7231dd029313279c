#include "src/base/conversation.h"

#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

class ConversationTest : public testing::Test {
 protected:
  ConversationTest() { signal(SIGPIPE, SIG_IGN); }  // as main() does

  static Conversation Shell(const std::string& script) {
    absl::StatusOr<Conversation> started = Conversation::Start({"sh", "-c", script}, {});
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

TEST_F(ConversationTest, OneThatDoesNotEndIsKilled) {
  const absl::Time begun = absl::Now();
  Conversation stubborn = Shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  EXPECT_EQ(*stubborn.ReadLine(100), "ready");
  EXPECT_EQ(stubborn.Finish(absl::Milliseconds(100)), 128 + SIGKILL);
  { Conversation dropped = Shell("sleep 1000"); }
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));
}

TEST_F(ConversationTest, IsStartedAsRunIs) {
  EXPECT_TRUE(absl::IsNotFound(Conversation::Start({"no-such-program"}, {}).status()));
  SpawnOptions options;
  options.environment = {"A=b"};
  options.new_session = true;
  absl::StatusOr<Conversation> shell = Conversation::Start(
      {"sh", "-c", "echo $A$HOME; if (: >/dev/tty) 2>/dev/null; then echo tty; else echo no tty; fi"},
      options);
  ASSERT_TRUE(shell.ok());
  EXPECT_EQ(*shell->ReadLine(100), "b");
  EXPECT_EQ(*shell->ReadLine(100), "no tty");
}

}  // namespace
}  // namespace kplan
