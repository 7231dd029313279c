#include "src/look/members_asked.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/journal.h"
#include "src/step/etcd_records.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A cluster of which the second member answers something else than that it serves.
class SecondIsIll : public ClusterView {
 public:
  SecondIsIll(std::vector<size_t>* asked, std::vector<EtcdAlarm> alarms)
      : asked_(asked), alarms_(std::move(alarms)) {}

  HealthAnswer AskHealth(size_t member) override {
    asked_->push_back(member);
    if (member == 1) return {HealthAnswer::kUnhealthy, "503 no\x1bleader"};
    return {HealthAnswer::kHealthy, ""};
  }
  std::vector<EtcdAlarm> AskAlarms(size_t) override { return alarms_; }
  LiveCluster AskAll() override {
    ADD_FAILURE() << "etcdctl is for those who act";
    return {};
  }
  absl::StatusOr<TakenSnapshot> TakeSnapshot(const SnapshotPolicy&) override {
    return absl::InternalError("no");
  }

 private:
  std::vector<size_t>* const asked_;
  const std::vector<EtcdAlarm> alarms_;
};

class MembersAskedTest : public testing::Test {
 protected:
  MembersAskedTest() {
    for (int i = 1; i <= 3; ++i) {
      MemberRecord member;
      member.host = absl::StrCat("host-", i);
      member.name = absl::StrCat("etcd-", i);
      member.id = absl::StrCat(i);
      member.probe = absl::StrCat("https://10.0.0.", i, ":2379");
      member.client_urls = {member.probe};
      member.peer_probe = absl::StrCat("https://10.0.0.", i, ":2380");
      member.peer_urls = {member.peer_probe};
      member.data = "/var/lib/etcd";
      member.root = "/";
      member.remote = true;
      record_.cluster.members.push_back(std::move(member));
    }
    record_.cluster.cacert = "pki/ca.pem";
    record_.cluster.cert = "pki/root.pem";
    record_.cluster.key = "pki/root-key.pem";
    record_.cluster.cluster_id = "c";
    record_.manager = "elsewhere";
  }

  // Asks all there are, of a plan with this record. ENTRY: the last run of its verification.
  std::vector<AskedMember> Asked(const std::function<void(JournalEntry*)>& change = {}, bool noted = true) {
    Graph graph;
    const uint32_t shard = graph.AddShard("shared");
    graph.AddStep(StepKind::kVerify, shard, "verify/etcd", ToText(record_), {});
    EXPECT_TRUE(graph.Finish().ok());
    const std::string path = absl::StrCat(testing::TempDir(), "/journal-", ++journals_);
    if (noted) {
      JournalEntry entry;
      entry.label = "verify/etcd";
      entry.at = 1700000000000;
      entry.record = std::string(graph.steps()[0].digest());
      entry.digest = std::string(64, 'a');
      if (change) change(&entry);
      EXPECT_TRUE(AppendEntry(path, entry).ok());
    }
    std::vector<Journal> journals;
    journals.push_back(Journal::Read(path));
    MembersAsked asked(
        graph, journals,
        [this](const PlannedCluster& cluster) -> absl::StatusOr<std::unique_ptr<ClusterView>> {
          opened_.push_back(cluster.members.size());
          if (!open_.ok()) return open_;
          return std::make_unique<SecondIsIll>(&asked_, alarms_);
        },
        /*hosts=*/nullptr);
    std::vector<AskedMember> members;
    for (size_t i = 0; i < asked.count(); ++i) {
      asked.Ask(i);
      members.push_back(asked.member(i));
    }
    return members;
  }

  VerifyRecord record_;
  absl::Status open_;
  std::vector<EtcdAlarm> alarms_;
  std::vector<size_t> opened_, asked_;

 private:
  static int journals_;
};

int MembersAskedTest::journals_ = 0;

TEST_F(MembersAskedTest, OneThatRunsAndServesNobodyIsNamed) {
  const std::vector<AskedMember> members = Asked();
  ASSERT_EQ(members.size(), 3u);
  EXPECT_THAT(opened_, ElementsAre(3));
  EXPECT_THAT(asked_, ElementsAre(0, 1, 2));
  EXPECT_EQ(members[0].trouble, "");
  EXPECT_EQ(members[1].host, "host-2");
  EXPECT_EQ(members[1].trouble, R"(etcd-2 does not serve: 503 no\x1bleader (https://10.0.0.2:2379))");
  EXPECT_EQ(members[2].trouble, "");
}

// The third one answers whoever reads, and takes no write; the second one does not answer for its own reason.
TEST_F(MembersAskedTest, OneThatHasAnAlarmIsNamed) {
  alarms_ = {{"NOSPACE", "3"}};
  std::vector<AskedMember> members = Asked();
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].trouble, "");
  EXPECT_THAT(members[1].trouble, testing::StartsWith("etcd-2 does not serve: "));
  EXPECT_THAT(
      members[2].trouble,
      testing::AllOf(testing::StartsWith("etcd-3 has the alarm NOSPACE (https://10.0.0.3:2379): no write"),
                     testing::HasSubstr("kplan defrag")));

  alarms_ = {{"CORRUPT", "2"}};
  members = Asked();
  EXPECT_THAT(members[1].trouble,
              testing::AllOf(testing::StartsWith("etcd-2 has the alarm CORRUPT"),
                             testing::HasSubstr("move its data folder away before the member is replaced")));
  // Whose it is nobody knows: all say it.
  alarms_ = {{"NOSPACE", "ff"}};
  members = Asked();
  EXPECT_THAT(members[0].trouble, testing::HasSubstr("NOSPACE"));
}

TEST_F(MembersAskedTest, OnlyWhereThatWasProvedBefore) {
  EXPECT_THAT(Asked({}, /*noted=*/false), IsEmpty());
  EXPECT_THAT(Asked([](JournalEntry* entry) { entry->failed = true; }), IsEmpty());
  EXPECT_THAT(Asked([](JournalEntry* entry) { entry->digest = ""; }), IsEmpty());
  EXPECT_THAT(Asked([](JournalEntry* entry) { entry->record = "of another plan"; }), IsEmpty());
  EXPECT_THAT(opened_, IsEmpty());
}

TEST_F(MembersAskedTest, ThoseOfThisMachineAskForThemselves) {
  record_.cluster.members[0].remote = false;
  record_.cluster.members[2].remote = false;
  const std::vector<AskedMember> members = Asked();
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].name, "etcd-2");
  EXPECT_THAT(asked_, ElementsAre(1)) << "by its place in the whole cluster";
  record_.cluster.members[1].remote = false;
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_THAT(opened_, ElementsAre(3));
}

TEST_F(MembersAskedTest, WithoutTheCertificatesNobodyIsAsked) {
  open_ = absl::NotFoundError("cannot read pki/root-key.pem");
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_THAT(asked_, IsEmpty());
}

}  // namespace
}  // namespace kplan
