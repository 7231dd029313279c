#include <map>
#include <set>

#include "gtest/gtest.h"
#include "src/base/record.h"
#include "src/lower/lower_testing.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

// The tutorial's cluster.
constexpr char kTutorial[] = R"(
hosts:
  worker: {}
ca:
  CN: Kubernetes
  names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: CA}]
certs:
  kubernetes:
    names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: Kubernetes The Hard Way}]
    hosts: [worker, 127.0.0.1, kubernetes, 10.32.0.1]
etcd:
  version: 3.4.15
  cert: kubernetes
)";

TEST(Lower, TheTutorialsSteps) {
  Graph graph = GraphOf(kTutorial);
  EXPECT_EQ(
      InputsOf(graph),
      (std::map<std::string, std::string>{
          {"ca/key", ""},
          {"ca/csr", " ca/key"},
          {"ca/cert", " ca/key"},
          {"key/kubernetes", ""},
          {"csr/kubernetes", " key/kubernetes"},
          {"cert/kubernetes", " csr/kubernetes ca/cert"},
          {"archive/etcd", ""},
          {"unpack/etcd", " archive/etcd"},
          {"file/worker/usr/local/bin/etcd", " unpack/etcd"},
          {"file/worker/usr/local/bin/etcdctl", " unpack/etcd"},
          {"file/worker/etc/etcd/ca.pem", " ca/cert"},
          {"file/worker/etc/etcd/kubernetes.pem", " cert/kubernetes key/kubernetes"},
          {"dir/worker/var/lib/etcd", ""},
          {"render/worker/etc/systemd/system/etcd.service", ""},
          // Verified by systemd, which looks for what it names.
          {"unit/worker/etcd",
           " render/worker/etc/systemd/system/etcd.service || file/worker/usr/local/bin/etcd "
           "file/worker/etc/etcd/ca.pem file/worker/etc/etcd/kubernetes.pem "
           "file/worker/usr/local/bin/etcdctl dir/worker/var/lib/etcd"},
          {"service/worker/etcd",
           " file/worker/usr/local/bin/etcd file/worker/etc/etcd/ca.pem unit/worker/etcd || "
           "file/worker/etc/etcd/kubernetes.pem file/worker/usr/local/bin/etcdctl dir/worker/var/lib/etcd"},
          {"verify/etcd",
           " file/worker/usr/local/bin/etcd file/worker/etc/etcd/ca.pem file/worker/etc/etcd/kubernetes.pem "
           "file/worker/usr/local/bin/etcdctl service/worker/etcd"},
      }));
}

// What there is on a host is the same, whether its user or root by sudo writes it.
TEST(Lower, BecomeChangesNothingOfWhatIsOnTheHost) {
  const Graph user = GraphOf(kTutorial);
  const Graph root = GraphOf(Replace(kTutorial, "worker: {}", "worker: {become: sudo}"));
  std::set<std::string> labels;
  for (const Step& step : user.steps()) {
    labels.insert(step.label);
    if (step.label == "verify/etcd") continue;
    Json by_root = RecordOf(root, step.label);
    if (KindOf(step.kind).where == Where::kOnHost) {
      EXPECT_EQ(by_root["host"], "worker") << step.label;
      by_root.erase("host");
    }
    EXPECT_EQ(by_root, Json::parse(step.record)) << step.label;
  }
  std::set<std::string> more;
  for (const Step& step : root.steps()) {
    if (labels.erase(step.label) == 0) more.insert(step.label);
  }
  EXPECT_EQ(labels, std::set<std::string>());
  EXPECT_EQ(more, (std::set<std::string>{"host/worker", "send/worker"}));
}

// Who runs ninja cannot read what root has installed.
TEST(Lower, BecomeVerifiesWithWhatIsHere) {
  const Graph graph = GraphOf(Replace(kTutorial, "worker: {}",
                                      "worker: {become: sudo, root: /srv/box, "
                                      "service-manager: process}"));
  EXPECT_EQ(RecordOf(graph, "host/worker"), Json::parse(R"({"arch": "amd64", "become": "sudo", "cluster": "",
    "kind": "host", "manager": "process", "name": "worker", "root": "/srv/box", "ssh-host": "", "ssh-port": 0,
    "ssh-user": ""})"));
  const Json verify = RecordOf(graph, "verify/etcd");
  EXPECT_EQ(verify["cacert"], "pki/ca.pem");
  EXPECT_EQ(verify["cert"], "pki/kubernetes.pem");
  EXPECT_EQ(verify["key"], "pki/kubernetes-key.pem");
  EXPECT_EQ(verify["root"], "");
  EXPECT_EQ(verify["manager"], "elsewhere");
  EXPECT_EQ(verify.count("peer-cacert"), 0u);
  const Json& member = verify["members"][0];
  EXPECT_EQ(member["data"], "/var/lib/etcd");
  EXPECT_EQ(member["host"], "worker");
  EXPECT_EQ(member["manager"], "process");
  EXPECT_EQ(member["remote"], true);
  EXPECT_EQ(member["root"], "/srv/box");
  EXPECT_EQ(member["server-cert"], "pki/kubernetes.pem");
}

