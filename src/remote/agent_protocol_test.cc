#include "src/remote/agent_protocol.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char kDigest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

Request StepRequest() {
  Request request;
  request.verb = Request::Verb::kStep;
  request.root = "/";
  request.claim = "c1";
  request.label = "file/h1/etc/x";
  request.record = {{"kind", "install"}, {"from", "pki/x"}};
  request.sources = {{"pki/x", "/etc/x", 5, kDigest}, {"a b/\"c\"\n", "/etc/$(id)", 0, kDigest}};
  return request;
}

TEST(AgentProtocol, RequestsComeThrough) {
  const Request step = StepRequest();
  EXPECT_EQ(step.ToLine().find('\n'), std::string::npos);
  absl::StatusOr<Request> read = ParseRequest(step.ToLine());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->verb, step.verb);
  EXPECT_EQ(read->root, step.root);
  EXPECT_EQ(read->claim, step.claim);
  EXPECT_EQ(read->label, step.label);
  EXPECT_EQ(read->record, step.record);
  EXPECT_EQ(read->sources, step.sources);

  Request claim;
  claim.verb = Request::Verb::kClaim;
  claim.root = "/srv/x";
  claim.cluster = "prod";
  claim.host = "h1";
  claim.manager = "systemd";
  read = ParseRequest(claim.ToLine());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->cluster + read->host + read->manager + read->root, "prodh1systemd/srv/x");

  for (Request::Verb verb : {Request::Verb::kSend, Request::Verb::kAsk}) {
    Request request = StepRequest();
    request.verb = verb;
    read = ParseRequest(request.ToLine());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->verb, verb);
    EXPECT_EQ(read->sources.size(), verb == Request::Verb::kSend ? 2u : 0u);
    EXPECT_EQ(read->record.is_object(), verb == Request::Verb::kAsk);
  }
}

TEST(AgentProtocol, ADialNamesWhoMayBeConnectedTo) {
  Request dial;
  dial.verb = Request::Verb::kDial;
  dial.root = "/";
  dial.claim = "c1";
  dial.targets = {"10.0.0.11:2379", "[fd00::11]:2380", "etcd-1.example:2379"};
  EXPECT_EQ(dial.ToLine(), R"({"claim":"c1","protocol":1,"root":"/","targets":["10.0.0.11:2379",)"
                           R"("[fd00::11]:2380","etcd-1.example:2379"],"verb":"dial"})");
  absl::StatusOr<Request> read = ParseRequest(dial.ToLine());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->targets, dial.targets);
  for (const char* bad :
       {"", "10.0.0.11", "10.0.0.11:", ":2379", "10.0.0.11:0x1", "10.0.0.11:65536", "a b:1"}) {
    dial.targets = {bad};
    EXPECT_TRUE(absl::IsInvalidArgument(ParseRequest(dial.ToLine()).status())) << bad;
  }
  dial.targets = std::vector<std::string>(257, "10.0.0.11:2379");
  EXPECT_TRUE(absl::IsInvalidArgument(ParseRequest(dial.ToLine()).status()));
}

