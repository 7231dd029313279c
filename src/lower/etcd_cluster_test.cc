// An etcd of several members: its steps, its records, and what a change of the spec reaches.

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/record.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/lower/lower_testing.h"

namespace kplan {
namespace {

constexpr char kThree[] = R"(
metadata: {name: prod}
hosts:
  etcd-1: {address: 10.0.0.11, ssh: ops@10.0.0.11, become: sudo}
  etcd-2: {address: 10.0.0.12, ssh: "ops@10.0.0.12:2222", become: sudo}
  etcd-3: {address: 'fd00::13', ssh: etcd-3}
ca: {CN: prod-etcd-ca}
certs:
  server: {per: host, hosts: [$name, $address, 127.0.0.1]}
  peer: {per: host, hosts: [$address]}
  root: {}
etcd:
  version: 3.4.15
  members: [etcd-1, etcd-2, etcd-3]
  tls: {server: server, peer: peer, client: root}
)";

constexpr char kLocal[] = R"(
hosts:
  a: {address: 127.0.0.2, root: ./a, service-manager: process}
  b: {address: 127.0.0.3, root: ./b, service-manager: process}
  c: {address: 127.0.0.4, root: ./c, service-manager: process}
ca: {CN: ca}
certs: {k: {hosts: [127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4]}}
etcd:
  version: 3.4.15
  cert: k
  members: [c, a, b]
)";

std::set<std::string> LabelsOf(const Graph& graph, const std::vector<StepId>& ids) {
  std::set<std::string> labels;
  for (StepId id : ids) labels.insert(graph.steps()[id].label);
  return labels;
}

std::set<std::string> GroupOf(const Graph& graph, const std::string& name) {
  for (const Group& group : graph.groups()) {
    if (group.name == name) return LabelsOf(graph, group.members);
  }
  return {};
}

std::string ContentOf(const Graph& graph, const std::string& label) {
  return RecordOf(graph, label)["content"];
}

TEST(EtcdCluster, TheStepsOfAHostOverSsh) {
  std::map<std::string, std::string> inputs = InputsOf(GraphOf(kThree));
  EXPECT_EQ(inputs["host/etcd-1"], "");
  const std::string after = " host/etcd-1 || survey/etcd send/etcd-1";
  EXPECT_EQ(inputs["file/etcd-1/usr/local/bin/etcd"], " unpack/etcd" + after);
  EXPECT_EQ(inputs["file/etcd-1/usr/local/bin/etcdctl"], " unpack/etcd" + after);
  EXPECT_EQ(inputs["file/etcd-1/etc/etcd/ca.pem"], " ca/cert" + after);
  EXPECT_EQ(inputs["file/etcd-1/etc/etcd/server.pem"], " cert/etcd-1/server key/etcd-1/server" + after);
  EXPECT_EQ(inputs["file/etcd-1/etc/etcd/peer.pem"], " cert/etcd-1/peer key/etcd-1/peer" + after);
  EXPECT_EQ(inputs["file/etcd-1/etc/etcd/bootstrap.env"], " render/etcd-1/etc/etcd/bootstrap.env" + after);
  EXPECT_EQ(inputs["unit/etcd-1/etcd"],
            " render/etcd-1/etc/systemd/system/etcd.service" + after +
                " file/etcd-1/usr/local/bin/etcd file/etcd-1/etc/etcd/ca.pem file/etcd-1/etc/etcd/server.pem "
                "file/etcd-1/etc/etcd/peer.pem file/etcd-1/usr/local/bin/etcdctl "
                "file/etcd-1/etc/etcd/bootstrap.env dir/etcd-1/var/lib/etcd");
  EXPECT_EQ(inputs["dir/etcd-1/var/lib/etcd"], after);
  EXPECT_EQ(inputs["send/etcd-1"],
            " unpack/etcd ca/cert cert/etcd-1/server key/etcd-1/server cert/etcd-1/peer key/etcd-1/peer "
            "render/etcd-1/etc/etcd/bootstrap.env render/etcd-1/etc/systemd/system/etcd.service host/etcd-1 "
            "|| survey/etcd");
  EXPECT_EQ(inputs.count("service/etcd-1/etcd"), 0u) << "rollout/etcd starts it";
}