TEST(Lower, CertificateAndKeyOnAHostAreOneStep) {
  Graph graph = GraphOf(std::string(kTutorial) + "  unit: {Service: {User: etcd}}\n");
  const std::string label = "file/worker/etc/etcd/kubernetes.pem";
  EXPECT_EQ(RecordOf(graph, label), Json::parse(R"({
    "cert-from": "pki/kubernetes.pem", "cert-path": "/etc/etcd/kubernetes.pem",
    "key-from": "pki/kubernetes-key.pem", "key-path": "/etc/etcd/kubernetes-key.pem",
    "kind": "install-pair", "owner": "etcd", "root": "/"})"));
  // The key's path is a name for the same step, and both files are looked at.
  std::vector<std::string> members;
  for (const Group& group : graph.groups()) {
    if (group.name != "file/worker/etc/etcd/kubernetes-key.pem") continue;
    for (StepId id : group.members) members.push_back(graph.steps()[id].label);
  }
  EXPECT_EQ(members, std::vector<std::string>{label});
  std::map<std::string, mode_t> watched;
  for (const Watch& watch : graph.watches()) {
    if (graph.steps()[watch.step].label == label) watched[watch.path] = watch.mode;
  }
  EXPECT_EQ(watched, (std::map<std::string, mode_t>{{"/etc/etcd/kubernetes.pem", 0644},
                                                    {"/etc/etcd/kubernetes-key.pem", 0600}}));
}

TEST(Lower, TheTutorialsUnitToTheByte) {
  EXPECT_EQ(RecordOf(GraphOf(kTutorial), "render/worker/etc/systemd/system/etcd.service")["content"],
            "[Unit]\n"
            "Description=etcd\n"
            "Documentation=https://github.com/coreos\n"
            "\n"
            "[Service]\n"
            "Type=notify\n"
            "ExecStart=/usr/local/bin/etcd \\\n"
            "  --client-cert-auth \\\n"
            "  --name etcd \\\n"
            "  --cert-file=/etc/etcd/kubernetes.pem \\\n"
            "  --key-file=/etc/etcd/kubernetes-key.pem \\\n"
            "  --trusted-ca-file=/etc/etcd/ca.pem \\\n"
            "  --listen-client-urls https://127.0.0.1:2379 \\\n"
            "  --advertise-client-urls https://127.0.0.1:2379 \\\n"
            "  --data-dir=/var/lib/etcd\n"
            "Restart=on-failure\n"
            "RestartSec=5\n"
            "\n"
            "[Install]\n"
            "WantedBy=multi-user.target\n");
}

TEST(Lower, TheTutorialsDefaults) {
  Graph graph = GraphOf(kTutorial);
  Json cert = RecordOf(graph, "cert/kubernetes");
  EXPECT_EQ(cert["expiry"], 8760 * 3600);
  EXPECT_EQ(cert["usages"], Json({"signing", "key encipherment", "server auth", "client auth"}));
  EXPECT_EQ(RecordOf(graph, "ca/cert")["expiry"], int64_t{43800} * 3600);
  EXPECT_EQ(RecordOf(graph, "ca/key")["size"], 2048);
  Json archive = RecordOf(graph, "archive/etcd");
  EXPECT_EQ(archive["url"],
            "https://github.com/etcd-io/etcd/releases/download/v3.4.15/etcd-v3.4.15-linux-amd64.tar.gz");
  EXPECT_EQ(archive["sha256"], "3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81");
  Json member = RecordOf(graph, "verify/etcd")["members"][0];
  EXPECT_EQ(member["id"], "8e9e05c52164694d");
  EXPECT_EQ(RecordOf(graph, "verify/etcd")["cluster-id"], "cdf818194e3a8c32");
}

// It is judged by itself, and not by a third of the life.
TEST(Lower, AShortLifeMayBeRenewedRightBeforeItsEnd) {
  Graph graph = GraphOf(
      std::string(kTutorial) +
      "signing: {profiles: {kubernetes: {usages: [server auth, client auth], expiry: 12m, backdate: 5m, "
      "renew-before: 15s}}}\n");
  EXPECT_EQ(RecordOf(graph, "cert/kubernetes")["renew-before"], 15);
  EXPECT_EQ(RecordOf(graph, "cert/kubernetes")["expiry"], 720);
}

