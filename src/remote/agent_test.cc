#include "src/remote/agent.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/spawn.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/stream_frames.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// An agent in a process of its own, at the other end of a socket.
class TestAgent {
 public:
  explicit TestAgent(const std::string& home, absl::Duration busy_every = absl::Hours(1)) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) abort();
    fd_ = UniqueFd(ends[0]);
    UniqueFd other(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
      fd_ = UniqueFd();
      signal(SIGPIPE, SIG_IGN);
      _exit(ServeAgent(other.get(), other.get(), home + "/kplan-agent-1", busy_every).ok() ? 0 : 3);
    }
  }
  ~TestAgent() {
    fd_ = UniqueFd();
    if (pid_ > 0) AwaitExit(pid_);
  }

  void Say(absl::string_view text) {
    EXPECT_EQ(send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  std::string Hear() {
    std::string line;
    for (char c; read(fd_.get(), &c, 1) == 1 && c != '\n';) line.push_back(c);
    return line;
  }
  std::string HearBytes(size_t size) {
    std::string bytes;
    for (char c; bytes.size() < size && read(fd_.get(), &c, 1) == 1;) bytes.push_back(c);
    return bytes;
  }
  int End() {
    fd_ = UniqueFd();
    return AwaitExit(std::exchange(pid_, -1));
  }

 private:
  UniqueFd fd_;
  pid_t pid_ = -1;
};

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    signal(SIGPIPE, SIG_IGN);
    std::string name = testing::TempDir() + "/agentXXXXXX";
    folder_ = mkdtemp(&name[0]);
    home_ = folder_ + "/home";
    root_ = folder_ + "/root";
    fs::create_directory(home_);
  }
  ~AgentTest() override { fs::remove_all(folder_); }

  // The id of a claim of the root.
  std::string Claim() {
    Request request;
    request.verb = Request::Verb::kClaim;
    request.root = root_;
    request.cluster = "prod";
    request.host = "h1";
    request.manager = "none";
    absl::StatusOr<Json> facts = Answer(request);
    EXPECT_TRUE(facts.ok()) << facts.status();
    return facts.ok() ? facts->value("id", "") : "";
  }

  Request Install(const std::string& content) {
    Request request;
    request.verb = Request::Verb::kStep;
    request.root = root_;
    request.claim = claim_.empty() ? claim_ = Claim() : claim_;
    request.label = "file/h1/etc/x";
    request.record = {{"from", "pki/x"},  {"kind", "install"}, {"mode", "0640"},
                      {"path", "/etc/x"}, {"root", root_},     {"secret", false}};
    request.sources = {{"pki/x", "/etc/x", static_cast<int64_t>(content.size()), Sha256Hex(content)}};
    return request;
  }

  // The whole conversation; CONTENT is sent when it is asked for.
  absl::StatusOr<Json> Answer(const Request& request, const std::string& content = "",
                              bool* asked = nullptr) {
    TestAgent agent(home_);
    EXPECT_EQ(agent.Hear(), "kplan-agent ready 1");
    agent.Say(request.ToLine() + "\n");
    std::string line = agent.Hear();
    if (absl::StrContains(line, "\"need\"")) {
      absl::StatusOr<std::vector<size_t>> need = ParseNeed(line, request.sources.size());
      if (asked != nullptr) *asked = need.ok() && !need->empty();
      if (need.ok() && !need->empty()) agent.Say(content);
      line = agent.Hear();
    }
    EXPECT_EQ(agent.End(), 0);
    return ParseAnswer(line);
  }

  size_t Leftovers() const {
    size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(home_)) {
      n += entry.is_regular_file() && !absl::StrContains(entry.path().string(), "/claims/");
    }
    return n;
  }

  std::string folder_, home_, root_, claim_;
};

TEST_F(AgentTest, PutsAFileInPlace) {
  bool asked = false;
  absl::StatusOr<Json> answer = Answer(Install("content"), "content", &asked);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(asked);
  EXPECT_EQ(ParseResult(*answer, "x")->digest, Sha256Hex("content"));
  EXPECT_EQ(ParseResult(*answer, "x")->reason, "missing");
  EXPECT_EQ(*ReadFile(root_ + "/etc/x"), "content");
  EXPECT_EQ(Leftovers(), 0u);
  // What is there already is not asked for.
  answer = Answer(Install("content"), "", &asked);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(asked);
  EXPECT_EQ(ParseResult(*answer, "x")->reason, "");
}

TEST_F(AgentTest, WhatDidNotArriveWholeIsNotThere) {
  ASSERT_TRUE(Answer(Install("old"), "old").ok());
  absl::StatusOr<Json> answer = Answer(Install("new content"), "NEW content");
  EXPECT_TRUE(absl::IsAborted(answer.status())) << answer.status();
  for (size_t sent = 0; sent < 11; ++sent) {
    TestAgent agent(home_);
    agent.Hear();
    agent.Say(Install("new content").ToLine() + "\n");
    agent.Hear();
    agent.Say(std::string("new content").substr(0, sent));
    agent.End();
    EXPECT_EQ(*ReadFile(root_ + "/etc/x"), "old");
    EXPECT_EQ(Leftovers(), 0u);
  }
  ASSERT_TRUE(Answer(Install("new content"), "new content").ok());
  EXPECT_EQ(*ReadFile(root_ + "/etc/x"), "new content");
}

