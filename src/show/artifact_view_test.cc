#include "src/show/artifact_view.h"

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/lower/compile.h"
#include "src/show/artifact_report.h"

namespace kplan {
namespace {

constexpr char kSpec[] = R"(hosts:
  worker: {root: rootfs, service-manager: process}
ca: {CN: ca}
certs:
  k: {hosts: [127.0.0.1]}
etcd: {version: 3.4.15, cert: k}
)";

class ArtifactViewTest : public testing::Test {
 protected:
  ArtifactViewTest() : file_(SpecFile::CompileText("cluster.yaml", kSpec)) {
    EXPECT_NE(file_.compiled(), nullptr) << file_.diagnostics().Format(false);
    std::string folder = absl::StrCat(testing::TempDir(), "/viewXXXXXX");
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    EXPECT_EQ(chdir(folder.c_str()), 0);
    forecast_.steps.resize(graph().steps().size());
    for (const Shard& shard : graph().shards()) {
      static_cast<void>(shard);
      forecast_.journals.emplace_back();
    }
  }

  const Graph& graph() const { return file_.compiled()->graph; }

  StepId Find(absl::string_view label) const {
    for (StepId id = 0; id < graph().steps().size(); ++id) {
      if (graph().steps()[id].label == label) return id;
    }
    ADD_FAILURE() << "no " << label;
    return 0;
  }

  StepForecast& Of(absl::string_view label) { return forecast_.steps[Find(label)]; }

  ArtifactView View(absl::string_view label) const {
    return ViewArtifact(graph(), forecast_, Find(label), kSpec, absl::FromUnixSeconds(1800000000));
  }

  static void Put(const std::string& path, absl::string_view content, mode_t mode) {
    ASSERT_TRUE(WriteFile(path, content, mode).ok()) << path;
  }

  SpecFile file_;
  Forecast forecast_;
};

std::vector<std::string> Labels(const std::vector<ArtifactNeighbour>& neighbours) {
  std::vector<std::string> labels;
  for (const ArtifactNeighbour& it : neighbours) labels.push_back(it.label);
  return labels;
}

std::string Detail(const ArtifactView& view, const std::string& name) {
  for (const auto& [key, text] : view.details) {
    if (key == name) return text;
  }
  return "";
}

TEST_F(ArtifactViewTest, WhereItStands) {
  ArtifactView view = View("cert/k");
  EXPECT_EQ(view.kind, "cert");
  EXPECT_EQ(view.verb, "SIGN");
  EXPECT_EQ(view.host, "shared");
  EXPECT_EQ(view.place, "certs.k");
  EXPECT_EQ(view.line, 5);
  EXPECT_EQ(Labels(view.inputs), (std::vector<std::string>{"csr/k", "ca/cert"}));
  EXPECT_EQ(Labels(view.after), (std::vector<std::string>{}));
  EXPECT_EQ(Labels(view.users), (std::vector<std::string>{"file/worker/etc/etcd/k.pem"}));
  // And the service and the verdict.
  EXPECT_EQ(view.dependents, 3u);
  ASSERT_EQ(view.files.size(), 1u);
  EXPECT_EQ(view.files[0].path, "pki/k.pem");
  EXPECT_EQ(view.files[0].problem, "missing");
  EXPECT_EQ(view.stamp_file, ".kplan/stamps/cert/k");
  EXPECT_EQ(view.stamp, "");

  // What only has to be there before is shown apart, and on both sides.
  ArtifactView service = View("service/worker/etcd");
  EXPECT_TRUE(absl::c_linear_search(Labels(service.after), "file/worker/etc/etcd/k.pem"));
  EXPECT_FALSE(absl::c_linear_search(Labels(service.inputs), "file/worker/etc/etcd/k.pem"));
  EXPECT_TRUE(absl::c_linear_search(Labels(View("file/worker/etc/etcd/k.pem").users), "service/worker/etcd"));
  EXPECT_EQ(service.service, "etcd");
  EXPECT_EQ(service.line, 6);
  EXPECT_EQ(Detail(service, "running"), "no");
  EXPECT_EQ(View("verify/etcd").dependents, 0u);
}

TEST_F(ArtifactViewTest, Files) {
  Put("rootfs/etc/etcd/k.pem", "x", 0640);
  Put(paths::Stamp("file/worker/etc/etcd/k.pem"), absl::StrCat(std::string(64, 'a'), "\n"), 0644);
  ArtifactView view = View("file/worker/etc/etcd/k.pem");
  ASSERT_EQ(view.files.size(), 2u);
  EXPECT_EQ(view.files[0].path, "rootfs/etc/etcd/k.pem");
  EXPECT_EQ(view.files[0].mode, "0640");
  EXPECT_NE(view.files[0].owner, "");
  EXPECT_EQ(view.files[1].path, "rootfs/etc/etcd/k-key.pem");
  EXPECT_EQ(view.files[1].problem, "missing");
  EXPECT_EQ(view.stamp, std::string(64, 'a'));

  // A link where the folder should be is said, not followed.
  ASSERT_EQ(symlink("/", "rootfs/usr"), 0);
  EXPECT_NE(View("file/worker/usr/local/bin/etcd").files[0].problem, "missing");
}

TEST_F(ArtifactViewTest, StateAndReasons) {
  Of("cert/k").fate = Fate::kChange;
  Of("cert/k").reasons = {{"names", "SAN differs: added dns b"}};
  Of("cert/k").changes = {{"SAN", "", "dns b"}, {"expiry", "8760h", "720h"}};
  Of("cert/k").causes = {{Cause::Kind::kSpec, 0}};
  ArtifactView view = View("cert/k");
  EXPECT_EQ(view.state, StepState::kStale);
  ASSERT_FALSE(view.reasons.empty());
  EXPECT_EQ(view.reasons[0], "SAN differs: added dns b");
  const std::string text = ArtifactText(view, "cluster.yaml");
  for (const char* line : {"cert/k: certificate\n", "  from          cluster.yaml:5 (certs.k)\n",
                           "  state         stale, the next ninja makes it\n", "SAN differs: added dns b\n",
                           "SAN + dns b\n", "expiry 8760h -> 720h\n", "used by (3 dependents in all)\n"}) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line << "\n" << text;
  }
  Json json = Json::parse(ArtifactJson(view, "cluster.yaml"));
  EXPECT_EQ(json["state"], "stale");
  EXPECT_EQ(json["next"], "change");
  EXPECT_EQ(json["from"], Json({{"file", "cluster.yaml"}, {"line", 5}, {"path", "certs.k"}}));
  EXPECT_EQ(json["changes"][1], Json({{"what", "expiry"}, {"from", "8760h"}, {"to", "720h"}}));
  EXPECT_EQ(json["used-by"][0]["label"], "file/worker/etc/etcd/k.pem");
  EXPECT_EQ(json["record"]["kind"], "cert");
}

