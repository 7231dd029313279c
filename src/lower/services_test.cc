// Services: their steps, their records, and what comes after what.

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/record.h"
#include "src/lower/lower_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

constexpr char kOne[] = R"(
hosts:
  a: {root: ./a, service-manager: process}
ca: {CN: ca}
certs:
  web: {hosts: [127.0.0.1], files: [bundle]}
  asker: {}
services:
  web:
    files:
      /etc/web/web.conf: {content: "listen 80\n", on-change: reload}
      /etc/web/motd: {from: motd.txt, mode: "0600", on-change: nothing}
      /etc/web/plugin: {content: p}
    certs:
      - {name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem, ca: /etc/web/ca.pem, on-change: reload}
      - {name: web, cert: /etc/web/all.pem, include: bundle}
    dirs: {/var/lib/web: {mode: "0750"}}
    command: [/usr/bin/web, --config, /etc/web/web.conf]
    environment: {MODE: fast}
    checks:
      - {tcp: "127.0.0.1:8443"}
      - https: {url: "https://127.0.0.1:8443/", ca: ca, cert: asker, serves: web, refuse: [no-cert]}
      - {exec: [/usr/bin/web, --check, /etc/web/web.conf]}
)";

std::set<std::string> GroupOf(const Graph& graph, const std::string& name) {
  std::set<std::string> labels;
  for (const Group& group : graph.groups()) {
    if (group.name != name) continue;
    for (StepId id : group.members) labels.insert(graph.steps()[id].label);
  }
  return labels;
}

TEST(Services, TheStepsOfOne) {
  Graph graph = GraphOf(kOne);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["source/web/etc/web/motd"], "");
  EXPECT_EQ(inputs["file/a/etc/web/motd"], " source/web/etc/web/motd");
  EXPECT_EQ(inputs["file/a/etc/web/web.conf"], " render/a/etc/web/web.conf");
  EXPECT_EQ(inputs["file/a/etc/web/web.pem"], " cert/web key/web");
  EXPECT_EQ(inputs["file/a/etc/web/all.pem"], " bundle/web");
  EXPECT_EQ(inputs["unit/a/web"], " render/a/etc/systemd/system/web.service");
  EXPECT_EQ(inputs["service/a/web"],
            " file/a/etc/web/plugin file/a/etc/web/all.pem file/a/etc/web/web.pem file/a/etc/web/web.conf "
            "file/a/etc/web/ca.pem unit/a/web || file/a/etc/web/motd dir/a/var/lib/web");
  EXPECT_EQ(inputs["verify/a/web"],
            " file/a/etc/web/plugin file/a/etc/web/all.pem file/a/etc/web/web.pem file/a/etc/web/web.conf "
            "file/a/etc/web/motd file/a/etc/web/ca.pem ca/cert cert/asker key/asker cert/web service/a/web");
  EXPECT_EQ(GroupOf(graph, "web"), (std::set<std::string>{"service/a/web", "verify/a/web"}));
  EXPECT_EQ(GroupOf(graph, "verify"), std::set<std::string>{"verify/a/web"});
  EXPECT_EQ(GroupOf(graph, "verify/web"), std::set<std::string>{"verify/a/web"});
  EXPECT_EQ(GroupOf(graph, "a").count("verify/a/web"), 1u);
}

// The content of a file that not everybody may read. A file with a private key has a digest of what is public
// in it.
TEST(Services, WhichAreSecret) {
  constexpr char kSecrets[] = R"(
hosts: {a: {root: ./a, service-manager: none}}
ca: {CN: ca}
certs: {web: {files: [bundle]}}
services:
  web:
    command: [/usr/bin/web]
    files:
      /etc/a: {content: a, mode: "0640"}
      /etc/b: {from: b, mode: "0600"}
      /etc/c: {content: c, mode: "0644"}
      /etc/d: {from: d}
    certs:
      - {name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem}
      - {name: web, cert: /etc/web/all.pem, include: bundle}
)";
  const Graph graph = GraphOf(kSecrets);
  std::set<std::string> secret;
  for (const Step& step : graph.steps()) {
    if (step.secret) secret.insert(step.label);
  }
  EXPECT_EQ(secret,
            (std::set<std::string>{"render/a/etc/a", "file/a/etc/a", "source/web/etc/b", "file/a/etc/b"}));
}

