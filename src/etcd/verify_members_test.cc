// What members say, made up: what is wrong with it for good, and what may pass.

#include "src/etcd/verify_members.h"

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/etcd/verify_alarms.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JudgeMembershipTest : public testing::Test {
 protected:
  JudgeMembershipTest() {
    cluster_.clustered = true;
    cluster_.cluster_id = "c1";
    MemberList list;
    list.cluster_id = "c1";
    for (int i = 1; i <= 3; ++i) {
      MemberExpected member;
      member.id = absl::StrCat("a", i);
      member.name = absl::StrCat("etcd-", i);
      member.client.url = absl::StrCat("https://10.0.0.", i, ":2379");
      // As the record has them; etcd's are sorted.
      member.client_urls = {member.client.url, absl::StrCat("https://10.0.0.", i, ":2378")};
      member.peer_urls = {absl::StrCat("https://10.0.0.", i, ":2380")};
      ListedMember listed;
      listed.id = member.id;
      listed.name = member.name;
      listed.client_urls = {member.client_urls[1], member.client_urls[0]};
      listed.peer_urls = member.peer_urls;
      list.members.push_back(std::move(listed));
      cluster_.members.push_back(std::move(member));
      asked_.push_back(i - 1);
    }
    for (const MemberExpected& member : cluster_.members) {
      EndpointStatus status;
      status.cluster_id = "c1";
      status.member_id = member.id;
      status.leader_id = "a2";
      status.version = "3.5.32";
      status.raft_term = 7;
      status.raft_index = status.raft_applied_index = 100;
      MemberAnswer answer;
      answer.status = std::move(status);
      answer.list = list;
      answers_.push_back(std::move(answer));
    }
  }

  // The lasting ones, then those that may pass, these with a "?": "CHECK of MEMBER".
  std::vector<std::string> Judge(uint64_t least_index = 100) {
    seen_.assign(asked_.size(), MemberSeen());
    judgement_ = JudgeMembership(cluster_, asked_, answers_, least_index, &seen_);
    std::vector<std::string> texts;
    for (const Finding& finding : judgement_.lasting)
      texts.push_back(absl::StrCat(finding.check, " of ", finding.member));
    for (const Finding& finding : judgement_.passing)
      texts.push_back(absl::StrCat(finding.check, " of ", finding.member, "?"));
    return texts;
  }

  EndpointStatus& Status(int member) { return *answers_[member].status; }
  // In everybody's list.
  void Change(int member, const std::function<void(ListedMember*)>& change) {
    for (MemberAnswer& answer : answers_) change(&answer.list->members[member]);
  }

  ClusterExpected cluster_;
  std::vector<size_t> asked_;
  std::vector<MemberAnswer> answers_;
  std::vector<MemberSeen> seen_;
  Judgement judgement_;
};

TEST_F(JudgeMembershipTest, AllIsWell) {
  EXPECT_THAT(Judge(), IsEmpty());
  EXPECT_TRUE(judgement_.ok());
  EXPECT_EQ(seen_[1].id, "a2");
  EXPECT_EQ(seen_[1].name, "etcd-2");
  EXPECT_TRUE(seen_[1].leader);
  EXPECT_FALSE(seen_[0].leader);
  EXPECT_EQ(seen_[2].version, "3.5.32");
  EXPECT_EQ(seen_[2].raft_term, 7u);
  EXPECT_EQ(seen_[2].raft_index, 100u);
}

TEST_F(JudgeMembershipTest, TheListOfMembers) {
  Change(0, [](ListedMember* listed) { listed->name = "x"; });
  EXPECT_THAT(Judge(), ElementsAre("member-name of etcd-1"));
  Change(0, [](ListedMember* listed) { listed->name = ""; });
  EXPECT_THAT(Judge(), ElementsAre("member-status of etcd-1"));
  Change(0, [](ListedMember* listed) { listed->name = "etcd-1"; });
  Change(1, [](ListedMember* listed) { listed->learner = true; });
  EXPECT_THAT(Judge(), ElementsAre("learner of etcd-2"));
  Change(1, [](ListedMember* listed) { listed->learner = false; });
  Change(2, [](ListedMember* listed) { listed->client_urls.pop_back(); });
  EXPECT_THAT(Judge(), ElementsAre("client-urls of etcd-3"));
  Change(2, [](ListedMember* listed) { listed->client_urls.clear(); });
  EXPECT_THAT(Judge(), ElementsAre("client-urls of etcd-3?")) << "not published yet";
  Change(2, [](ListedMember* listed) { listed->peer_urls.push_back("https://x:1"); });
  EXPECT_THAT(Judge(), ElementsAre("peer-urls of etcd-3"));
}

TEST_F(JudgeMembershipTest, OneMemberHasAnotherList) {
  answers_[2].list->members.pop_back();
  EXPECT_THAT(Judge(), ElementsAre("member-count of "));
  EXPECT_THAT(judgement_.lasting[0].seen, HasSubstr("2 members: a1 etcd-1 "));
}