TEST_F(ArtifactViewTest, Details) {
  EXPECT_EQ(View("key/k").what, "private key, rsa 2048");
  EXPECT_EQ(View("ca/key").what, "private key of a CA, rsa 2048");
  EXPECT_EQ(Detail(View("key/k"), "form"), "PKCS#1");
  EXPECT_EQ(Detail(View("key/k"), "public key"), "");
  Put(paths::Stamp("key/k"), std::string(64, '0'), 0644);
  EXPECT_EQ(Detail(View("key/k"), "public key"), absl::StrCat("SHA256:", std::string(64, '0')));
  // A stamp that is no digest is not shown as one.
  Put(paths::Stamp("key/k"), "-----BEGIN", 0644);
  EXPECT_EQ(Detail(View("key/k"), "public key"), "");

  EXPECT_EQ(View("cert/k").details.size(), 0u);
  Put("pki/k.pem", "no certificate", 0644);
  EXPECT_TRUE(absl::StrContains(Detail(View("cert/k"), "unreadable"), "pki/k.pem"));

  Put("reports/verify-etcd.json",
      R"({"verdict":"fail","time":"2026-01-01T00:00:00Z","failure":{"check":"c","expected":"e","seen":"s"},)"
      R"("members":[{"id":"12","name":"etcd","version":"3.4.15","endpoint":"https://x:1"},7]})",
      0644);
  ArtifactView verify = View("verify/etcd");
  EXPECT_EQ(Detail(verify, "verdict"), "fail, 2026-01-01T00:00:00Z");
  EXPECT_EQ(Detail(verify, "failed check"), "c: expected e, seen s");
  EXPECT_EQ(Detail(verify, "member"), "12 etcd, etcd 3.4.15 at https://x:1");
  for (const char* damaged : {"", "[]", "{", R"({"verdict":[1],"members":{},"failure":3})"}) {
    Put("reports/verify-etcd.json", damaged, 0644);
    EXPECT_EQ(Detail(View("verify/etcd"), "member"), "") << damaged;
  }
}