TEST(EtcdCluster, TheStepsOfAllHosts) {
  Graph graph = GraphOf(kThree);
  std::set<std::string> survey, survey_after, rollout, rollout_after, verify;
  for (const Step& step : graph.steps()) {
    auto labels = [&](const StepIds& ids) { return LabelsOf(graph, {ids.begin(), ids.end()}); };
    if (step.label == "survey/etcd") survey = labels(step.inputs), survey_after = labels(step.after);
    if (step.label == "rollout/etcd") rollout = labels(step.inputs), rollout_after = labels(step.after);
    if (step.label == "verify/etcd") verify = labels(step.inputs);
  }
  std::set<std::string> sources = {"unpack/etcd", "ca/cert"}, restart, others,
                        seen = {"rollout/etcd", "cert/root", "key/root"};
  for (std::string host : {"etcd-1", "etcd-2", "etcd-3"}) {
    const std::string file = "file/" + host;
    sources.insert({"host/" + host, "cert/" + host + "/server", "key/" + host + "/server",
                    "cert/" + host + "/peer", "key/" + host + "/peer",
                    "render/" + host + "/etc/etcd/bootstrap.env",
                    "render/" + host + "/etc/systemd/system/etcd.service"});
    restart.insert({file + "/usr/local/bin/etcd", file + "/etc/etcd/ca.pem", "unit/" + host + "/etcd"});
    others.insert({file + "/etc/etcd/server.pem", file + "/etc/etcd/peer.pem",
                   file + "/usr/local/bin/etcdctl", file + "/etc/etcd/bootstrap.env",
                   "dir/" + host + "/var/lib/etcd"});
    seen.insert({file + "/usr/local/bin/etcd", file + "/etc/etcd/ca.pem", file + "/etc/etcd/server.pem",
                 file + "/etc/etcd/peer.pem", file + "/usr/local/bin/etcdctl"});
    EXPECT_EQ(GroupOf(graph, "service/" + host + "/etcd"), std::set<std::string>{"rollout/etcd"});
    std::set<std::string> group = GroupOf(graph, host);
    for (const char* kind : {"host/", "send/"}) EXPECT_EQ(group.count(kind + host), 1u) << kind;
    EXPECT_EQ(group.count("rollout/etcd"), 1u);
  }
  EXPECT_EQ(survey, sources);
  EXPECT_EQ(survey_after, (std::set<std::string>{"cert/root", "key/root"}));
  restart.insert("survey/etcd");  // which says who has to be started
  EXPECT_EQ(rollout, restart);
  others.insert({"cert/root", "key/root"});
  EXPECT_EQ(rollout_after, others);
  EXPECT_EQ(verify, seen);
  EXPECT_EQ(GroupOf(graph, "etcd"), (std::set<std::string>{"rollout/etcd", "verify/etcd"}));
  EXPECT_EQ(GroupOf(graph, "verify"), std::set<std::string>{"verify/etcd"});
}

TEST(EtcdCluster, TheRecords) {
  Graph graph = GraphOf(kThree);
  EXPECT_EQ(RecordOf(graph, "host/etcd-1"), Json::parse(R"({
    "arch": "amd64", "become": "sudo", "cluster": "prod", "kind": "host", "manager": "systemd", "name": "etcd-1",
    "root": "/", "ssh-host": "10.0.0.11", "ssh-port": 0, "ssh-user": "ops"})"));
  EXPECT_EQ(RecordOf(graph, "host/etcd-3"), Json::parse(R"({
    "arch": "amd64", "cluster": "prod", "kind": "host", "manager": "systemd", "name": "etcd-3",
    "root": "/", "ssh-host": "etcd-3", "ssh-port": 0, "ssh-user": ""})"));
  EXPECT_EQ(RecordOf(graph, "host/etcd-2")["ssh-port"], 2222);
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/ca.pem"), Json::parse(R"({
    "from": "pki/ca.pem", "host": "etcd-1", "kind": "install", "mode": "0644", "path": "/etc/etcd/ca.pem",
    "root": "/", "secret": false, "waits-for": {"manager": "systemd", "name": "etcd"}})"));
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/peer.pem"), Json::parse(R"({
    "cert-from": "pki/etcd-1/peer.pem", "cert-path": "/etc/etcd/peer.pem", "host": "etcd-1",
    "key-from": "pki/etcd-1/peer-key.pem", "key-path": "/etc/etcd/peer-key.pem", "kind": "install-pair",
    "root": "/"})"));
  EXPECT_EQ(RecordOf(graph, "dir/etcd-1/var/lib/etcd"), Json::parse(R"({
    "host": "etcd-1", "kind": "dir", "mode": "0700", "path": "/var/lib/etcd", "root": "/"})"));
  Json send = RecordOf(graph, "send/etcd-1");
  EXPECT_EQ(send["host"], "etcd-1");
  EXPECT_EQ(send["root"], "/");
  std::map<std::string, std::string> sent;
  std::set<std::string> secret;
  for (const Json& file : send["files"]) {
    sent[file["path"]] = file["from"];
    if (file["secret"] == true) secret.insert(file["path"].get<std::string>());
  }
  const std::string unpacked = "archives/unpacked/etcd-v3.4.15-linux-amd64/";
  EXPECT_EQ(sent, (std::map<std::string, std::string>{
                      {"/usr/local/bin/etcd", unpacked + "etcd"},
                      {"/usr/local/bin/etcdctl", unpacked + "etcdctl"},
                      {"/etc/etcd/ca.pem", "pki/ca.pem"},
                      {"/etc/etcd/server.pem", "pki/etcd-1/server.pem"},
                      {"/etc/etcd/server-key.pem", "pki/etcd-1/server-key.pem"},
                      {"/etc/etcd/peer.pem", "pki/etcd-1/peer.pem"},
                      {"/etc/etcd/peer-key.pem", "pki/etcd-1/peer-key.pem"},
                      {"/etc/etcd/bootstrap.env", "rendered/etcd-1/etc/etcd/bootstrap.env"},
                      {"/etc/systemd/system/etcd.service", "rendered/etcd-1/etc/systemd/system/etcd.service"},
                  }));
  EXPECT_EQ(secret, (std::set<std::string>{"/etc/etcd/peer-key.pem", "/etc/etcd/server-key.pem"}));
}

