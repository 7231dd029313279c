#include "src/remote/ssh_command.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/remote/remote_host.h"
#include "src/remote/sudo_command.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::ElementsAre;

SshTarget Target(const std::string& host, const std::string& user = "", int port = 0) {
  SshTarget target;
  target.host = host;
  target.user = user;
  target.port = port;
  return target;
}

std::vector<std::string> Tail(const std::vector<std::string>& argv, size_t n) {
  return {argv.end() - n, argv.end()};
}

TEST(SshCommand, TheHostIsBehindEveryOption) {
  EXPECT_THAT(Tail(MasterCommand(Target("10.0.0.11", "ops", 2222), "s"), 6),
              ElementsAre("-l", "ops", "-p", "2222", "--", "10.0.0.11"));
  EXPECT_THAT(Tail(MasterCommand(Target("etcd-1"), "s"), 3), ElementsAre("LogLevel=ERROR", "--", "etcd-1"));
  EXPECT_THAT(ConfigCommand(Target("fe80::1", "ops")),
              ElementsAre("ssh", "-G", "-l", "ops", "--", "fe80::1"));
  EXPECT_THAT(Tail(SessionCommand("s", "sh -c 'x'"), 3), ElementsAre("--", "kplan", "sh -c 'x'"));
}

// Each is an argument of its own, behind -o: a user's config cannot change it.
TEST(SshCommand, WhatMustHoldStandsOnTheCommandLine) {
  const std::vector<std::string> master = MasterCommand(Target("h"), "s");
  for (const char* option :
       {"BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "ClearAllForwardings=yes",
        "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no"}) {
    auto found = std::find(master.begin(), master.end(), option);
    ASSERT_NE(found, master.end()) << option;
    EXPECT_EQ(*(found - 1), "-o");
  }
  // A session has no config, and makes no connection when there is none.
  const std::vector<std::string> session = SessionCommand("s", "x");
  EXPECT_THAT(session, Contains("ControlMaster=no"));
  EXPECT_THAT(session, Contains("ProxyCommand=false"));
  EXPECT_THAT(session, Contains("/dev/null"));
}

TEST(SshCommand, TargetsThatAreNone) {
  for (const char* host : {"", "-oProxyCommand=x", "-", "a b", "a;b", "$(id)", "`id`", "a@b", "a/b", "a:b",
                           "a%h", "a\nb", "[::1]", "::1%eth0", "é", "a\\b", "a'b", "ssh://a", "a*"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckTarget(Target(host)))) << host;
  }
  EXPECT_FALSE(CheckTarget(Target(std::string("a\0b", 3))).ok());
  EXPECT_FALSE(CheckTarget(Target(std::string(256, 'a'))).ok());
  for (const char* user : {"-l", "a b", "a@b", "$(id)", "a:b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckTarget(Target("h", user)))) << user;
  }
  EXPECT_FALSE(CheckTarget(Target("h", "", -1)).ok());
  EXPECT_FALSE(CheckTarget(Target("h", "", 65536)).ok());
  for (const char* host : {"10.0.0.11", "etcd-1", "a_b.example.org", "::1", "2001:db8::10.0.0.1", "1"}) {
    EXPECT_TRUE(CheckTarget(Target(host)).ok()) << host;
  }
  EXPECT_TRUE(CheckTarget(Target("h", "ops.admin_1", 65535)).ok());
}

TEST(SshCommand, ASocketATarget) {
  EXPECT_EQ(ControlSocket(Target("a", "b", 1)).size(), 16u);
  EXPECT_EQ(ControlSocket(Target("a", "b", 1)), ControlSocket(Target("a", "b", 1)));
  EXPECT_NE(ControlSocket(Target("a", "b", 1)), ControlSocket(Target("a", "b", 2)));
  EXPECT_NE(ControlSocket(Target("ab")), ControlSocket(Target("b", "a")));
}

TEST(SshCommand, TheRemoteCommandIsOneWordForSh) {
  EXPECT_EQ(RemoteShell("echo \"$HOME\"", false), "env LC_ALL=C sh -c 'echo \"$HOME\"'");
  EXPECT_EQ(RemoteShell("id", true),
            absl::StrCat("env LC_ALL=C sudo -n -- /bin/sh -c '", UnderSudo("id"), "'"));
}

// As its step has it from the plan.
absl::StatusOr<RemoteHost> From(const Json& json) {
  const AnyRecord record = AnyRecordOf(json);
  const auto* host = std::get_if<HostRecord>(&record);
  if (host == nullptr) return absl::InvalidArgumentError("no record of a host");
  return RemoteHost::From(*host);
}

TEST(RemoteHost, IsReadFromItsRecord) {
  Json record = {{"arch", "amd64"},      {"become", "sudo"}, {"cluster", "prod"}, {"kind", "host"},
                 {"manager", "systemd"}, {"name", "etcd-1"}, {"root", "/"},       {"ssh-host", "10.0.0.11"},
                 {"ssh-port", 2222},     {"ssh-user", "ops"}};
  absl::StatusOr<RemoteHost> host = From(record);
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->ssh.shown(), "ops@10.0.0.11:2222");
  EXPECT_TRUE(host->become);
  record["ssh-host"] = "fe80::1";
  EXPECT_EQ(From(record)->ssh.shown(), "ops@[fe80::1]:2222");
  record.erase("become");
  record["ssh-port"] = 0;
  record["ssh-user"] = "";
  EXPECT_EQ(From(record)->ssh.shown(), "[fe80::1]");
  EXPECT_FALSE(From(record)->become);
  for (auto [key, value] : std::vector<std::pair<const char*, Json>>{{"ssh-host", "-x"},
                                                                     {"ssh-user", "-x"},
                                                                     {"ssh-port", 70000},
                                                                     {"become", "doas"},
                                                                     {"kind", "dir"},
                                                                     {"name", 1}}) {
    Json bad = record;
    bad[key] = value;
    EXPECT_FALSE(From(bad).ok()) << key;
  }
}

TEST(RemoteHost, WithoutSshItIsThisMachineByAnotherUser) {
  Json record = {{"arch", "amd64"},      {"become", "sudo"}, {"cluster", ""}, {"kind", "host"},
                 {"manager", "systemd"}, {"name", "worker"}, {"root", "/"},   {"ssh-host", ""},
                 {"ssh-port", 0},        {"ssh-user", ""}};
  absl::StatusOr<RemoteHost> host = From(record);
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_TRUE(host->here());
  EXPECT_TRUE(host->become);
  record["ssh-user"] = "ops";
  EXPECT_FALSE(From(record).ok());
  record["ssh-user"] = "";
  record["ssh-port"] = 22;
  EXPECT_FALSE(From(record).ok());
  record["ssh-port"] = 0;
  record.erase("become");
  EXPECT_FALSE(From(record).ok());
}

TEST(RemoteHost, ARecordIsFoundByItsLine) {
  const char shard[] =
      "{\n\"dir/h1/x\":{\"a\":\"\\n\\\"host/h1\\\":{}\"},\n\"host/h1\":{\"b\":1},\n\"z\":{\"c\":2}\n}\n";
  EXPECT_EQ(FindRecordText(shard, "host/h1"), "{\"b\":1}");
  EXPECT_EQ(FindRecordText(shard, "z"), "{\"c\":2}");
  EXPECT_EQ(FindRecordText(shard, "host/h"), "");
}

}  // namespace
}  // namespace kplan
