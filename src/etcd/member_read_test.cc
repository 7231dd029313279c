#include "src/etcd/member_read.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

std::string Response(int status, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, " X\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

// The bodies are those of real etcds of 3.4 and 3.5.
TEST(MemberRead, WhatCountsAsServed) {
  EXPECT_TRUE(HasRead(
      Response(200, R"({"header":{"cluster_id":"4729918091025707531","member_id":"8797","revision":"1"}})")));
  EXPECT_TRUE(HasRead(Response(400, R"({"error":"etcdserver: user name is empty","code":3})")));
  EXPECT_TRUE(HasRead(Response(403, R"({"code":7, "message":"etcdserver: permission denied"})")));
}

TEST(MemberRead, WhatDoesNot) {
  EXPECT_FALSE(HasRead(""));
  EXPECT_FALSE(HasRead(Response(200, "")));
  EXPECT_FALSE(HasRead(Response(200, "{}")));
  EXPECT_FALSE(HasRead(Response(200, "[\"header\"]")));
  EXPECT_FALSE(HasRead(Response(404, "404 page not found\n")));
  EXPECT_FALSE(HasRead(Response(503, R"({"error":"etcdserver: no leader","code":14})")));
  EXPECT_FALSE(HasRead(Response(503, R"({"code":14, "message":"etcdserver: request timed out"})")));
  EXPECT_FALSE(HasRead(Response(503, R"({"message":"etcdserver: permission denied"})")));
  EXPECT_FALSE(HasRead(Response(400, R"({"error":"etcdserver: rpc not supported for learner"})")));
}

TEST(MemberRead, NothingThatEtcdWritesIntoItsLogIsAsked) {
  EXPECT_EQ(QuorumReadRequest().method, "POST");
  EXPECT_EQ(QuorumReadRequest().path, "/v3/kv/range");
  EXPECT_EQ(VersionRequest().method, "GET");
  EXPECT_EQ(VersionRequest().path, "/version");
}

TEST(AlarmsIn, AreAmongTheErrorsOfTheStatus) {
  const std::vector<EtcdAlarm> alarms = AlarmsIn(
      Response(200, R"({"header":{},"errors":["memberID:4660 alarm:NOSPACE ","etcdserver: no leader"]})"));
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].name, "NOSPACE");
  EXPECT_EQ(alarms[0].member_id, "1234");
  for (const char* body : {"{}", "[]", "no", R"({"errors":"x"})", R"({"errors":[7, "alarms"]})"})
    EXPECT_TRUE(AlarmsIn(Response(200, body)).empty()) << body;
  EXPECT_TRUE(AlarmsIn(Response(503, R"({"errors":["memberID:1 alarm:NOSPACE "]})")).empty());
}

}  // namespace
}  // namespace kplan
