#include "src/look/three_hosts_testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/look/step_record.h"
#include "src/step/any_record.h"
#include "src/steps/kinds.h"

namespace kplan {
namespace {

constexpr char kUnitPath[] = "/etc/systemd/system/etcd.service";
constexpr char kTrustPath[] = "/etc/etcd/ca.pem";

std::string Install(const std::string& from, const std::string& host, const std::string& mode,
                    const std::string& path) {
  FileRecord record;
  record.from = from;
  record.host = host;
  record.mode = mode;
  record.path = path;
  record.root = "/";
  return ToText(record);
}

std::string Render(const std::string& path, const std::string& content) {
  RenderRecord record;
  record.content = content;
  record.path = path;
  return ToText(record);
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
  RolloutRecord rollout;
  int number = 0;
  for (const std::string host : kHosts) {
    const uint32_t shard = graph_.AddShard(host);
    const std::string rendered = paths::Rendered(host, kUnitPath);
    const StepId unit_text = graph_.AddStep(
        StepKind::kRender, shard, absl::StrCat("render/", host, kUnitPath), Render(rendered, unit), {});
    HostRecord of_host;
    of_host.arch = "amd64";
    of_host.cluster = "prod";
    of_host.manager = "systemd";
    of_host.name = host;
    of_host.root = "/";
    ++number;
    if (host == here) {
      of_host.become = "sudo";
    } else {
      of_host.ssh_host = absl::StrCat(address, number);
      of_host.ssh_user = "ops";
    }
    const StepId identity =
        AddThere(StepKind::kHost, shard, absl::StrCat("host/", host), ToText(of_host), {});
    SendRecord of_send;
    of_send.files = {{"pki/ca.pem", kTrustPath, false}, {rendered, kUnitPath, false}};
    of_send.host = host;
    of_send.root = "/";
    const StepId send = AddThere(StepKind::kSend, shard, absl::StrCat("send/", host), ToText(of_send),
                                 {text, unit_text, identity});
    restart.push_back(AddThere(StepKind::kFile, shard, absl::StrCat("file/", host, kTrustPath),
                               Install("pki/ca.pem", host, mode, kTrustPath), {text, identity}, {send}));
    restart.push_back(AddThere(StepKind::kUnitFile, shard, absl::StrCat("unit/", host, "/etcd"),
                               Install(rendered, host, "0644", kUnitPath), {unit_text, identity}, {send}));
    DirRecord data;
    data.host = host;
    data.mode = "0700";
    data.path = "/var/lib/etcd";
    data.root = "/";
    after.push_back(AddThere(StepKind::kDir, shard, absl::StrCat("dir/", host, "/var/lib/etcd"), ToText(data),
                             {identity}, {send}));
    ServiceRecord service;
    service.argv = {{"", "/usr/local/bin/etcd"}, {"--trusted-ca-file=", kTrustPath}};
    for (const std::string& flag : flags) service.argv.emplace_back(flag, "");
    service.manager = "systemd";
    service.name = "etcd";
    service.restart_on = {kTrustPath, kUnitPath};
    service.root = "/";
    service.timeout = 90;
    service.unit = kUnitPath;
    MemberRecord member;
    member.probe = absl::StrCat("https://", host, ":2379");
    member.client_urls = {member.probe};
    member.data = "/var/lib/etcd";
    member.host = host;
    member.id = absl::StrCat(number);
    member.name = host;
    member.peer_cert = absl::StrCat("pki/", host, "/peer.pem");
    member.peer_probe = absl::StrCat("https://", host, ":2380");
    member.peer_urls = {member.peer_probe};
    member.remote = true;
    member.root = "/";
    member.server_cert = absl::StrCat("pki/", host, "/server.pem");
    member.service = std::move(service);
    rollout.cluster.members.push_back(std::move(member));
  }
  rollout.cluster.cacert = "pki/ca.pem";
  rollout.cluster.cert = "pki/root.pem";
  rollout.cluster.cluster_id = "c";
  rollout.cluster.key = "pki/root-key.pem";
  rollout.max_unavailable = 1;
  rollout.timeout = 90;
  const StepId roll = AddThere(StepKind::kRollout, shared, "rollout/etcd", ToText(rollout), restart, after);
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
    return AddThere(StepKind::kFile, shard, absl::StrCat("file/", host, path),
                    Install(rendered, host, "0644", path), {text, identity});
  };
  const StepId config = add("/etc/web/web.conf", web_config), program = add("/etc/web/web", web_program),
               timer = add("/etc/systemd/system/web.timer", web_timer);
  ServiceRecord service;
  service.argv = {{"", "/etc/web/web"}};
  service.host = host;
  service.manager = "systemd";
  service.name = "web";
  service.reload_on = {"/etc/web/web.conf"};
  service.restart_on = {"/etc/web/web"};
  service.root = "/";
  service.timeout = 90;
  service.unit = "/etc/systemd/system/web.service";
  AddThere(StepKind::kService, shard, absl::StrCat("service/", host, "/web"), ToText(service),
           {config, program});
  ActivateRecord activate;
  activate.host = host;
  activate.name = "web.timer";
  activate.path = "/etc/systemd/system/web.timer";
  activate.root = "/";
  AddThere(StepKind::kActivate, shard, absl::StrCat("service/", host, "/web.timer"), ToText(activate),
           {timer});
}

StepId ThreeHosts::AddThere(StepKind kind, uint32_t shard, std::string label, const std::string& record,
                            absl::Span<const StepId> inputs, absl::Span<const StepId> after) {
  const StepId step = graph_.AddStep(kind, shard, std::move(label), record, inputs, after);
  graph_.AddContact(step);
  return step;
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
    const std::string path = RecordOf<RenderRecord>(step).path;
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
  const std::string& host = graph_.shards()[step.shard].name;
  if (step.kind == StepKind::kHost) {
    HostFacts facts;
    facts.arch = "amd64";
    facts.machine_id = host;
    EXPECT_TRUE(WriteFile(paths::HostFacts(host), ToText(facts), 0644).ok());
    NoteDone(label, Sha256Hex("claim of " + host));
    return;
  }
  const Stage stage = KindOf(step.kind).stage;
  if (stage == Stage::kSending || stage == Stage::kServices) {
    NoteDone(label, Sha256Hex(absl::StrCat(label, clock_)));
    return;
  }
  AnyRecord record = ReadAnyRecord(step.record);
  if (auto* file = std::get_if<FileRecord>(&record)) file->root = Place(host);
  if (auto* folder = std::get_if<DirRecord>(&record)) folder->root = Place(host);
  const Json json = RecordOnHost(std::move(record));
  absl::StatusOr<StepResult> result = FindStepFunctions(WordOf(json))->run({label, absl::Now()}, json);
  ASSERT_TRUE(result.ok()) << label << ": " << result.status().message();
  NoteDone(label, result->digest);
}

void ThreeHosts::DoAll() {
  for (const Step& step : graph_.steps()) Do(step.label);
}

}  // namespace kplan