TEST(Services, TheRecordsOfOne) {
  Graph graph = GraphOf(kOne);
  EXPECT_EQ(RecordOf(graph, "source/web/etc/web/motd"),
            Json::parse(R"({"kind":"source","path":"motd.txt"})"));
  EXPECT_EQ(RecordOf(graph, "file/a/etc/web/motd"), Json::parse(R"({"from":"motd.txt","kind":"install",
    "mode":"0600","path":"/etc/web/motd","root":"./a","secret":false})"));
  EXPECT_EQ(RecordOf(graph, "file/a/etc/web/all.pem"), Json::parse(R"({"from":"pki/web-bundle.pem",
    "kind":"install","mode":"0600","path":"/etc/web/all.pem","root":"./a","secret":true})"));
  EXPECT_EQ(RecordOf(graph, "dir/a/var/lib/web"), Json::parse(R"({"kind":"dir","mode":"0750",
    "path":"/var/lib/web","root":"./a"})"));
  EXPECT_EQ(RecordOf(graph, "service/a/web"), Json::parse(R"({"answers":[],
    "argv":[["/usr/bin/web",""],["--config",""],["","/etc/web/web.conf"]],"environment":["MODE=fast"],
    "kind":"service","manager":"process","name":"web",
    "reload-on":["/etc/web/web.conf","/etc/web/ca.pem","/etc/web/web.pem"],
    "restart-on":["/etc/web/plugin","/etc/web/all.pem","/etc/systemd/system/web.service"],"root":"./a",
    "timeout":90,"unit":"/etc/systemd/system/web.service"})"));
  EXPECT_EQ(RecordOf(graph, "verify/a/web"), Json::parse(R"({"checks":[{"tcp":"127.0.0.1:8443"},
    {"cacert":"pki/ca.pem","cert":"pki/asker.pem","https":"https://127.0.0.1:8443/","key":"pki/asker-key.pem",
     "refuse":["no-cert"],"serves":"pki/web.pem","status":200},
    {"exec":[["/usr/bin/web",""],["--check",""],["","/etc/web/web.conf"]]}],
    "kind":"check","manager":"process","name":"web","root":"./a","timeout":60})"));
}

TEST(Services, AChangeReachesWhatItIsAbout) {
  Graph graph = GraphOf(kOne);
  EXPECT_EQ(Changed(graph, GraphOf(Replace(kOne, "listen 80", "listen 81"))),
            std::set<std::string>{"render/a/etc/web/web.conf"});
  EXPECT_EQ(Changed(graph, GraphOf(Replace(kOne, "8443\"", "8444\""))),
            std::set<std::string>{"verify/a/web"});
  EXPECT_EQ(Changed(graph, GraphOf(Replace(kOne, "content: p}", "content: p, on-change: nothing}"))),
            std::set<std::string>{"service/a/web"});
}

TEST(Services, WithoutAManagerThereAreFilesOnly) {
  Graph graph = GraphOf(Replace(kOne, "service-manager: process", "service-manager: none"));
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs.count("service/a/web"), 1u);
  EXPECT_EQ(inputs.count("verify/a/web"), 0u);
}

// Three hosts over ssh, one after another, and a service that comes after all of them.
constexpr char kThree[] = R"(
hosts:
  a: {address: 10.0.0.1, ssh: a}
  b: {address: 10.0.0.2, ssh: b}
  c: {address: 10.0.0.3, ssh: c}
ca: {CN: ca}
certs: {web: {per: host, hosts: [$address]}}
services:
  front:
    hosts: [c]
    after: [web]
    command: [/usr/bin/front]
    checks: [{systemd: active}]
  web:
    hosts: [a, b, c]
    certs: [{name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem, on-change: reload}]
    command: [/usr/bin/web]
    checks: [{systemd: active}]
)";

TEST(Services, OneHostAfterAnother) {
  Graph graph = GraphOf(kThree);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["service/a/web"], " file/a/etc/web/web.pem unit/a/web");
  EXPECT_EQ(inputs["service/b/web"], " file/b/etc/web/web.pem unit/b/web || verify/a/web");
  EXPECT_EQ(inputs["service/c/web"], " file/c/etc/web/web.pem unit/c/web || verify/b/web");
  EXPECT_EQ(inputs["service/c/front"], " unit/c/front || verify/a/web verify/b/web verify/c/web");
  EXPECT_EQ(GroupOf(graph, "verify/web"),
            (std::set<std::string>{"verify/a/web", "verify/b/web", "verify/c/web"}));
}

