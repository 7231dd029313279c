#include "src/model/ssh_login.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(SshLogin, HasUserHostAndPort) {
  auto full = ParseSshLogin("ops@10.0.0.11:2222");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->user, "ops");
  EXPECT_EQ(full->host, "10.0.0.11");
  EXPECT_EQ(full->port, 2222);
  auto alias = ParseSshLogin("etcd_1.prod");
  ASSERT_TRUE(alias.ok()) << alias.status();
  EXPECT_EQ(alias->user, "");
  EXPECT_EQ(alias->host, "etcd_1.prod");
  EXPECT_EQ(alias->port, 0);
  auto v6 = ParseSshLogin("root@[fd00::11]:22");
  ASSERT_TRUE(v6.ok()) << v6.status();
  EXPECT_EQ(v6->host, "fd00::11");
  EXPECT_EQ(v6->port, 22);
}

TEST(SshLogin, RefusesWhatSshOrAShellWouldTakeForSomethingElse) {
  for (const char* text : {"-oProxyCommand=touch${IFS}x",
                           "ops@-oProxyCommand=x",
                           "-l@host",
                           "host -p 1",
                           "a;b",
                           "$(id)",
                           "`id`",
                           "a b",
                           "a\nb",
                           "a'b",
                           "a\"b",
                           "a|b",
                           "a&b",
                           "%h",
                           "~root",
                           "a/b",
                           "ops@",
                           "@host",
                           "",
                           ":22",
                           "ops@:22",
                           "host:",
                           "host:0",
                           "host:65536",
                           "host:22x",
                           "host:-1",
                           "host:+22",
                           "host: 22",
                           "host:022222",
                           "fd00::11",
                           "ops@fd00::11",
                           "[fd00::11",
                           "[host]",
                           "[10.0.0.1]",
                           "[fd00::11]22",
                           "[fd00::11]:",
                           "[fe80::1%eth0]",
                           "ssh://ops@host",
                           "a@b@c",
                           "b\xC3\xBC"
                           "cher",
                           "host:22:22"}) {
    auto login = ParseSshLogin(text);
    EXPECT_FALSE(login.ok()) << text;
  }
}

TEST(SshLogin, SamePlaceWhoeverLogsIn) {
  auto place = [](const char* text) { return SshPlace(*ParseSshLogin(text)); };
  EXPECT_EQ(place("ops@h"), place("root@H:22"));
  EXPECT_EQ(place("[fd00::1]"), place("[fd00:0::1]:22"));
  EXPECT_NE(place("h:22"), place("h:2222"));
  EXPECT_NE(place("h1"), place("h2"));
}

}  // namespace
}  // namespace kplan