TEST(AgentProtocol, StrangeRequestsAreRefused) {
  const std::string good = StepRequest().ToLine();
  for (auto [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"protocol\":1", "\"protocol\":2"},
                                                        {"\"protocol\":1", "\"protocol\":\"1\""},
                                                        {"\"verb\":\"step\"", "\"verb\":\"shell\""},
                                                        {"\"verb\":\"step\"", "\"verb\":[]"},
                                                        {"\"root\":\"/\"", "\"root\":\"rootfs\""},
                                                        {"\"root\":\"/\"", "\"root\":\"/a\\u0000b\""},
                                                        {"\"root\":\"/\"", "\"root\":null"},
                                                        {"\"claim\":\"c1\"", "\"claim\":1"},
                                                        {"\"claim\":\"c1\"", "\"claim\":\"c\\u001b\""},
                                                        {"\"label\":\"file", "\"label\":\"\\nfile"},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"../x\""},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"pki/../../x\""},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"/etc/x\""},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"pki//x\""},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"pki/.\""},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"\""},
                                                        {"\"path\":\"pki/x\"", "\"path\":\"a\\u0000b\""},
                                                        {"\"target\":\"/etc/x\"", "\"target\":\"etc/x\""},
                                                        {"\"target\":\"/etc/x\"", "\"target\":\"/etc/../x\""},
                                                        {"\"target\":\"/etc/x\"", "\"target\":\"/\""},
                                                        {"\"size\":5", "\"size\":-1"},
                                                        {"\"size\":5", "\"size\":5.5"},
                                                        {"\"size\":5", "\"size\":18446744073709551615"},
                                                        {"\"size\":5", "\"size\":17179869185"},
                                                        {kDigest, "0123"},
                                                        {"\"record\":{", "\"record\":[{"},
                                                        {"\"sources\":[", "\"sources\":[1,"},
                                                        {"{", "["}}) {
    const size_t at = good.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    std::string bad = good;
    bad.replace(at, from.size(), to);
    EXPECT_EQ(ParseRequest(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  for (const std::string& bad : {std::string(), std::string("{}"), std::string(kMaxLine + 1, ' '),
                                 std::string(1 << 20, '['), std::string("\xff{}")}) {
    EXPECT_FALSE(ParseRequest(bad).ok());
  }
}

// Whatever arrives, it is an answer or an error; a byte that was changed is no crash.
TEST(AgentProtocol, AnyBytesAreReadSafely) {
  std::mt19937 random(3);
  const std::vector<std::string> seeds = {StepRequest().ToLine(), NeedLine({0, 2, 3}),
                                          OkLine(ResultJson({kDigest, {}, "missing", "x"})),
                                          ErrorLine(absl::NotFoundError("there is none"))};
  for (int i = 0; i < 5000; ++i) {
    std::string text = seeds[i % seeds.size()];
    for (int change = 0; change < 3; ++change) text[random() % text.size()] = static_cast<char>(random());
    if (i % 7 == 0) text.resize(random() % text.size());
    ParseRequest(text).IgnoreError();
    ParseNeed(text, 4).IgnoreError();
    absl::StatusOr<Json> answer = ParseAnswer(text);
    if (answer.ok()) ParseResult(*answer, "x").IgnoreError();
  }
}

TEST(AgentProtocol, Need) {
  EXPECT_EQ(NeedLine({0, 2}), "{\"need\":[0,2]}");
  EXPECT_THAT(*ParseNeed("{\"need\":[0,2]}", 3), ElementsAre(0, 2));
  EXPECT_THAT(*ParseNeed(NeedLine({}), 3), ElementsAre());
  for (const char* bad :
       {"{\"need\":[3]}", "{\"need\":[2,0]}", "{\"need\":[1,1]}", "{\"need\":[-1]}", "{\"need\":[0.5]}",
        "{\"need\":[\"0\"]}", "{\"need\":{}}", "{\"need\":[0,1,2,0]}", "{}", "[]", "", "{\"ok\":{}}"}) {
    EXPECT_EQ(ParseNeed(bad, 3).status().code(), absl::StatusCode::kDataLoss) << bad;
  }
}

TEST(AgentProtocol, AnswersComeThrough) {
  StepResult result;
  result.digest = kDigest;
  result.reason = "mode was 0600, is 0640";
  result.output = "etcd: waited 3.4 s\n  until it was up\n";
  result.files = {"/etc/x"};
  result.waiting = "/etc/.x.kplan-next";
  absl::StatusOr<Json> answer = ParseAnswer(OkLine(ResultJson(result)));
  ASSERT_TRUE(answer.ok());
  absl::StatusOr<StepResult> read = ParseResult(*answer, "etcd");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->digest, result.digest);
  EXPECT_EQ(read->reason, result.reason);
  EXPECT_EQ(read->output, result.output);
  EXPECT_TRUE(read->files.empty());
  EXPECT_EQ(read->waiting, result.waiting);

  for (absl::StatusCode code : {absl::StatusCode::kInvalidArgument, absl::StatusCode::kUnauthenticated,
                                absl::StatusCode::kUnavailable, absl::StatusCode::kUnknown}) {
    const absl::Status error(code, "line 1\nline 2");
    EXPECT_EQ(ParseAnswer(ErrorLine(error)).status(), error);
    EXPECT_EQ(ParseNeed(ErrorLine(error), 1).status(), error);
  }
  EXPECT_EQ(ParseAnswer(ErrorLine(absl::CancelledError("x"))).status(), absl::UnknownError("x"));
  EXPECT_FALSE(ParseAnswer(ErrorLine(absl::NotFoundError("\xff\xfe"))).ok());
}

TEST(AgentProtocol, NoAnswers) {
  for (const char* bad :
       {"", "{}", "[]", "Welcome!", "{\"ok\":1}", "{\"error\":{}}",
        "{\"error\":{\"code\":\"ok\",\"message\":\"x\"}}", "{\"error\":{\"code\":1,\"message\":\"x\"}}"}) {
    EXPECT_EQ(ParseAnswer(bad).status().code(), absl::StatusCode::kDataLoss) << bad;
  }
  for (const char* bad : {"{}", "{\"digest\":\"x\",\"output\":\"\",\"reason\":\"\"}",
                          "{\"digest\":1,\"output\":\"\",\"reason\":\"\"}"}) {
    EXPECT_EQ(ParseResult(Json::parse(bad), "x").status().code(), absl::StatusCode::kDataLoss) << bad;
  }
}

// A host may be anybody's: what it says goes to a terminal.
TEST(AgentProtocol, WhatAHostSaysIsHarmless) {
  EXPECT_EQ(Harmless("a\x1b[2Jb\nc\rd"), "a\\x1b[2Jb\nc\\x0dd");
  EXPECT_EQ(Harmless(std::string(1 << 20, 'a')).size(), size_t{64} << 10);
  const std::string line = "{\"error\":{\"code\":\"not-found\",\"message\":\"\\u001b]0;x\\u0007\"}}";
  EXPECT_EQ(ParseAnswer(line).status().message(), "\\x1b]0;x\\x07");
  Json result = ResultJson({kDigest, {}, "\x1b[31m", "\xc2\x9bm"});
  EXPECT_EQ(ParseResult(result, "x")->reason, "\\x1b[31m");
  EXPECT_EQ(ParseResult(result, "x")->output, "  \\xc2\\x9bm\n");
  // All of an answer, whoever is going to look at it: also its keys.
  EXPECT_EQ(*ParseAnswer(R"({"ok":{"a\u001b":[{"b":"\u009b2J"},true,null,1.5],"log":"one\ntwo\tthree\r"}})"),
            Json::parse(R"({"a\\x1b":[{"b":"\\xc2\\x9b2J"},true,null,1.5],"log":"one\ntwo\tthree\\x0d"})"));
  EXPECT_THAT(std::string(ParseAnswer("\x1b[2J").status().message()), HasSubstr("\\x1b[2J"));
}

// Lines that look like another step's, or like kplan's own.
TEST(AgentProtocol, WhatAHostSaysCannotPassForAnothersWord) {
  const Json json =
      ResultJson({kDigest,
                  {},
                  "mode was 0600\ncert/root: signed again",
                  "service/h1/etcd: waited 3 s\ncert/root: signed again\n\n    a log line\nkplan: error: x"});
  const absl::StatusOr<StepResult> result = ParseResult(json, "service/h1/etcd");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->reason, "mode was 0600\\x0acert/root: signed again");
  EXPECT_EQ(result->output,
            "service/h1/etcd: waited 3 s\n  cert/root: signed again\n    a log line\n  kplan: error: x\n");
  EXPECT_EQ(ParseResult(ResultJson({kDigest, {}, std::string(1 << 20, 'a'), ""}), "x")->reason.size(), 4096u);
}

