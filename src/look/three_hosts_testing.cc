#include "src/look/three_hosts_testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/steps/kinds.h"

namespace kplan {
namespace {

constexpr char kUnitPath[] = "/etc/systemd/system/etcd.service";
constexpr char kTrustPath[] = "/etc/etcd/ca.pem";

std::string Install(const std::string& from, const std::string& host, const std::string& mode,
                    const std::string& path) {
  RecordWriter record;
  record.Add("from", from).Add("host", host).Add("kind", "install").Add("mode", mode);
  record.Add("path", path).Add("root", "/").Add("secret", false);
  return std::move(record).Finish();
}

std::string Render(const std::string& path, const std::string& content) {
  RecordWriter record;
  record.Add("content", content).Add("kind", "render").Add("path", path);
  return std::move(record).Finish();
}

}  // namespace

ThreeHosts::ThreeHosts() : clock_(absl::ToUnixMillis(absl::Now()) - 3600 * 1000) {
  std::string folder = testing::TempDir() + "/hosts-XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(chdir(folder.c_str()), 0);
  EXPECT_TRUE(WriteFile(paths::kNinjaLog, "", 0644).ok());
  Rebuild();
  Generate();
}

void ThreeHosts::Rebuild() {
  graph_ = Graph();
  const uint32_t shared = graph_.AddShard(paths::kSharedShard);
  const StepId text =
      graph_.AddStep(StepKind::kRender, shared, "render/trust", Render("pki/ca.pem", trust), {});
  std::vector<StepId> restart, after;
  std::vector<std::string> members;
  int number = 0;
  for (const std::string host : kHosts) {
    const uint32_t shard = graph_.AddShard(host);
    const std::string rendered = paths::Rendered(host, kUnitPath);
    const StepId unit_text = graph_.AddStep(
        StepKind::kRender, shard, absl::StrCat("render/", host, kUnitPath), Render(rendered, unit), {});
    RecordWriter of_host;
    of_host.Add("arch", "amd64").Add("cluster", "prod").Add("kind", "host").Add("manager", "systemd");
    of_host.Add("name", host).Add("root", "/").Add("ssh-host", absl::StrCat(address, ++number));
    of_host.Add("ssh-port", 0).Add("ssh-user", "ops");
    const StepId identity =
        graph_.AddStep(StepKind::kHost, shard, absl::StrCat("host/", host), std::move(of_host).Finish(), {});
    RecordWriter of_send;
    of_send.AddJson("files", absl::StrCat(R"([{"from":"pki/ca.pem","path":")", kTrustPath,
                                          R"(","secret":false},{"from":")", rendered, R"(","path":")",
                                          kUnitPath, R"(","secret":false}])"));
    of_send.Add("host", host).Add("kind", "send").Add("root", "/");
    const StepId send = graph_.AddStep(StepKind::kSend, shard, absl::StrCat("send/", host),
                                       std::move(of_send).Finish(), {text, unit_text, identity});
    restart.push_back(graph_.AddStep(StepKind::kInstall, shard, absl::StrCat("file/", host, kTrustPath),
                                     Install("pki/ca.pem", host, mode, kTrustPath), {text, identity},
                                     {send}));
    restart.push_back(graph_.AddStep(StepKind::kUnit, shard, absl::StrCat("unit/", host, "/etcd"),
                                     Install(rendered, host, "0644", kUnitPath), {unit_text, identity},
                                     {send}));
    after.push_back(
        graph_.AddStep(StepKind::kDir, shard, absl::StrCat("dir/", host, "/var/lib/etcd"),
                       absl::StrCat(R"({"host":")", host,
                                    R"(","kind":"dir","mode":"0700","path":"/var/lib/etcd","root":"/"})"),
                       {identity}, {send}));
    StringPairs argv = {{"", "/usr/local/bin/etcd"}, {"--trusted-ca-file=", kTrustPath}};
    for (const std::string& flag : flags) argv.emplace_back(flag, "");
    RecordWriter service;
    service.Add("answers", std::vector<std::string>()).Add("argv", argv);
    service.Add("environment", std::vector<std::string>()).Add("kind", "service").Add("manager", "systemd");
    service.Add("name", "etcd").Add("restart-on", std::vector<std::string>{kTrustPath, kUnitPath});
    service.Add("root", "/").Add("timeout", 90).Add("unit", kUnitPath);
    const std::string client = absl::StrCat("https://", host, ":2379"),
                      peer = absl::StrCat("https://", host, ":2380");
    RecordWriter member;
    member.Add("client-urls", std::vector<std::string>{client}).Add("data", "/var/lib/etcd");
    member.Add("host", host).Add("id", absl::StrCat(number)).Add("name", host);
    member.Add("peer-cert", absl::StrCat("pki/", host, "/peer.pem")).Add("peer-probe", peer);
    member.Add("peer-urls", std::vector<std::string>{peer}).Add("probe", client);
    member.Add("remote", true).Add("root", "/");
    member.Add("server-cert", absl::StrCat("pki/", host, "/server.pem"));
    member.AddJson("service", std::move(service).Finish());
    members.push_back(std::move(member).Finish());
  }
  RecordWriter rollout;
  rollout.Add("cacert", "pki/ca.pem").Add("cert", "pki/root.pem").Add("cluster-id", "c");
  rollout.Add("etcdctl", "").Add("key", "pki/root-key.pem");
  rollout.Add("kind", "rollout-etcd").Add("max-unavailable", 1);
  rollout.AddJson("members", absl::StrCat("[", absl::StrJoin(members, ","), "]")).Add("timeout", 90);
  const StepId roll =
      graph_.AddStep(StepKind::kRollout, shared, "rollout/etcd", std::move(rollout).Finish(), restart, after);
  for (const std::string host : kHosts) graph_.AddToGroup(absl::StrCat("service/", host, "/etcd"), roll);
  if (!web_config.empty()) AddWeb(2);
  EXPECT_TRUE(graph_.Finish().ok());
}