TEST(Lower, RenewalReachesTheStepAndTheWatch) {
  Graph graph = GraphOf(
      Replace(kTutorial, "CN: Kubernetes", "CN: Kubernetes\n  renew-before: 8760h") +
      "signing: {profiles: {kubernetes: {usages: [server auth, client auth], renew-before: 720h}}}\n");
  EXPECT_EQ(RecordOf(graph, "ca/cert")["renew-before"], 8760 * 3600);
  EXPECT_EQ(RecordOf(graph, "cert/kubernetes")["renew-before"], 720 * 3600);
  std::map<std::string, int64_t> watched;
  for (const Watch& watch : graph.watches()) {
    if (watch.kind == Watch::Kind::kCertificate) watched[watch.path] = watch.renew_before;
  }
  EXPECT_EQ(watched, (std::map<std::string, int64_t>{{"pki/ca.pem", 8760 * 3600},
                                                     {"pki/kubernetes.pem", 720 * 3600}}));
}

TEST(Lower, AHostNameChangesRequestAndCertificate) {
  EXPECT_EQ(Changed(GraphOf(kTutorial), GraphOf(Replace(kTutorial, "10.32.0.1", "10.32.0.1, etcd.example"))),
            (std::set<std::string>{"cert/kubernetes", "csr/kubernetes"}));
}

TEST(Lower, AFlagChangesUnitAndService) {
  EXPECT_EQ(
      Changed(GraphOf(kTutorial), GraphOf(std::string(kTutorial) + "  flags: {heartbeat-interval: 200}\n")),
      (std::set<std::string>{"render/worker/etc/systemd/system/etcd.service", "service/worker/etcd"}));
}

// But for the keys of a unit, which systemd reads in their order.
TEST(Lower, CommentsAndOrderChangeNothing) {
  std::string reordered = R"(
# A comment.
etcd: {cert: kubernetes, version: "3.4.15", flags: {snapshot-count: 5, heartbeat-interval: 200}, unit: {Service: {LimitNOFILE: 9, User: etcd}}}
certs:
  kubernetes:
    hosts: [worker, 127.0.0.1, kubernetes, 10.32.0.1]   # another
    names:
    - {OU: Kubernetes The Hard Way, O: Kubernetes, L: Portland, ST: Oregon, C: US}
ca:
  names: [{OU: CA, C: US, ST: Oregon, L: Portland, O: Kubernetes}]
  CN: 'Kubernetes'
hosts:
  worker:
)";
  std::string plain = std::string(kTutorial) +
                      "  unit: {Service: {LimitNOFILE: 9, User: etcd}}\n  flags: {heartbeat-interval: 200, "
                      "snapshot-count: 5}\n";
  Graph a = GraphOf(plain), b = GraphOf(reordered);
  ASSERT_EQ(a.shards().size(), b.shards().size());
  for (size_t i = 0; i < a.shards().size(); ++i)
    EXPECT_EQ(a.ShardText(a.shards()[i]), b.ShardText(b.shards()[i]));
}

TEST(Lower, NoneStartsNothingAndVerifiesNothing) {
  Graph graph = GraphOf(Replace(kTutorial, "worker: {}", "worker: {root: ./image, service-manager: none}"));
  for (const Step& step : graph.steps()) EXPECT_NE(step.label, "verify/etcd");
}

TEST(Lower, ACertificatePerHost) {
  Graph graph = GraphOf(R"(
hosts: {b: {address: 10.0.0.2, root: ./b, service-manager: none}, a: {address: 10.0.0.1, root: ./a, service-manager: none}}
ca: {CN: x}
certs: {server: {per: host, CN: $name.etcd, hosts: [$name, $address]}}
)");
  Json record = RecordOf(graph, "cert/b/server");
  EXPECT_EQ(record["path"], "pki/b/server.pem");
  EXPECT_EQ(record["subject"], Json::parse(R"([["CN","b.etcd"]])"));
  EXPECT_EQ(record["sans"], Json::parse(R"([["dns","b"],["ip","10.0.0.2"]])"));
  EXPECT_TRUE(Json::parse(graph.ShardText(graph.shards()[1])).contains("cert/a/server"))
      << "kept with its host";
}

TEST(Lower, ThousandHosts) {
  std::string text = "ca: {CN: x}\ncerts: {server: {per: host, hosts: [$name]}}\nhosts:\n";
  for (int i = 0; i < 1000; ++i) {
    std::string n = std::to_string(i);
    text += "  h" + n + ": {root: ./r" + n + ", service-manager: none}\n";
  }
  Graph graph = GraphOf(text);
  EXPECT_EQ(graph.steps().size(), 3003u);
  EXPECT_EQ(graph.shards().size(), 1001u);
}

}  // namespace
}  // namespace kplan
