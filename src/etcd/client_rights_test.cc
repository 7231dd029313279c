// What real etcds let whom do, before and after the commands that they are told to type.

#include "src/etcd/client_rights.h"

#include <signal.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/process.h"
#include "src/base/record.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/etcd_cluster_testing.h"
#include "src/etcd/hash_kv.h"
#include "src/etcd/snapshot.h"
#include "src/etcd/snapshot_auth.h"
#include "src/step/step_testing.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;
using testing::SizeIs;

// The indented lines of TEXT.
std::vector<std::string> CommandsOf(const std::string& text) {
  std::vector<std::string> commands;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "    ")) commands.emplace_back(line.substr(4));
  }
  return commands;
}

TEST(WantOfRights, SaysWhoAndWhatAndWhatToType) {
  const Etcdctl etcdctl = {"bin/etcdctl", "pki/ca.pem", "pki/ops.pem", "pki/ops-key.pem"};
  ClientRights rights;
  rights.user = "ops team";
  rights.roles = {"readers"};
  EXPECT_EQ(
      WantOfRights(etcdctl, {"https://a:2379", "https://b:2379"}, rights, EtcdRight::kRoot,
                   "take a snapshot"),
      "auth is enabled in this etcd, and kplan asks it as user ops team (the CN of pki/ops.pem), who may not "
      "take a snapshot: it needs the role root. Type what follows; --user=root asks for the password of "
      "root. "
      "(Where root has none, leave --user out, and give root's own certificate and key.)\n"
      "    bin/etcdctl --endpoints=https://a:2379,https://b:2379 --cacert=pki/ca.pem --cert=pki/ops.pem "
      "--key=pki/ops-key.pem --user=root user grant-role 'ops team' root");

  rights.user_is_there = false;
  rights.roles.clear();
  EXPECT_THAT(CommandsOf(WantOfRights(etcdctl, {"https://a"}, rights, EtcdRight::kVerifyKeys, "write")),
              ElementsAre(HasSubstr("user add 'ops team' --no-password"), HasSubstr("role add kplan"),
                          HasSubstr("role grant-permission kplan --prefix=true readwrite /kplan/verify/"),
                          HasSubstr("user grant-role 'ops team' kplan")));
  rights.user_is_there = true;
  rights.roles = {"kplan"};
  EXPECT_THAT(CommandsOf(WantOfRights(etcdctl, {"https://a"}, rights, EtcdRight::kVerifyKeys, "write")),
              ElementsAre(HasSubstr("grant-permission kplan")));
}

TEST(WantOfRights, WithoutANameThereIsNobodyToGrantTo) {
  const std::string text = WantOfRights({"etcdctl", "ca.pem", "missing.pem", "key.pem"}, {"https://a"}, {},
                                        EtcdRight::kRoot, "take a snapshot");
  EXPECT_THAT(text, AllOf(HasSubstr("no CN can be read from missing.pem"), HasSubstr("etcd.tls.client")));
  EXPECT_THAT(CommandsOf(text), SizeIs(0));
}

TEST(AsRefusal, HasEtcdsWordsInOneLine) {
  const absl::Status refused = AsRefusal(
      absl::UnavailableError("exit 1: {\"level\":\"warn\",\"msg\":\"retrying\",\"error\":\"rpc error: desc = "
                             "auth: user not found\"}\n"
                             "Failed to get the hash of endpoint https://a (auth: user not found)\n"));
  EXPECT_TRUE(absl::IsPermissionDenied(refused));
  EXPECT_EQ(refused.message(), "auth: user not found");
  EXPECT_EQ(AsRefusal(absl::UnavailableError("exit 1: Error: etcdserver: permission denied")).message(),
            "etcdserver: permission denied");
  EXPECT_TRUE(absl::IsUnavailable(AsRefusal(absl::UnavailableError("exit 1: context deadline exceeded"))));
  EXPECT_TRUE(AsRefusal(absl::OkStatus()).ok());
}

class ClientRightsTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    if (EtcdFolder().empty()) GTEST_SKIP() << "no etcd here";
    trio_ = std::make_unique<EtcdTrio>(working_folder_);
    cluster_ = trio_->Planned("guest");
    trio_->Start();
    trio_->AwaitHealth();
  }

  void EnableAuth() {
    trio_->Etcdctl({"user", "add", "root:secret"});
    trio_->Etcdctl({"role", "add", "root"});
    trio_->Etcdctl({"user", "grant-role", "root", "root"});
    trio_->Etcdctl({"auth", "enable"});
    // Each member has its own, and may be behind for a moment.
    const absl::Time until = absl::Now() + absl::Seconds(30);
    for (const PlannedMember& member : cluster_.members) {
      while (AskClientRights(cluster_.etcdctl, member.probe).has == EtcdRight::kRoot)
        ASSERT_LT(absl::Now(), until);
    }
  }

  ClientRights Ask() { return AskClientRights(cluster_.etcdctl, cluster_.members[0].probe); }

  // What TEXT says, with root's password in it.
  static void Type(const std::string& text) {
    for (const std::string& command : CommandsOf(text)) {
      const std::string typed = absl::StrReplaceAll(command, {{"--user=root", "--user=root:secret"}});
      RunOptions options;
      options.environment = {"ETCDCTL_API=3"};
      absl::StatusOr<RunResult> result = kplan::Run({"/bin/sh", "-ec", typed}, options);
      ASSERT_TRUE(result.ok() && result->ok()) << typed << (result.ok() ? result->err : "");
    }
  }

  std::string Problem() {
    LiveCluster live = AskLiveCluster(cluster_);
    AskForRights(cluster_, &live);
    return RightsProblem(cluster_, live);
  }

  std::unique_ptr<EtcdTrio> trio_;
  PlannedCluster cluster_;
};

