#include "src/remote/ssh_errors.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

RemoteHost Host() {
  RemoteHost host;
  host.name = "etcd-1";
  host.ssh.host = "10.0.0.11";
  host.ssh.user = "ops";
  return host;
}

SshConfig Config(const std::string& port = "22") {
  return SshConfig::Parse("user ops\nhostname 10.0.0.11\nport " + port +
                          "\nuserknownhostsfile /home/me/.ssh/known_hosts /home/me/.ssh/known_hosts2\n");
}

std::string Connecting(const std::string& said, const std::string& port = "22") {
  absl::Status error = ConnectionError(Host(), Config(port), said);
  EXPECT_FALSE(error.ok());
  EXPECT_THAT(std::string(error.message()), StartsWith("host etcd-1: "));
  return std::string(error.message());
}

// The texts are those of OpenSSH 9.2.
TEST(SshErrors, UnknownKey) {
  const char said[] =
      "No ED25519 host key is known for 10.0.0.11 and you have requested strict checking.\r\n"
      "Host key verification failed.\r\n";
  const std::string message = Connecting(said);
  EXPECT_THAT(message, HasSubstr("is not known here, so nothing was sent"));
  EXPECT_THAT(message, HasSubstr("/home/me/.ssh/known_hosts has none for 10.0.0.11\n"));
  EXPECT_THAT(message, HasSubstr("`ssh-keyscan 10.0.0.11`"));
  EXPECT_THAT(Connecting(said, "2222"), HasSubstr("has none for [10.0.0.11]:2222"));
  EXPECT_THAT(Connecting(said, "2222"), HasSubstr("`ssh-keyscan -p 2222 10.0.0.11`"));
  SshConfig alias = Config("2222");
  alias.host_key_alias = "prod-1";
  EXPECT_THAT(std::string(ConnectionError(Host(), alias, said).message()),
              HasSubstr("has none for prod-1\n"));
}

TEST(SshErrors, ChangedKey) {
  const std::string message = Connecting(
      "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
      "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
      "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
      "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\n"
      "Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.\r\n"
      "Offending ED25519 key in /home/me/.ssh/known_hosts:3\r\n"
      "Host key for 10.0.0.11 has changed and you have requested strict checking.\r\n"
      "Host key verification failed.\r\n");
  EXPECT_THAT(message, HasSubstr("is another one than /home/me/.ssh/known_hosts:3 has, so nothing was sent"));
  EXPECT_THAT(message, HasSubstr("ssh-keygen -R \"10.0.0.11\""));
}

TEST(SshErrors, RefusedLogin) {
  const std::string message = Connecting("ops@10.0.0.11: Permission denied (publickey,password).\r\n");
  EXPECT_THAT(message,
              HasSubstr("it refused the login of ops at ops@10.0.0.11; it takes publickey,password\n"));
  EXPECT_THAT(message, Not(HasSubstr("others may read")));
  EXPECT_THAT(Connecting("@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\r\nPermission denied (publickey).\r\n"),
              HasSubstr("others may read your key's file"));
}

TEST(SshErrors, NoWayThere) {
  struct Case {
    const char *said, *words;
  };
  for (const Case& each : std::vector<Case>{
           {"ssh: connect to host 10.0.0.11 port 22: Connection refused\r\n",
            "nobody listens at ops@10.0.0.11"},
           {"ssh: connect to host 10.0.0.11 port 22: No route to host\r\n", "is the machine up?"},
           {"ssh: connect to host 10.0.0.11 port 22: Network is unreachable\r\n", "there is no way to"},
           {"ssh: connect to host 10.0.0.11 port 22: Connection timed out\r\n", "did not answer"},
           {"Connection timed out during banner exchange\r\n", "did not answer"},
           {"ssh: Could not resolve hostname 10.0.0.11: Name or service not known\r\n", "has no address"},
           {"Unable to negotiate with 10.0.0.11 port 22: no matching host key type found. Their offer: "
            "ssh-rsa\r\n",
            "no algorithm in common"},
           {"kex_exchange_identification: Connection closed by remote host\r\n", "ssh cannot connect to"},
           {"", "and does not say why"}}) {
    EXPECT_TRUE(absl::IsUnavailable(ConnectionError(Host(), Config(), each.said))) << each.said;
    EXPECT_THAT(Connecting(each.said), HasSubstr(each.words));
  }
  EXPECT_THAT(Connecting("/home/me/.ssh/config: line 3: Bad configuration option: foo\r\n"),
              HasSubstr("does not like its config\n    /home/me/.ssh/config: line 3"));
}

// sshd's banner is the other side's text.
TEST(SshErrors, WhatIsQuotedIsHarmless) {
  EXPECT_THAT(Connecting("\x1b[2Jboo\r\n"), HasSubstr("    \\x1b[2Jboo"));
  EXPECT_THAT(Connecting("\x1b[2Jboo\r\n"), Not(HasSubstr("\x1b")));
}

TEST(SshErrors, Sessions) {
  struct Case {
    int exit_code;
    const char *said, *words;
  };
  for (const Case& each :
       std::vector<Case>{{1, "cat: write error: No space left on device\n", "there is no room there"},
                         {126, "sh: 1: /root/incoming-12: Permission denied\n", "mounted noexec?"},
                         {1, "This account is currently not available.\n", "ended with exit code 1"},
                         {3, "", "ended with exit code 3 before kplan could work"}}) {
    const std::string message(SessionError(Host(), each.exit_code, each.said).message());
    EXPECT_THAT(message, StartsWith("host etcd-1: "));
    EXPECT_THAT(message, HasSubstr(each.words)) << each.said;
  }
}

TEST(SshErrors, AShellOnThisMachine) {
  RemoteHost host = Host();
  host.ssh = {};
  EXPECT_EQ(SessionError(host, 3, "").message(),
            "host etcd-1: the shell on this machine ended with exit code 3 before kplan could work");
}

}  // namespace
}  // namespace kplan