TEST(EtcdCluster, TheMembersInSurveyRolloutAndVerify) {
  Graph graph = GraphOf(kThree);
  const std::string id = PredictedMemberId({"https://10.0.0.11:2380"}, "prod"),
                    id2 = PredictedMemberId({"https://10.0.0.12:2380"}, "prod"),
                    id3 = PredictedMemberId({"https://[fd00::13]:2380"}, "prod");
  Json member = Json::parse(R"({
    "client-urls": ["https://10.0.0.11:2379"], "data": "/var/lib/etcd", "host": "etcd-1",
    "manager": "systemd", "name": "etcd-1",
    "peer-cert": "pki/etcd-1/peer.pem", "peer-key": "pki/etcd-1/peer-key.pem", "peer-probe": "https://10.0.0.11:2380",
    "peer-urls": ["https://10.0.0.11:2380"], "probe": "https://10.0.0.11:2379", "remote": true, "root": "/",
    "server-cert": "pki/etcd-1/server.pem"})");
  member["id"] = id;
  Json survey = RecordOf(graph, "survey/etcd");
  ASSERT_EQ(survey["members"].size(), 3u);
  EXPECT_EQ(survey["members"][0], member);
  EXPECT_EQ(survey["members"][2]["probe"], "https://[fd00::13]:2379");
  EXPECT_EQ(survey["members"][2]["id"], id3);
  Json members = survey["members"];
  survey.erase("members");
  Json expected = Json::parse(R"({"cacert": "pki/ca.pem", "cert": "pki/root.pem", "kind": "survey-etcd",
    "key": "pki/root-key.pem"})");
  expected["cluster-id"] = PredictedClusterId({id, id2, id3});
#if defined(__aarch64__)
  expected["etcdctl"] = "";
#else
  expected["etcdctl"] = "archives/unpacked/etcd-v3.4.15-linux-amd64/etcdctl";
#endif
  expected["initial-cluster-state"] = "new";
  expected["version"] = "3.4.15";
  EXPECT_EQ(survey, expected);
  expected.erase("initial-cluster-state");
  expected.erase("version");

  Json verify = RecordOf(graph, "verify/etcd");
  EXPECT_EQ(verify["members"], members);
  verify.erase("members");
  expected["kind"] = "verify-etcd";
  expected.update(Json::parse(R"({"manager": "elsewhere", "peer-cacert": "pki/ca.pem",
    "refuse": ["no-cert", "wrong-ca", "plaintext"], "report": "reports/verify-etcd.json", "root": "",
    "service": "etcd", "timeout": 60})"));
  EXPECT_EQ(verify, expected);

  Json rollout = RecordOf(graph, "rollout/etcd");
  EXPECT_EQ(rollout["max-unavailable"], 1);
  EXPECT_EQ(rollout["timeout"], 90);
  EXPECT_EQ(rollout["initial-cluster-state"], "new");
  Json service = rollout["members"][0]["service"];
  for (Json& entry : rollout["members"]) entry.erase("service");
  EXPECT_EQ(rollout["members"], members);
  EXPECT_FALSE(service.contains("host"));
  EXPECT_FALSE(service.contains("environment-file")) << "systemd has it from the unit";
  EXPECT_EQ(service["answers"], Json({"10.0.0.11:2379"}));
  EXPECT_EQ(service["restart-on"],
            Json({"/usr/local/bin/etcd", "/etc/etcd/ca.pem", "/etc/systemd/system/etcd.service"}));
  EXPECT_EQ(service["kind"], "service");
}