TEST_F(ClientRightsTest, WhatIsTypedLets) {
  EXPECT_EQ(Ask().has, EtcdRight::kRoot) << "there is no auth";
  EXPECT_EQ(Problem(), "");
  // So many and so long that they fill more than a page.
  for (int i = 0; i < 40; ++i)
    trio_->Etcdctl({"user", "add", absl::StrCat(std::string(100, 'u'), i), "--no-password"});
  SnapshotPolicy policy;
  policy.folder = "snapshots";
  absl::StatusOr<TakenSnapshot> taken = TakeSnapshot(cluster_, policy);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_FALSE(ReadSnapshotAuth(taken->info.path, "guest")->enabled);

  EnableAuth();
  const std::string before = trio_->Etcdctl({"get", "--prefix", "", "--write-out=json"});
  ClientRights rights = Ask();
  EXPECT_EQ(rights.has, EtcdRight::kName);
  EXPECT_EQ(rights.user, "guest");
  EXPECT_FALSE(rights.user_is_there);
  EXPECT_THAT(Problem(), AllOf(HasSubstr("as user guest (the CN of "), HasSubstr("write and read below"),
                               HasSubstr("user add guest --no-password")));
  taken = TakeSnapshot(cluster_, policy);
  EXPECT_TRUE(absl::IsPermissionDenied(taken.status())) << taken.status();
  EXPECT_THAT(
      std::string(taken.status().message()),
      AllOf(HasSubstr("user guest"), HasSubstr("user grant-role guest root"), Not(HasSubstr("level"))));

  Type(Problem());
  rights = Ask();
  // Where the status is for root, that is what was typed.
  if (rights.has != EtcdRight::kRoot) {
    EXPECT_EQ(rights.has, EtcdRight::kVerifyKeys);
    EXPECT_THAT(rights.roles, ElementsAre("kplan"));
    EXPECT_EQ(Problem(), "");
    taken = TakeSnapshot(cluster_, policy);
    EXPECT_TRUE(absl::IsPermissionDenied(taken.status())) << taken.status();
    EXPECT_TRUE(absl::IsPermissionDenied(AskHashKvs(cluster_, 1).status()))
        << AskHashKvs(cluster_, 1).status();
    cluster_.snapshots = true;
    EXPECT_THAT(Problem(), AllOf(HasSubstr("take the snapshot"), Not(HasSubstr("user add"))));
    Type(Problem());
  }
  EXPECT_EQ(Ask().has, EtcdRight::kRoot);
  EXPECT_EQ(Problem(), "");
  taken = TakeSnapshot(cluster_, policy);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(taken->info.keys.has_value());
  EXPECT_TRUE(AskHashKvs(cluster_, taken->info.revision).ok());

  // All that was asked has left no trace.
  EXPECT_EQ(Json::parse(trio_->Etcdctl({"get", "--prefix", "", "--write-out=json"}))["header"]["revision"],
            Json::parse(before)["header"]["revision"]);
  absl::StatusOr<SnapshotAuth> auth = ReadSnapshotAuth(taken->info.path, "guest");
  ASSERT_TRUE(auth.ok()) << auth.status();
  EXPECT_TRUE(auth->enabled && auth->IsRoot());
  for (int i = 0; i < 40; ++i) {
    auth = ReadSnapshotAuth(taken->info.path, absl::StrCat(std::string(100, 'u'), i));
    ASSERT_TRUE(auth.ok() && auth->roles.has_value()) << i;
    EXPECT_THAT(*auth->roles, SizeIs(0));
  }
  EXPECT_EQ(ReadSnapshotAuth(taken->info.path, "nobody")->roles, std::nullopt);
}

TEST_F(ClientRightsTest, ACnThatIsRootMayDoAll) {
  EnableAuth();
  cluster_.etcdctl.cert = trio_->Pki("root.pem");
  cluster_.etcdctl.key = trio_->Pki("root-key.pem");
  cluster_.snapshots = true;
  EXPECT_EQ(Ask().has, EtcdRight::kRoot);
  EXPECT_EQ(Problem(), "");
  // Nobody can be asked: nothing is known, and nothing is said.
  for (size_t i = 0; i < 3; ++i) trio_->Signal(i, SIGKILL);
  EXPECT_EQ(Ask().has, std::nullopt);
  EXPECT_EQ(Problem(), "");
}

}  // namespace
}  // namespace kplan