TEST(Services, WhatIsRestartedHostAfterHostWaitsForItsTurn) {
  constexpr char kHosts[] = R"(
hosts:
  a: {address: 10.0.0.1, ssh: a}
  b: {address: 10.0.0.2, ssh: b}
services:
  web:
    hosts: [a, b]
    files:
      /etc/web/web.conf: {content: "listen 80\n", on-change: reload}
      /etc/web/motd: {content: m, on-change: nothing}
      /etc/web/plugin: {content: p}
    command: [/usr/bin/web]
  single:
    hosts: [a]
    files: {/etc/single: {content: s}}
    command: [/usr/bin/single]
)";
  auto waits = [](const std::string& text) {
    const Graph graph = GraphOf(text);
    std::map<std::string, std::string> found;
    for (const Step& step : graph.steps()) {
      const Json record = RecordOf(graph, step.label);
      if (record.contains("waits-for")) found[step.label] = record["waits-for"].dump();
    }
    return found;
  };
  const std::string web = R"({"manager":"systemd","name":"web"})";
  EXPECT_EQ(waits(kHosts), (std::map<std::string, std::string>{{"file/a/etc/web/plugin", web},
                                                               {"file/b/etc/web/plugin", web},
                                                               {"unit/a/web", web},
                                                               {"unit/b/web", web}}));
  // All at once, or alone, there is nobody to wait for.
  EXPECT_TRUE(waits(absl::StrCat(kHosts, "rollout: {max-unavailable: 2}\n")).empty());
  EXPECT_TRUE(waits(Replace(kHosts, "[a, b]", "[b]")).empty());
}

TEST(Services, AHostOverSshIsLookedAtAndSentToOnce) {
  Graph graph = GraphOf(kThree);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["host/c"], "");
  // All that goes there, in one stream.
  std::set<std::string> sent;
  const Json send = RecordOf(graph, "send/c");
  for (const Json& file : send["files"]) sent.insert(file["path"]);
  EXPECT_EQ(sent,
            (std::set<std::string>{"/etc/web/web.pem", "/etc/web/web-key.pem",
                                   "/etc/systemd/system/web.service", "/etc/systemd/system/front.service"}));
  EXPECT_THAT(inputs["send/c"], HasSubstr("cert/c/web"));
  EXPECT_THAT(inputs["send/c"], HasSubstr("render/c/etc/systemd/system/front.service"));
  EXPECT_EQ(inputs["file/c/etc/web/web.pem"], " cert/c/web key/c/web host/c || send/c");
  // A unit is verified there, and then what it names is.
  EXPECT_EQ(inputs["unit/c/web"],
            " render/c/etc/systemd/system/web.service host/c || send/c file/c/etc/web/web.pem");
  EXPECT_EQ(RecordOf(graph, "unit/c/web"), Json::parse(R"({"from":"rendered/c/etc/systemd/system/web.service",
    "host":"c","kind":"unit","mode":"0644","path":"/etc/systemd/system/web.service","root":"/","secret":false,
    "waits-for":{"manager":"systemd","name":"web"}})"));
  EXPECT_EQ(RecordOf(graph, "verify/c/web")["host"], "c");
  EXPECT_EQ(RecordOf(graph, "service/c/web")["host"], "c");
  // Every step there is one that contacts it.
  std::set<std::string> contacts;
  for (StepId id : graph.Contacts()) contacts.insert(graph.steps()[id].label);
  for (const char* label :
       {"host/c", "send/c", "file/c/etc/web/web.pem", "unit/c/web", "service/c/web", "verify/c/web"})
    EXPECT_EQ(contacts.count(label), 1u) << label;
}

// A member of etcd and another service on one host, and the service alone on another.
constexpr char kWithEtcd[] = R"(
hosts:
  a: {address: 10.0.0.1, ssh: a}
  b: {address: 10.0.0.2, ssh: b}
ca: {CN: ca}
certs: {k: {hosts: [10.0.0.1, 127.0.0.1]}}
etcd: {version: 3.4.15, cert: k, members: [a]}
services:
  web: {hosts: [a, b], after: [etcd], command: [/usr/bin/web]}
)";

TEST(Services, AfterEtcd) {
  Graph graph = GraphOf(kWithEtcd);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_THAT(inputs["service/a/web"], HasSubstr("|| verify/etcd"));
  EXPECT_THAT(inputs["service/b/web"], HasSubstr("|| verify/etcd"));
  EXPECT_TRUE(absl::EndsWith(inputs["send/a"], "|| survey/etcd")) << inputs["send/a"];
  EXPECT_THAT(inputs["send/a"], HasSubstr("render/a/etc/systemd/system/web.service"));
  EXPECT_EQ(inputs["send/b"].find("survey"), std::string::npos);
  EXPECT_EQ(inputs["rollout/etcd"].find("web"), std::string::npos);
  EXPECT_EQ(inputs["survey/etcd"].find("web"), std::string::npos);
}

constexpr char kUnits[] = R"(
hosts:
  a: {address: 10.0.0.1, ssh: a}