TEST(EtcdCluster, TheUnitOfAMember) {
  Graph graph = GraphOf(kThree);
  EXPECT_EQ(ContentOf(graph, "render/etcd-1/etc/systemd/system/etcd.service"),
            "[Unit]\n"
            "Description=etcd\n"
            "Documentation=https://github.com/coreos\n"
            "\n"
            "[Service]\n"
            "Type=notify\n"
            "ExecStart=/usr/local/bin/etcd \\\n"
            "  --client-cert-auth \\\n"
            "  --name etcd-1 \\\n"
            "  --cert-file=/etc/etcd/server.pem \\\n"
            "  --key-file=/etc/etcd/server-key.pem \\\n"
            "  --trusted-ca-file=/etc/etcd/ca.pem \\\n"
            "  --peer-client-cert-auth \\\n"
            "  --peer-cert-file=/etc/etcd/peer.pem \\\n"
            "  --peer-key-file=/etc/etcd/peer-key.pem \\\n"
            "  --peer-trusted-ca-file=/etc/etcd/ca.pem \\\n"
            "  --listen-client-urls https://10.0.0.11:2379,https://127.0.0.1:2379 \\\n"
            "  --advertise-client-urls https://10.0.0.11:2379 \\\n"
            "  --listen-peer-urls https://10.0.0.11:2380 \\\n"
            "  --initial-advertise-peer-urls https://10.0.0.11:2380 \\\n"
            "  --data-dir=/var/lib/etcd\n"
            "Restart=on-failure\n"
            "RestartSec=5\n"
            "EnvironmentFile=/etc/etcd/bootstrap.env\n"
            "\n"
            "[Install]\n"
            "WantedBy=multi-user.target\n");
  const std::string bootstrap =
      "ETCD_INITIAL_CLUSTER=etcd-1=https://10.0.0.11:2380,etcd-2=https://10.0.0.12:2380,"
      "etcd-3=https://[fd00::13]:2380\n"
      "ETCD_INITIAL_CLUSTER_STATE=new\n"
      "ETCD_INITIAL_CLUSTER_TOKEN=prod\n";
  for (const char* host : {"etcd-1", "etcd-2", "etcd-3"})
    EXPECT_EQ(ContentOf(graph, absl::StrCat("render/", host, "/etc/etcd/bootstrap.env")), bootstrap);
}

TEST(EtcdCluster, AHostOverSshIsContactedAndNotWatched) {
  Graph graph = GraphOf(kThree);
  std::set<std::string> contacts = LabelsOf(graph, graph.Contacts());
  for (const Step& step : graph.steps()) {
    std::string kind = step.label.substr(0, step.label.find('/'));
    const bool there =
        std::set<std::string>{"host", "send", "file", "unit", "dir", "survey", "rollout"}.count(kind);
    EXPECT_EQ(contacts.count(step.label) == 1, there) << step.label;
  }
  // What is there nobody sees from here; what is looked at is the verdict on it.
  for (const Watch& watch : graph.watches()) {
    const std::string& label = graph.steps()[watch.step].label;
    EXPECT_EQ(watch.kind == Watch::Kind::kVerdict, label == "rollout/etcd") << label;
    EXPECT_EQ(watch.root, label == "rollout/etcd" ? "shared" : "") << label << ": " << watch.path;
  }

  Graph local = GraphOf(kLocal);
  EXPECT_TRUE(local.Contacts().empty());
  std::set<std::string> watched;
  for (const Watch& watch : local.watches()) watched.insert(watch.root);
  EXPECT_EQ(watched, (std::set<std::string>{"", "./a", "./b", "./c"}));
  for (const Step& step : local.steps()) {
    EXPECT_FALSE(Json::parse(step.record).contains("host")) << step.label;
    EXPECT_NE(step.label.substr(0, 5), "host/");
    EXPECT_NE(step.label.substr(0, 5), "send/");
  }
}