// A last run, and a file's text that would disturb a terminal or not be JSON.
TEST_F(ArtifactViewTest, TextIsShownAsText) {
  JournalEntry entry;
  entry.label = "cert/k";
  entry.at = 1700000000000;
  entry.failed = true;
  entry.reason = "bad \x1B[31m\xFF\nsecond line";
  const StepId id = Find("cert/k");
  const std::string path = "journal";
  ASSERT_TRUE(AppendEntry(path, entry).ok());
  forecast_.journals[graph().steps()[id].shard] = Journal::Read(path);
  ArtifactView view = View("cert/k");
  ASSERT_TRUE(view.ran);
  const std::string text = ArtifactText(view, "cluster.yaml");
  EXPECT_FALSE(absl::StrContains(text, "\x1B")) << text;
  EXPECT_TRUE(absl::StrContains(text, "2023-11-14 22:13:20 UTC  failed: bad \\x1b[31m")) << text;
  EXPECT_TRUE(absl::StrContains(text, "second line\n")) << text;
  Json json = Json::parse(ArtifactJson(view, "cluster.yaml"), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["last-run"]["failed"], true);
  EXPECT_EQ(json["last-run"]["at"], "2023-11-14T22:13:20Z");
}

TEST_F(ArtifactViewTest, Group) {
  std::vector<ArtifactNeighbour> members =
      ViewArtifacts(graph(), forecast_, {Find("ca/key"), Find("service/worker/etcd")});
  EXPECT_EQ(GroupText(members),
            "LABEL                STATE  FILE\n"
            "ca/key               fresh  pki/ca-key.pem\n"
            "service/worker/etcd  fresh  etcd\n");
  EXPECT_EQ(Json::parse(GroupJson("x", members))["members"][0],
            Json({{"label", "ca/key"}, {"state", "fresh"}, {"file", "pki/ca-key.pem"}}));
}

// The files of this machine are never shown for those of a host over ssh.
TEST(ArtifactViewOverSsh, NothingHereIsLookedAt) {
  std::string folder = absl::StrCat(testing::TempDir(), "/viewXXXXXX");
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ASSERT_EQ(chdir(folder.c_str()), 0);
  ASSERT_TRUE(WriteFile("rootfs/etc/etcd/ca.pem", "this machine's", 0600).ok());
  Graph graph;
  const uint32_t shard = graph.AddShard("etcd-1");
  const StepId host = graph.AddStep(
      StepKind::kHost, shard, "host/etcd-1",
      R"({"arch":"amd64","become":"sudo","cluster":"","kind":"host","manager":"process","name":"etcd-1","root":"rootfs","ssh-host":"10.0.0.11","ssh-port":2222,"ssh-user":"ops"})",
      {});
  const StepId file = graph.AddStep(
      StepKind::kFile, shard, "file/etcd-1/etc/etcd/ca.pem",
      R"({"from":"pki/ca.pem","host":"etcd-1","kind":"install","mode":"0644","path":"/etc/etcd/ca.pem","root":"rootfs","secret":false})",
      {host});
  graph.AddContact(host);
  graph.AddContact(file);
  Forecast forecast;
  forecast.steps.resize(2);
  forecast.journals.resize(1);
  const ArtifactView view = ViewArtifact(graph, forecast, file, "{}", absl::FromUnixSeconds(1800000000));
  ASSERT_EQ(view.files.size(), 1u);
  EXPECT_EQ(view.files[0].path, "etcd-1:rootfs/etc/etcd/ca.pem");
  EXPECT_EQ(view.files[0].host, "etcd-1");
  EXPECT_EQ(view.files[0].mode, "");
  EXPECT_EQ(view.files[0].problem, "");
  EXPECT_TRUE(absl::StrContains(ArtifactText(view, "cluster.yaml"), "etcd-1:rootfs/etc/etcd/ca.pem\n"));
  const ArtifactView of_host = ViewArtifact(graph, forecast, host, "{}", absl::FromUnixSeconds(1800000000));
  EXPECT_EQ(Detail(of_host, "ssh"), "ops@10.0.0.11:2222, by sudo");
}

}  // namespace
}  // namespace kplan