void ThreeHosts::AddWeb(uint32_t shard) {
  const std::string host = graph_.shards()[shard].name;
  const StepId identity = Find(absl::StrCat("host/", host));
  auto add = [&](const std::string& path, const std::string& content) {
    const std::string rendered = paths::Rendered(host, path);
    const StepId text = graph_.AddStep(StepKind::kRender, shard, absl::StrCat("render/", host, path),
                                       Render(rendered, content), {});
    return graph_.AddStep(StepKind::kInstall, shard, absl::StrCat("file/", host, path),
                          Install(rendered, host, "0644", path), {text, identity});
  };
  const StepId config = add("/etc/web/web.conf", web_config), program = add("/etc/web/web", web_program),
               timer = add("/etc/systemd/system/web.timer", web_timer);
  RecordWriter service;
  service.Add("answers", std::vector<std::string>()).Add("argv", StringPairs{{"", "/etc/web/web"}});
  service.Add("environment", std::vector<std::string>()).Add("host", host).Add("kind", "service");
  service.Add("manager", "systemd").Add("name", "web");
  service.Add("reload-on", std::vector<std::string>{"/etc/web/web.conf"});
  service.Add("restart-on", std::vector<std::string>{"/etc/web/web"}).Add("root", "/");
  service.Add("timeout", 90).Add("unit", "/etc/systemd/system/web.service");
  graph_.AddStep(StepKind::kService, shard, absl::StrCat("service/", host, "/web"),
                 std::move(service).Finish(), {config, program});
  RecordWriter activate;
  activate.Add("host", host).Add("kind", "activate").Add("name", "web.timer");
  activate.Add("path", "/etc/systemd/system/web.timer").Add("root", "/");
  graph_.AddStep(StepKind::kActivate, shard, absl::StrCat("service/", host, "/web.timer"),
                 std::move(activate).Finish(), {timer});
}

void ThreeHosts::Generate() {
  for (const Shard& shard : graph_.shards())
    EXPECT_TRUE(WriteFile(paths::Shard(shard.name), graph_.ShardText(shard), 0644).ok());
}

StepId ThreeHosts::Find(const std::string& label) const {
  for (StepId id = 0; id < graph_.steps().size(); ++id) {
    if (graph_.steps()[id].label == label) return id;
  }
  ADD_FAILURE() << "no " << label;
  return 0;
}

void ThreeHosts::NoteDone(const std::string& label, const std::string& digest) {
  const Step& step = graph_.steps()[Find(label)];
  const std::string journal = paths::Journal(graph_.shards()[step.shard].name);
  JournalEntry entry = LastEntry(journal, label);
  const bool made = !entry.Known() || entry.digest != digest;
  entry.label = label;
  entry.at = ++clock_;
  entry.record = std::string(step.digest());
  entry.failed = false;
  entry.reason = "";
  entry.digest = digest;
  if (made || entry.made_record != entry.record) {
    entry.made_at = entry.at;
    entry.made_record = entry.record;
  }
  if (step.kind == StepKind::kRender) {
    const std::string path = Record::Parse(step.record)->String("path");
    entry.files = {{path, FileSignature(path)}};
  }
  EXPECT_TRUE(AppendEntry(journal, entry).ok());
  const std::string stamp = paths::Stamp(label);
  absl::StatusOr<std::string> old = ReadFile(stamp);
  if (old.ok() && *old == digest + "\n") return;
  EXPECT_TRUE(WriteFile(stamp, digest + "\n", 0644).ok());
  // The stamp is written at the end of the run; clock_ is not the wall's.
  struct timespec time = {clock_ / 1000, (clock_ % 1000) * 1000000};
  struct timespec times[] = {time, time};
  EXPECT_EQ(utimensat(AT_FDCWD, stamp.c_str(), times, 0), 0);
}

void ThreeHosts::NoteFailed(const std::string& label, const std::string& reason) {
  const Step& step = graph_.steps()[Find(label)];
  const std::string journal = paths::Journal(graph_.shards()[step.shard].name);
  JournalEntry entry = LastEntry(journal, label);
  entry.label = label;
  entry.at = ++clock_;
  entry.record = std::string(step.digest());
  entry.failed = true;
  entry.reason = reason;
  EXPECT_TRUE(AppendEntry(journal, entry).ok());
}

void ThreeHosts::Do(const std::string& label) {
  const Step& step = graph_.steps()[Find(label)];
  Json json = Record::Parse(step.record)->json();
  const std::string kind = Record(json).String("kind");
  if (kind == "host") {
    const std::string name = Record(json).String("name");
    EXPECT_TRUE(
        WriteFile(paths::HostFacts(name), R"({"arch":"amd64","machine-id":")" + name + "\"}", 0644).ok());
    NoteDone(label, Sha256Hex("claim of " + name));
    return;
  }
  const StepFunctions* functions = FindStepFunctions(kind);
  if (kind == "send" || kind == "rollout-etcd" || kind == "service" || kind == "activate" ||
      functions == nullptr) {
    NoteDone(label, Sha256Hex(absl::StrCat(label, clock_)));
    return;
  }
  if (json.contains("host")) json["root"] = Place(Record(json).String("host"));
  json.erase("host");
  absl::StatusOr<StepResult> result = functions->run({label, absl::Now()}, Record(json));
  ASSERT_TRUE(result.ok()) << label << ": " << result.status().message();
  NoteDone(label, result->digest);
}

void ThreeHosts::DoAll() {
  for (const Step& step : graph_.steps()) Do(step.label);
}

}  // namespace kplan