TEST_F(AgentTest, WorksForWhoKnowsTheClaimAlone) {
  Request request = Install("content");
  request.claim = "0123456789abcdef";
  bool asked = false;
  EXPECT_TRUE(absl::IsUnauthenticated(Answer(request, "content", &asked).status()));
  EXPECT_FALSE(asked);
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(AgentTest, RefusesWhatItDoesNotKnow) {
  Request request = Install("content");
  request.record["kind"] = "shell";
  EXPECT_TRUE(absl::IsUnimplemented(Answer(request, "content").status()));
  request.verb = Request::Verb::kAsk;
  EXPECT_TRUE(absl::IsInvalidArgument(Answer(request).status()));
  for (const char* bad : {"hello", "{}", "[[[[[", "{\"protocol\":2}"}) {
    TestAgent agent(home_);
    agent.Hear();
    agent.Say(absl::StrCat(bad, "\n"));
    EXPECT_TRUE(absl::IsInvalidArgument(ParseAnswer(agent.Hear()).status())) << bad;
    EXPECT_EQ(agent.End(), 0);
  }
  // Nobody says anything, or not a whole line: it ends.
  for (const char* part : {"", "{\"protocol\":1"}) {
    TestAgent agent(home_);
    agent.Hear();
    agent.Say(part);
    EXPECT_EQ(agent.End(), 3);
  }
}

TEST_F(AgentTest, ClaimsSayWhatTheMachineIs) {
  Request request;
  request.verb = Request::Verb::kClaim;
  request.root = root_;
  request.cluster = "prod";
  request.host = "h1";
  request.manager = "none";
  absl::StatusOr<Json> facts = Answer(request);
  ASSERT_TRUE(facts.ok()) << facts.status();
  for (const char* key : {"agent", "arch", "id", "kernel", "machine-id", "os", "systemd"})
    EXPECT_TRUE(facts->contains(key)) << key;
  EXPECT_EQ(facts->value("agent", ""), "kplan-agent-1");
  EXPECT_FALSE(facts->value("id", "").empty());
  EXPECT_FALSE(facts->value("os", "").empty());
  request.host = "h2";
  EXPECT_TRUE(absl::IsFailedPrecondition(Answer(request).status()));
  if (geteuid() != 0) {
    request.root = "/";
    EXPECT_THAT(std::string(Answer(request).status().message()), HasSubstr("become: sudo"));
  }
}

// A step may take its time, and who waits for it is told that there is still somebody.
TEST_F(AgentTest, SaysThatItIsAtWork) {
  Claim();
  // Whoever claims waits for its turn.
  UniqueFd turn(open((home_ + "/claims").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(turn.get(), LOCK_EX), 0);
  Request request;
  request.verb = Request::Verb::kClaim;
  request.root = root_;
  request.cluster = "prod";
  request.host = "h1";
  request.manager = "none";
  TestAgent agent(home_, absl::Milliseconds(1));
  EXPECT_EQ(agent.Hear(), "kplan-agent ready 1");
  agent.Say(request.ToLine() + "\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(agent.Hear(), kBusyLine);
  ASSERT_EQ(flock(turn.get(), LOCK_UN), 0);
  std::string line;
  do {
    line = agent.Hear();
  } while (line == kBusyLine);
  EXPECT_TRUE(ParseAnswer(line).ok()) << line;
  EXPECT_EQ(agent.Hear(), "") << "the answer is the last word";
  EXPECT_EQ(agent.End(), 0);
}

// It connects for whom it belongs to, to whom it was told at first, and ends when nobody wants it any more.
TEST_F(AgentTest, CarriesConnections) {
  UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<struct sockaddr*>(&address);
  ASSERT_EQ(bind(server.get(), any, size), 0);
  ASSERT_EQ(listen(server.get(), 1), 0);
  ASSERT_EQ(getsockname(server.get(), any, &size), 0);
  Request dial;
  dial.verb = Request::Verb::kDial;
  dial.root = root_;
  dial.claim = "somebody else's";
  dial.targets = {absl::StrCat("127.0.0.1:", ntohs(address.sin_port))};
  EXPECT_TRUE(absl::IsUnauthenticated(Answer(dial).status()));
  dial.claim = Claim();
  TestAgent agent(home_);
  EXPECT_EQ(agent.Hear(), "kplan-agent ready 1");
  agent.Say(dial.ToLine() + "\n");
  EXPECT_EQ(agent.Hear(), OkLine(Json::object()));
  agent.Say(OpenFrame(7, 0, 20000));
  EXPECT_EQ(agent.HearBytes(5), FrameText(Frame::kOpened, 7));
  UniqueFd there(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  agent.Say(FrameText(Frame::kData, 7, "hello"));
  char block[8];
  EXPECT_EQ(read(there.get(), block, sizeof(block)), 5);
  EXPECT_EQ(agent.End(), 0);
  EXPECT_EQ(read(there.get(), block, sizeof(block)), 0) << "who carried it is gone";
}

TEST_F(AgentTest, SendsAheadOfTheSteps) {
  Request send = Install("content");
  send.verb = Request::Verb::kSend;
  bool asked = false;
  ASSERT_TRUE(Answer(send, "content", &asked).ok());
  EXPECT_TRUE(asked);
  EXPECT_FALSE(fs::exists(root_));
  EXPECT_EQ(Leftovers(), 1u);
  ASSERT_TRUE(Answer(send, "", &asked).ok());
  EXPECT_FALSE(asked);
  absl::StatusOr<Json> step = Answer(Install("content"), "", &asked);
  ASSERT_TRUE(step.ok());
  EXPECT_FALSE(asked);
  EXPECT_EQ(*ReadFile(root_ + "/etc/x"), "content");
  EXPECT_EQ(Leftovers(), 0u);
}

}  // namespace
}  // namespace kplan