TEST_F(JudgeMembershipTest, AnotherIdNeedsTheNameAndThePeerUrls) {
  auto rename = [&](const std::string& id) {
    Change(1, [&](ListedMember* listed) { listed->id = id; });
    Status(1).member_id = id;
    for (int i = 0; i < 3; ++i) Status(i).leader_id = id;
  };
  rename("b2");
  EXPECT_THAT(Judge(), IsEmpty());
  EXPECT_EQ(seen_[1].id, "b2");
  EXPECT_TRUE(seen_[1].leader);
  Status(1).member_id = "a2";
  EXPECT_THAT(Judge(), ElementsAre("endpoint-member of etcd-2"));
  Status(1).member_id = "b2";
  Change(1, [](ListedMember* listed) { listed->peer_urls = {"https://x:1"}; });
  EXPECT_THAT(Judge(), ElementsAre("member-id of etcd-2"));
  // A single member's id is always the foretold one.
  cluster_.clustered = false;
  Change(1, [&](ListedMember* listed) { listed->peer_urls = cluster_.members[1].peer_urls; });
  EXPECT_THAT(Judge(), ElementsAre("member-id of "));
}

TEST_F(JudgeMembershipTest, WhoAnswersWhere) {
  Status(0).member_id = "a2";
  EXPECT_THAT(Judge(), ElementsAre("endpoint-member of etcd-1"));
  Status(0).member_id = "a1";
  Status(2).cluster_id = "c2";
  EXPECT_THAT(Judge(), ElementsAre("cluster-id of etcd-3"));
}

TEST_F(JudgeMembershipTest, OneLeaderInOneTerm) {
  Status(0).leader_id = "a3";
  EXPECT_THAT(Judge(), ElementsAre("leader of etcd-2?", "leader of etcd-3?"));
  Status(0).leader_id = "a2";
  Status(2).leader_id = "";
  EXPECT_THAT(Judge(), ElementsAre("leader of etcd-3?"));
  EXPECT_THAT(judgement_.passing[0].seen,
              "no leader at https://10.0.0.3:2379, member a2 at https://10.0.0.1:2379");
  for (int i = 0; i < 3; ++i) Status(i).leader_id = "";
  EXPECT_THAT(Judge(), ElementsAre("leader of etcd-1?", "leader of etcd-2?", "leader of etcd-3?"));
  for (int i = 0; i < 3; ++i) Status(i).leader_id = "a2";
  Status(1).raft_term = 8;
  EXPECT_THAT(Judge(), ElementsAre("raft-term of etcd-2?"));
}

TEST_F(JudgeMembershipTest, TheLogIsFollowed) {
  Status(1).raft_applied_index = 99;
  EXPECT_THAT(Judge(), ElementsAre("raft-index of etcd-2?"));
  EXPECT_THAT(Judge(99), IsEmpty());
}

TEST_F(JudgeMembershipTest, OneVersion) {
  Status(1).version = "3.5.31";
  EXPECT_THAT(Judge(), ElementsAre("version of etcd-2"));
  EXPECT_THAT(judgement_.lasting[0].expected, "etcd 3.5.32, as etcd-1 has");
  cluster_.version = "3.5.31";
  EXPECT_THAT(Judge(), ElementsAre("version of etcd-1", "version of etcd-3"));
}

TEST_F(JudgeMembershipTest, AnAlarmIsOfTheMemberThatRaisedIt) {
  // Everybody tells of it. 161 is a1.
  for (int i = 0; i < 3; ++i)
    Status(i).errors = {"memberID:161 alarm:NOSPACE ", "etcdserver: no leader",
                        "memberID:4660 alarm:CORRUPT "};
  EXPECT_THAT(Judge(), ElementsAre("alarm of etcd-1", "alarm of "));
  EXPECT_EQ(judgement_.lasting[0].seen, "NOSPACE of member a1");
  EXPECT_THAT(judgement_.lasting[0].advice, HasSubstr("quota-backend-bytes"));
  EXPECT_EQ(judgement_.lasting[1].seen, "CORRUPT of member 1234");
  EXPECT_THAT(judgement_.lasting[1].advice,
              HasSubstr("move its data folder away before the member is replaced"));
}

TEST_F(JudgeMembershipTest, WhoDoesNotAnswerMayDoSoLater) {
  answers_[1].status = absl::UnavailableError("exit 1: context deadline exceeded");
  answers_[2].list = absl::UnavailableError("no leader");
  EXPECT_THAT(Judge(), ElementsAre("etcdctl of etcd-2?", "etcdctl of etcd-3?"));
  EXPECT_EQ(judgement_.passing[1].seen, "no leader");
  // Without the program nobody can be asked, now or later.
  for (MemberAnswer& answer : answers_) answer.status = absl::NotFoundError("there is no program");
  EXPECT_THAT(Judge(), ElementsAre("etcdctl of "));
}

TEST_F(JudgeMembershipTest, OfOneMemberOnlyWhatWasAlwaysAsked) {
  cluster_.clustered = false;
  Status(0).leader_id = "a3";
  Status(1).raft_term = 8;
  Status(2).raft_applied_index = 1;
  Status(2).version = "3.4.0";
  EXPECT_THAT(Judge(), IsEmpty());
}

}  // namespace
}  // namespace kplan