TEST(EtcdCluster, SeveralInFoldersOfThisMachine) {
  Graph graph = GraphOf(kLocal);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["file/a/etc/etcd/ca.pem"], " ca/cert || survey/etcd");
  EXPECT_EQ(inputs["dir/a/var/lib/etcd"], " || survey/etcd");
  Json rollout = RecordOf(graph, "rollout/etcd");
  std::vector<std::string> hosts;
  for (const Json& member : rollout["members"]) hosts.push_back(member["host"]);
  EXPECT_EQ(hosts, (std::vector<std::string>{"c", "a", "b"})) << "in the order of the spec";
  const Json& member = rollout["members"][1];
  EXPECT_EQ(member["remote"], false);
  EXPECT_EQ(member["root"], "./a");
  EXPECT_EQ(member["server-cert"], "pki/k.pem");
  EXPECT_EQ(member["peer-cert"], "pki/k.pem");
  const Json& service = member["service"];
  EXPECT_EQ(service["environment-file"], "/etc/etcd/bootstrap.env");
  EXPECT_EQ(service["manager"], "process");
  std::string argv = service["argv"].dump();
  EXPECT_NE(argv.find(R"(["--listen-client-urls",""],["https://127.0.0.2:2379",""])"), std::string::npos)
      << argv << ": the folders of a machine share its 127.0.0.1";
  EXPECT_EQ(RecordOf(graph, "survey/etcd")["cert"], "pki/k.pem");
  EXPECT_EQ(inputs.count("file/a/etc/etcd/k.pem"), 1u) << "one certificate for everything lies there once";
  EXPECT_EQ(
      ContentOf(graph, "render/a/etc/etcd/bootstrap.env"),
      "ETCD_INITIAL_CLUSTER=a=https://127.0.0.2:2380,b=https://127.0.0.3:2380,c=https://127.0.0.4:2380\n"
      "ETCD_INITIAL_CLUSTER_STATE=new\n"
      "ETCD_INITIAL_CLUSTER_TOKEN=etcd-cluster\n");
}

// Where nothing else is said, records are as they were before anything could be.
TEST(EtcdCluster, WhenceMembersAreAsked) {
  for (const char* label : {"survey/etcd", "rollout/etcd", "verify/etcd"}) {
    const auto from = [&](const std::string& spec) {
      return RecordOf(GraphOf(spec), label).value("ask-from", "-");
    };
    const std::string three = kThree, local = kLocal;
    EXPECT_EQ(from(three), "-");
    EXPECT_EQ(from(three + "verify: {from: [here, hosts]}\n"), "-");
    EXPECT_EQ(from(three + "verify: {from: [hosts]}\n"), "hosts");
    EXPECT_EQ(from(three + "verify: {from: [here]}\n"), "here");
    EXPECT_EQ(from(local + "verify: {from: [hosts]}\n"), "-") << "they are here";
  }
}

TEST(EtcdCluster, OneMemberOverSshOrWithTlsIsOne) {
  const std::string remote =
      "hosts: {h: {address: 10.0.0.1, ssh: h}}\nca: {CN: ca}\ncerts: {k: {hosts: [10.0.0.1]}}\n"
      "etcd: {version: 3.4.15, cert: k}\n";
  EXPECT_EQ(InputsOf(GraphOf(remote)).count("rollout/etcd"), 1u);
  const std::string tls =
      "hosts: {h: {address: 10.0.0.1}}\nca: {CN: ca}\ncerts: {k: {hosts: [10.0.0.1]}}\n"
      "etcd: {version: 3.4.15, tls: {server: k, peer: k, client: k}}\n";
  EXPECT_EQ(InputsOf(GraphOf(tls)).count("rollout/etcd"), 1u);
  const std::string plain =
      "hosts: {h: {address: 10.0.0.1}}\nca: {CN: ca}\ncerts: {k: {hosts: [127.0.0.1]}}\n"
      "etcd: {version: 3.4.15, cert: k}\n";
  EXPECT_EQ(InputsOf(GraphOf(plain)).count("rollout/etcd"), 0u);
  EXPECT_EQ(InputsOf(GraphOf(plain)).count("service/h/etcd"), 1u);
}

TEST(EtcdCluster, ImagesAreFilesOnly) {
  std::string text = kLocal;
  for (int i = 0; i < 3; ++i) text = Replace(text, "service-manager: process", "service-manager: none");
  std::map<std::string, std::string> inputs = InputsOf(GraphOf(text));
  for (const char* label : {"survey/etcd", "rollout/etcd", "verify/etcd"})
    EXPECT_EQ(inputs.count(label), 0u) << label;
  EXPECT_EQ(inputs.count("service/a/etcd"), 1u);
  EXPECT_EQ(inputs["file/a/etc/etcd/ca.pem"], " ca/cert");
}

TEST(EtcdCluster, PeersMayHaveACaAndACrlOfTheirOwn) {
  std::string text = Replace(kThree, "ca: {CN: prod-etcd-ca}",
                             "ca: {CN: prod-etcd-ca, crl-expiry: 24h}\n"
                             "cas: {peers: {CN: peers, crl-expiry: 24h}}");
  text = Replace(text, "peer: {per: host,", "peer: {per: host, ca: peers,");
  Graph graph = GraphOf(text);
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/peer-ca.pem")["from"], "pki/peers.pem");
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/ca.pem")["from"], "pki/ca.pem");
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/peer-ca.crl")["from"], "pki/peers.crl");
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/ca.crl")["from"], "pki/ca.crl");
  EXPECT_EQ(RecordOf(graph, "verify/etcd")["peer-cacert"], "pki/peers.pem");
  std::string unit = ContentOf(graph, "render/etcd-1/etc/systemd/system/etcd.service");
  for (const char* flag :
       {"--peer-trusted-ca-file=/etc/etcd/peer-ca.pem", "--trusted-ca-file=/etc/etcd/ca.pem",
        "--client-crl-file=/etc/etcd/ca.crl", "--peer-crl-file=/etc/etcd/peer-ca.crl"})
    EXPECT_NE(unit.find(flag), std::string::npos) << flag << "\n" << unit;
  Json service = RecordOf(graph, "rollout/etcd")["members"][0]["service"];
  EXPECT_EQ(service["restart-on"], Json({"/usr/local/bin/etcd", "/etc/etcd/ca.pem", "/etc/etcd/peer-ca.pem",
                                         "/etc/systemd/system/etcd.service"}));

  // With one CA, one file is for both.
  std::string one =
      ContentOf(GraphOf(Replace(kThree, "CN: prod-etcd-ca", "CN: prod-etcd-ca, crl-expiry: 24h")),
                "render/etcd-1/etc/systemd/system/etcd.service");
  EXPECT_NE(one.find("--peer-crl-file=/etc/etcd/ca.crl"), std::string::npos) << one;
}

TEST(EtcdCluster, FoldersAndPortsOfItsOwn) {
  const std::string places =
      "  client-port: 12379\n  peer-port: 12380\n"
      "  bin-dir: /opt/bin\n  config-dir: /srv/etc\n  data-dir: /srv/etcd\n";
  const Graph graph = GraphOf(kThree + places);
  for (const Step& step : graph.steps()) {
    for (const char* usual : {"/etc/etcd", "/var/lib/etcd", "/usr/local/bin", ":2379", ":2380"})
      EXPECT_EQ(std::string(step.record).find(usual), std::string::npos) << step.label << " " << step.record;
  }
  std::string unit = ContentOf(graph, "render/etcd-1/etc/systemd/system/etcd.service");
  for (const char* part :
       {"ExecStart=/opt/bin/etcd ", "--listen-client-urls https://10.0.0.11:12379,https://127.0.0.1:12379 ",
        "--listen-peer-urls https://10.0.0.11:12380 ", "--trusted-ca-file=/srv/etc/ca.pem",
        "--data-dir=/srv/etcd", "EnvironmentFile=/srv/etc/bootstrap.env", "RequiresMountsFor=/srv/etcd\n"})
    EXPECT_NE(unit.find(part), std::string::npos) << part << "\n" << unit;
  EXPECT_EQ(RecordOf(graph, "dir/etcd-1/srv/etcd")["mode"], "0700");
  const Json member = RecordOf(graph, "verify/etcd")["members"][0];
  EXPECT_EQ(member["probe"], "https://10.0.0.11:12379");
  EXPECT_EQ(member["peer-probe"], "https://10.0.0.11:12380");
  EXPECT_EQ(RecordOf(graph, "survey/etcd")["members"][0]["data"], "/srv/etcd");
  EXPECT_NE(ContentOf(graph, "render/etcd-1/srv/etc/bootstrap.env").find("etcd-1=https://10.0.0.11:12380"),
            std::string::npos);
  // Nobody who writes the usual folder is restarted for that but by what says that it may be a disk's.
  EXPECT_EQ(
      ContentOf(GraphOf(kThree), "render/etcd-1/etc/systemd/system/etcd.service").find("RequiresMounts"),
      std::string::npos);
}

// systemd makes a folder directly below /var/lib, and gives it away; another one is kplan's to make.
TEST(EtcdCluster, WhoseTheDataIsWithStrictHardening) {
  const Graph usual = GraphOf(std::string(kThree) + "  hardening: strict\n  data-dir: /var/lib/etcd-main\n");
  std::string unit = ContentOf(usual, "render/etcd-1/etc/systemd/system/etcd.service");
  EXPECT_NE(unit.find("StateDirectory=etcd-main\n"), std::string::npos) << unit;
  EXPECT_EQ(unit.find("ReadWritePaths"), std::string::npos) << unit;
  EXPECT_EQ(RecordOf(usual, "dir/etcd-1/var/lib/etcd-main")["any-owner"], true);
  const Graph disk = GraphOf(std::string(kThree) + "  hardening: strict\n  data-dir: /srv/etcd\n");
  unit = ContentOf(disk, "render/etcd-1/etc/systemd/system/etcd.service");
  EXPECT_NE(unit.find("ReadWritePaths=/srv/etcd\n"), std::string::npos) << unit;
  EXPECT_EQ(unit.find("StateDirectory"), std::string::npos) << unit;
  EXPECT_EQ(RecordOf(disk, "dir/etcd-1/srv/etcd")["owner"], "etcd:etcd");
  EXPECT_EQ(RecordOf(disk, "dir/etcd-1/srv/etcd").count("any-owner"), 0u);
}

TEST(EtcdCluster, WhatAChangeReaches) {
  const Graph before = GraphOf(kThree);
  auto changed = [&](const std::string& text) { return Changed(before, GraphOf(text)); };
  std::set<std::string> units = {"rollout/etcd"}, bootstraps;
  for (std::string host : {"etcd-1", "etcd-2", "etcd-3"}) {
    units.insert("render/" + host + "/etc/systemd/system/etcd.service");
    bootstraps.insert("render/" + host + "/etc/etcd/bootstrap.env");
  }
  // A flag: every member's unit, and the rollout.
  EXPECT_EQ(changed(std::string(kThree) + "  flags: {heartbeat-interval: 200}\n"), units);
  // What etcd heeds once is no flag of the service: nothing that restarts. Survey and rollout look, for a
  // member without data.
  const Graph joining = GraphOf(std::string(kThree) + "  flags: {initial-cluster-state: existing}\n");
  bootstraps.insert({"rollout/etcd", "survey/etcd"});
  EXPECT_EQ(Changed(before, joining), bootstraps);
  for (int member : {0, 1, 2}) {
    EXPECT_EQ(RecordOf(before, "rollout/etcd")["members"][member]["service"],
              RecordOf(joining, "rollout/etcd")["members"][member]["service"]);
  }
  // Another user, another port of ssh, another name in ssh's configuration: the way there alone.
  EXPECT_EQ(changed(Replace(kThree, "ops@10.0.0.11", "root@10.0.0.11")),
            std::set<std::string>{"host/etcd-1"});
  // Another name of one host in its certificate: that one's request and certificate.
  EXPECT_EQ(changed(Replace(kThree, "hosts: [$name, $address, 127.0.0.1]",
                            "hosts: [$name, $address, 127.0.0.1, x]"))
                .count("rollout/etcd"),
            0u);
  // How it is rolled is the rollout's alone.
  std::string five =
      Replace(kThree, "ca: {CN",
              "  etcd-4: {address: 10.0.0.14, ssh: d}\n  etcd-5: {address: 10.0.0.15, ssh: e}\nca: {CN");
  five = Replace(five, "etcd-2, etcd-3]", "etcd-2, etcd-3, etcd-4, etcd-5]");
  EXPECT_EQ(Changed(GraphOf(five), GraphOf(five + "rollout: {max-unavailable: 2}\n")),
            std::set<std::string>{"rollout/etcd"});
  // The order of `members` is nobody's but of those who list them.
  EXPECT_EQ(changed(Replace(kThree, "[etcd-1, etcd-2, etcd-3]", "[etcd-3, etcd-1, etcd-2]")),
            (std::set<std::string>{"survey/etcd", "rollout/etcd", "verify/etcd"}));
}

TEST(EtcdCluster, TheTokenIsQuotedForSystemd) {
  auto token = [](const std::string& written) {
    std::string text = ContentOf(GraphOf(std::string(kThree) + "  initial-cluster-token: " + written + "\n"),
                                 "render/etcd-1/etc/etcd/bootstrap.env");
    const std::string name = "ETCD_INITIAL_CLUSTER_TOKEN=";
    return text.substr(text.find(name) + name.size());
  };
  EXPECT_EQ(token("prod-1"), "prod-1\n");
  EXPECT_EQ(token("' a b '"), "\" a b \"\n");
  EXPECT_EQ(token(R"('"\`$ HOME #;')"), "\"\\\"\\\\\\`\\$ HOME #;\"\n");
  EXPECT_EQ(token("'#x'"), "\"#x\"\n");
  EXPECT_EQ(token("\"it's\""), "\"it's\"\n");
  EXPECT_EQ(token("'%h'"), "\"%h\"\n");
}

TEST(EtcdCluster, ARootOnAnotherMachineHasOneName) {
  auto root = [](const std::string& written) {
    std::string text = Replace(kThree, "etcd-3}", "etcd-3, service-manager: process, root: " + written + "}");
    return RecordOf(GraphOf(text), "host/etcd-3")["root"];
  };
  EXPECT_EQ(root("/srv//box/./a/"), "/srv/box/a");
  EXPECT_EQ(root("//"), "/");
}

TEST(EtcdCluster, MembersOfTwoArchitectures) {
  std::string text = Replace(kThree, "etcd-2: {", "etcd-2: {arch: arm64, ");
  text += "  archive: {sha256: {arm64: " + std::string(64, 'a') + "}}\n";
  Graph graph = GraphOf(text);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["unpack/etcd-arm64"], " archive/etcd-arm64");
  EXPECT_EQ(inputs["file/etcd-2/usr/local/bin/etcd"],
            " unpack/etcd-arm64 host/etcd-2 || survey/etcd send/etcd-2");
  EXPECT_EQ(inputs["file/etcd-1/usr/local/bin/etcd"],
            " unpack/etcd-amd64 host/etcd-1 || survey/etcd send/etcd-1");
  Json members = RecordOf(graph, "rollout/etcd")["members"];
  EXPECT_EQ(members[1]["service"]["environment"], Json({"ETCD_UNSUPPORTED_ARCH=arm64"}));
  EXPECT_EQ(members[0]["service"]["environment"], Json::array());
}

// Which records of GRAPH wait for what.
std::map<std::string, std::string> WaitsOf(const Graph& graph) {
  std::map<std::string, std::string> found;
  for (const Step& step : graph.steps()) {
    const Json record = RecordOf(graph, step.label);
    if (record.contains("waits-for")) found[step.label] = record["waits-for"].dump();
  }
  return found;
}

TEST(EtcdCluster, WhatAMemberIsRestartedForWaitsForThat) {
  std::map<std::string, std::string> all;
  for (std::string host : {"etcd-1", "etcd-2", "etcd-3"}) {
    for (const std::string& label : {"file/" + host + "/usr/local/bin/etcd",
                                     "file/" + host + "/etc/etcd/ca.pem", "unit/" + host + "/etcd"})
      all[label] = R"({"manager":"systemd","name":"etcd"})";
  }
  EXPECT_EQ(WaitsOf(GraphOf(kThree)), all);
  const std::map<std::string, std::string> local = WaitsOf(GraphOf(kLocal));
  EXPECT_EQ(local.size(), 9u);
  EXPECT_EQ(local.at("unit/a/etcd"), R"({"manager":"process","name":"etcd"})");
  // Its peers' own CA is read at a start, too.
  const std::string of_peers =
      Replace(Replace(kThree, "ca: {CN: prod-etcd-ca}", "cas: {a: {CN: a}, b: {CN: b}}"),
              "certs:\n  server: {", "certs:\n  server: {ca: a, ");
  const std::map<std::string, std::string> peers =
      WaitsOf(GraphOf(Replace(Replace(of_peers, "peer: {", "peer: {ca: b, "), "root: {}", "root: {ca: a}")));
  EXPECT_EQ(peers.count("file/etcd-1/etc/etcd/peer-ca.pem"), 1u);
  // A single one over ssh is rolled, one on this machine is not; where nothing runs nothing waits.
  std::string text = kThree;
  EXPECT_EQ(WaitsOf(GraphOf(Replace(text, "[etcd-1, etcd-2, etcd-3]", "[etcd-1]"))).size(), 3u);
  EXPECT_EQ(WaitsOf(GraphOf("hosts: {a: {}}\nca: {CN: ca}\ncerts: {k: {hosts: [127.0.0.1]}}\n"
                            "etcd: {version: 3.4.15, cert: k}\n"))
                .size(),
            0u);
  text = kLocal;
  for (int i = 0; i < 3; ++i) text = Replace(text, "service-manager: process", "service-manager: none");
  EXPECT_EQ(WaitsOf(GraphOf(text)).size(), 0u);
}

}  // namespace
}  // namespace kplan