ca: {CN: ca}
services:
  backup:
    user: keeper
    files: {/etc/backup.conf: {content: c, owner: "keeper:keeper"}}
    dirs: {/var/lib/backup: {owner: keeper}}
    command: [/usr/bin/backup]
    units:
      backup.timer: {Timer: {OnCalendar: daily}, Install: {WantedBy: timers.target}}
      "job@.service": {Service: {ExecStart: /bin/true}}
)";

TEST(Services, ATimerStartsIt) {
  Graph graph = GraphOf(kUnits);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(RecordOf(graph, "service/a/backup")["start"], "by-unit");
  EXPECT_EQ(RecordOf(graph, "service/a/backup.timer"),
            Json::parse(R"({"host":"a","kind":"activate","name":"backup.timer",
    "path":"/etc/systemd/system/backup.timer","root":"/"})"));
  EXPECT_EQ(inputs["service/a/backup.timer"], " unit/a/backup.timer || service/a/backup");
  EXPECT_EQ(inputs.count("unit/a/job@.service"), 1u);
  EXPECT_EQ(inputs.count("service/a/job@.service"), 0u) << "a template runs by its instances alone";
  // Units that name other units come after those.
  EXPECT_THAT(inputs["unit/a/backup.timer"], HasSubstr("unit/a/backup "));
  EXPECT_THAT(inputs["unit/a/backup.timer"], HasSubstr("unit/a/job@.service"));
}

TEST(Services, WhatIsAUsersComesAfterTheUser) {
  Graph graph = GraphOf(kUnits);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(RecordOf(graph, "user/a/keeper"), Json::parse(R"({"file":"/etc/sysusers.d/keeper.conf","host":"a",
    "kind":"sysusers","name":"keeper","root":"/"})"));
  EXPECT_EQ(RecordOf(graph, "render/a/etc/sysusers.d/keeper.conf")["content"], "u keeper - \"backup\" -\n");
  EXPECT_EQ(inputs["file/a/etc/sysusers.d/keeper.conf"],
            " render/a/etc/sysusers.d/keeper.conf host/a || send/a");
  EXPECT_EQ(inputs["user/a/keeper"], " file/a/etc/sysusers.d/keeper.conf || send/a");
  EXPECT_EQ(inputs["file/a/etc/backup.conf"], " render/a/etc/backup.conf host/a user/a/keeper || send/a");
  EXPECT_EQ(inputs["dir/a/var/lib/backup"], " host/a user/a/keeper || send/a");
  EXPECT_THAT(inputs["unit/a/backup"], HasSubstr("user/a/keeper"));
  EXPECT_THAT(inputs["send/a"], HasSubstr("render/a/etc/sysusers.d/keeper.conf"));
}

TEST(Services, AStrictEtcdHasAUserOfItsOwn) {
  const char kStrict[] = R"(
hosts: {worker: {}}
ca: {CN: ca}
certs: {k: {hosts: [127.0.0.1]}}
etcd: {version: 3.4.15, cert: k, hardening: strict}
)";
  Graph graph = GraphOf(kStrict);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(RecordOf(graph, "render/worker/etc/sysusers.d/etcd.conf")["content"],
            "u etcd - \"etcd\" /var/lib/etcd\n");
  EXPECT_EQ(RecordOf(graph, "dir/worker/var/lib/etcd"), Json::parse(R"({"any-owner":true,"kind":"dir",
    "mode":"0700","path":"/var/lib/etcd","root":"/"})"));
  EXPECT_EQ(inputs["file/worker/etc/etcd/k.pem"], " cert/k key/k user/worker/etcd");
  EXPECT_THAT(inputs["service/worker/etcd"], HasSubstr("user/worker/etcd"));
}

TEST(Services, ATimerIsWatchedAndItsServiceNeedNotRun) {
  const std::string here = Replace(kUnits, "{address: 10.0.0.1, ssh: a}", "{}");
  Graph graph = GraphOf(here);
  std::set<std::string> watched;
  for (const Watch& watch : graph.watches()) {
    if (watch.kind == Watch::Kind::kService) watched.insert(watch.path);
  }
  EXPECT_EQ(watched, std::set<std::string>{"backup.timer"});
}

TEST(Services, SnapshotsAreInTheRolloutsRecordWhereTheyAreAskedFor) {
  EXPECT_FALSE(RecordOf(GraphOf(kWithEtcd), "rollout/etcd").contains("snapshot"));
  EXPECT_EQ(
      RecordOf(GraphOf(std::string(kWithEtcd) + "rollout: {snapshot: before-restart, keep-snapshots: 2}\n"),
               "rollout/etcd")["snapshot"],
      Json::parse(R"({"dir":"snapshots","keep":2})"));
}

}  // namespace
}  // namespace kplan