TEST(AgentProtocol, AnswersHaveBounds) {
  std::string deep = "{\"ok\":{\"a\":";
  deep += std::string(100000, '[') + std::string(100000, ']') + "}}";
  EXPECT_THAT(std::string(ParseAnswer(deep).status().message()), HasSubstr("(JSON of more than 64 levels)"));
  EXPECT_FALSE(ParseAnswer(std::string(kMaxLine, '[')).ok());
  EXPECT_FALSE(ParseNeed(deep, 3).ok());
  EXPECT_FALSE(ParseRequest(deep).ok());
  std::string wide = "{\"ok\":{\"a\":[0";
  for (int i = 0; i < 1000000; ++i) wide += ",0";
  EXPECT_THAT(std::string(ParseAnswer(wide + "]}}").status().message()), HasSubstr("values)"));
}

TEST(AgentProtocol, RequestsHaveTheirTime) {
  Request request = StepRequest();
  EXPECT_EQ(BoundsOf(request).silence, absl::Minutes(1));
  EXPECT_GT(BoundsOf(request).silence, 3 * kBusyEvery) << "a sign of life may be late";
  EXPECT_EQ(BoundsOf(request).total, absl::Hours(1));
  request.record["timeout"] = 7200;
  EXPECT_EQ(BoundsOf(request).total, absl::Hours(3));
  request.record["timeout"] = "for ever";
  request.sources[0].size = 8 << 20;
  EXPECT_EQ(BoundsOf(request).total, absl::Hours(1) + absl::Seconds(1024));
  request.record["timeout"] = -1;
  request.record = nullptr;
  EXPECT_EQ(BoundsOf(request).total, absl::Hours(1) + absl::Seconds(1024));
}

}  // namespace
}  // namespace kplan
