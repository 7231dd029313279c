#include "src/remote/agent_session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/remote/ssh_command.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr Patience::Bounds kLong = {absl::Hours(1), absl::Hours(1)};

// A host that is a script: what the program "ssh" does here in place of the agent that kplan started there.
class AgentSessionTest : public testing::Test {
 protected:
  AgentSessionTest() {
    signal(SIGPIPE, SIG_IGN);
    std::string name = testing::TempDir() + "/sessionXXXXXX";
    folder_ = mkdtemp(&name[0]);
    before_ = fs::current_path();
    fs::current_path(folder_);
    path_ = getenv("PATH");
    setenv("PATH", absl::StrCat(folder_, "/bin:", path_).c_str(), 1);
    host_.name = "h1";
    host_.root = "/";
    host_.ssh.host = "h1";
    OpenConnection();
  }
  ~AgentSessionTest() override {
    setenv("PATH", path_.c_str(), 1);
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

  // The host greets, reads the request, and does SCRIPT.
  absl::StatusOr<Json> Ask(const std::string& script, const Patience::Bounds& bounds = kLong) {
    fs::create_directories("bin");
    const std::string text = absl::StrCat("#!/bin/sh\necho ", kAgentWord, "ready ", kAgentProtocol,
                                          "\nread request\n", script, "\n");
    EXPECT_TRUE(WriteScratchFile("bin/ssh", text, 0755).ok());
    Request request;
    request.root = "/";
    request.record = Json::object();
    return AskAgent(host_, request, bounds);
  }

 private:
  // As if another step had connected.
  void OpenConnection() {
    fs::create_directories(paths::kSsh);
    const std::string path = absl::StrCat(paths::kSsh, "/", ControlSocket(host_.ssh));
    struct sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data(), path.size());
    socket_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(socket_.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(socket_.get(), 16), 0);
  }

  std::string folder_, path_;
  fs::path before_;
  UniqueFd socket_;
  RemoteHost host_;
};

TEST_F(AgentSessionTest, AnAnswer) {
  absl::StatusOr<Json> answer = Ask(R"(echo '{"ok":{"a":1}}')");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, Json({{"a", 1}}));
}

TEST_F(AgentSessionTest, ASilentAgent) {
  const absl::Status error = Ask("exec sleep 1000", {absl::Milliseconds(1), absl::Hours(1)}).status();
  EXPECT_EQ(error,
            absl::DeadlineExceededError("host h1: the agent there does not answer: it has been silent for "
                                        "1ms; look at the machine, then run ninja again"));
}

TEST_F(AgentSessionTest, AnAgentThatDrips) {
  const absl::Status error =
      Ask("while :; do printf x; done", {absl::Hours(1), absl::Milliseconds(20)}).status();
  EXPECT_THAT(std::string(error.message()), HasSubstr("it was not done within 20ms"));
}

TEST_F(AgentSessionTest, AnAgentThatFloodsStderr) {
  const absl::Status error =
      Ask("cat /dev/zero >&2; exit 0", {absl::Milliseconds(20), absl::Hours(1)}).status();
  EXPECT_THAT(std::string(error.message()), HasSubstr("it has been silent for 20ms"));
}

TEST_F(AgentSessionTest, AnAgentThatSaysThatItIsBusyForEver) {
  const absl::Status error =
      Ask("while :; do echo kplan-agent busy; done", {absl::Hours(1), absl::Milliseconds(20)}).status();
  EXPECT_THAT(std::string(error.message()), HasSubstr("it was not done within 20ms"));
}

TEST_F(AgentSessionTest, OneThatIsBusyIsWaitedFor) {
  absl::StatusOr<Json> answer = Ask(R"(echo kplan-agent busy; echo kplan-agent busy; echo '{"ok":{}}')");
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST_F(AgentSessionTest, WhatStderrSaidIsToldInItsLastLines) {
  const absl::Status error =
      Ask(R"(i=0; while test $i -lt 1000; do i=$((i+1)); echo "line $i" >&2; done; printf '\033[2Jkplan: error: x' >&2)")
          .status();
  EXPECT_EQ(
      error.message(),
      "host h1: the connection broke before it was done; nothing is half done there, run ninja again\n"
      "    line 996\n    line 997\n    line 998\n    line 999\n    line 1000\n    \\x1b[2Jkplan: error: x");
}

}  // namespace
}  // namespace kplan
