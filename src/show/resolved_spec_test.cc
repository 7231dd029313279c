#include "src/show/resolved_spec.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/files.h"
#include "src/base/record.h"
#include "src/lower/lower.h"
#include "src/model/resolve.h"
#include "src/ninja/ninja_file.h"
#include "src/spec/schema.h"
#include "src/spec/spec.h"

namespace kplan {
namespace {

// A cluster.yaml, read and resolved.
struct Resolved {
  explicit Resolved(const std::string& text) : source("cluster.yaml", text) {
    Diagnostics diagnostics(&source);
    EXPECT_TRUE(ReadSpec(&diagnostics, &spec)) << diagnostics.Format(false);
    cluster = Resolve(spec, &diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.Format(false) << text;
  }

  std::string Yaml() const {
    std::string text;
    WriteResolvedYaml(spec, cluster, source, [&](absl::string_view piece) { absl::StrAppend(&text, piece); });
    return text;
  }

  Json AsJson() const {
    std::string text;
    WriteResolvedJson(spec, cluster, source, [&](absl::string_view piece) { absl::StrAppend(&text, piece); });
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(json.is_object()) << text;
    return json;
  }

  // All that `gen` writes of it: records by shard and build.ninja; besides inputs, groups and watches.
  std::string Compiles() const {
    absl::StatusOr<Graph> graph = Lower(cluster);
    EXPECT_TRUE(graph.ok()) << graph.status();
    std::string text = absl::StrCat("name ", cluster.name, "\n");
    for (const Shard& shard : graph->shards())
      absl::StrAppend(&text, shard.name, "\n", graph->ShardText(shard), "\n");
    for (const Watch& watch : graph->watches()) {
      absl::StrAppend(&text, watch.step, " ", static_cast<int>(watch.kind), " ", watch.mode, " ",
                      watch.manager, " ", watch.root, " ", watch.path, " ", watch.issuer, " ",
                      watch.renew_before, " ", watch.renewable, "\n");
    }
    WriteNinjaFile(*graph, {"/usr/bin/kplan", "cluster.yaml"},
                   [&](absl::string_view piece) { absl::StrAppend(&text, piece); });
    return text;
  }

  SourceFile source;
  Spec spec;
  Cluster cluster;
};

void ExpectSameGraph(const std::string& text) {
  Resolved before(text);
  std::string shown = before.Yaml();
  Resolved after(shown);
  EXPECT_EQ(before.Compiles(), after.Compiles()) << text << "\nis shown as\n" << shown;
  // With every default written there is nothing left to put in, and nothing was made up on the way.
  Json first = before.AsJson(), again = after.AsJson();
  for (const auto& [path, entry] : first.items()) {
    if (entry.value("note", false)) continue;
    ASSERT_TRUE(again.contains(path)) << path << "\n" << shown;
    EXPECT_EQ(again[path]["value"], entry["value"]) << path;
    EXPECT_EQ(again[path]["origin"]["kind"], "file") << path << "\n" << shown;
  }
}

std::string Example(const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat("examples/", name, "/cluster.yaml"));
  EXPECT_TRUE(text.ok()) << text.status();
  return *text;
}

// Every key there is, in as few clusters as can have them all.
constexpr char kMaximal[] = R"(
apiVersion: kplan.dev/v1
kind: Cluster
metadata: {name: "a: name"}
hosts:
  b.example: {address: 10.0.0.2, root: ./b/, service-manager: process, arch: arm64}
  a: {address: a.example.com, root: images/a, service-manager: none}
ca:
  CN: Kubernetes
  names: [{C: US, ST: Oregon}, {L: Portland, O: 'Müller & Söhne', OU: "CA", SerialNumber: 12}, {}]
  key: {algo: ecdsa, size: 384, format: pkcs8, passphrase-env: CA_PASSPHRASE}
  expiry: 90000h30m
  backdate: 1h
  renew-before: 1000h
  crl-expiry: 24h
  ca_constraint: {is_ca: true, max_path_len: 2}
  name-constraints: {permitted: [.example.com, example.com, 10.0.0.0/8, "bücher.example", localhost], excluded: [x.example.com]}
cas:
  inter:
    issuer: ca
    CN: inter
    key-generation: 3
    revoked: [1]
    key: {algo: ed25519, passphrase-file: inter.passphrase}
    crl_url: http://x.example.com/ca.crl
    ocsp_url: http://ocsp.example.com
    issuer_urls: [http://x.example.com/ca.pem,
                  http://y.example.com/ca.pem]
  held: {CN: held, key-generation: 2, hold: trust-both}
  given: {cert: given.pem, key: given-key.pem}
  opened: {cert: opened.pem, key: {file: opened-key.pem, passphrase-file: opened.passphrase}, renew-before: 48h}
  elsewhere: {cert: elsewhere.pem}
signing:
  compat: cfssl
  default: {expiry: 1000h, backdate: 2h, renew-before: 100h, crl_url: http://x.example.com/default.crl,
            issuer_urls: [http://x.example.com/default.pem], ocsp_url: http://ocsp.example.com/default}
  profiles:
    "my profile": {usages: [signing, "key encipherment", server auth, client auth]}
    own: {usages: [client auth], expiry: 500h, backdate: 1m, renew-before: 1h, crl_url: http://x.example.com/own.crl,
          ocsp_url: http://ocsp.example.com/own, issuer_urls: [http://x.example.com/own.pem]}
    sub: {usages: [cert sign, crl sign], ca_constraint: {is_ca: true, max_path_len: 0}}
certs:
  server: {profile: my profile, per: host, CN: "$name of $address", hosts: [$name.example.com, 10.0.0.2, LOCALHOST.],
           names: [{O: x}], key: {algo: ecdsa}, files: [chain, bundle], pkcs12: {passphrase-file: p12}, ca: inter}
  "leaf.1": {key-generation: 3, hosts: [a.EXAMPLE.com, "b\u00fccher.example", a.example.com, 10.0.0.2], ca: ca,
             pkcs12: {passphrase-env: P12}}
  etcd: {profile: own, files: bundle, ca: given}
  sub: {profile: sub, ca: ca}
  waiting: {ca: elsewhere}
revoked:
  - {cert: leaf.1, reason: keyCompromise, date: 2026-11-22}
  - {cert: a/server, date: 2026-11-22T10:00:00Z}
  - {serial: 0x5A0f, ca: given, reason: superseded}
  - {serial: 4096, date: 2026-01-01}
etcd:
  version: 3.5.32
  cert: server
  archive: {url: https://example.com/etcd.tar.gz, ca: mirror-ca.pem, netrc: mirror.netrc, sha256: {arm64: 3BD00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81,
            amd64: 3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b82}}
  members: [b.example]
  initial-cluster-token: prod 1
  bin-dir: /opt/bin
  config-dir: /srv/etc
  data-dir: /srv/etcd
  wal-dir: /srv/wal
  flags: {max-wals: 7, listen-client-urls: "https://10.0.0.2:2379", name: "--odd", client-crl-file: /etc/crl,
          initial-advertise-peer-urls: "http://10.0.0.2:2380", initial-cluster: "--odd=http://10.0.0.2:2380",
          experimental-distributed-tracing-service-name: y}
  unit: {Service: {User: etcd, Group: etcd, RestartSec: 9, LimitNOFILE: 65536, ExecStartPre: /bin/echo "a = b"}, Unit: {After: x},
         Install: {Alias: e.service}}
  start-timeout: 5m
  replace: true
verify: {refuse: [no-cert], from: [hosts]}
)";

// A cluster, with the keys that only one has.
constexpr char kCluster[] = R"(
metadata: {name: "pr: od"}
hosts:
  c:
    address: 10.0.0.13
    ssh: alias
    etcd:
      listen: [$address, "127.0.0.1:12379"]
      advertise: [10.0.0.13]
      peer-listen: [0.0.0.0]
      peer-advertise: [c.example, $address]
      flags: {snapshot-count: 5, listen-metrics-urls: "http://$address:2381"}
  a: {address: 'fd00::11', ssh: "ops@[fd00::11]:2222", become: sudo, arch: arm64}
  b: {address: 10.0.0.12, ssh: 10.0.0.12, root: /srv/b/, service-manager: process}
ca: {CN: prod, crl-expiry: 24h}
cas: {peers: {CN: peers, crl-expiry: 24h}}
certs:
  server: {per: host, ca: ca, hosts: [$name, $address, 127.0.0.1]}
  peer: {ca: peers, hosts: ['fd00::11', 10.0.0.12, 10.0.0.13, c.example]}
  root: {ca: ca}
etcd:
  version: 3.4.15
  archive: {sha256: {arm64: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}}
  members: [c, a, b]
  tls: {server: server, peer: peer, client: root}
  client-port: 12379
  peer-port: 12380
  flags: {heartbeat-interval: 200, initial-cluster-state: existing}
rollout: {max-unavailable: 1}
contact: {every: 10m}
)";

// Three on this machine, with one certificate for everything.
constexpr char kLocalCluster[] = R"(
hosts:
  a: {address: 127.0.0.2, root: a, service-manager: process}
  b: {address: 127.0.0.3, root: b, service-manager: process}
  c: {address: 127.0.0.4, root: c, service-manager: process}
ca: {CN: ca}
certs: {k: {hosts: [127.0.0.2, 127.0.0.3, 127.0.0.4]}}
etcd: {version: 3.4.15, cert: k, members: [a, b, c]}
)";

// Services, with every key; etcd is one more of them.
constexpr char kServices[] = R"(
hosts:
  w: {}
  "far.one": {root: far, service-manager: none}
cas: {ca: {CN: ca}, inter: {CN: inter, issuer: ca}}
certs:
  web: {ca: inter, hosts: [127.0.0.1], files: [bundle]}
  client: {ca: inter}
  each: {ca: ca, per: host}
services:
  "web.front-end":
    hosts: [far.one, w]
    after: [backup, service/w/idle]
    archive: {mirrors: ["https://example.com/x.tar.gz", "https://example.com/y/x.tar.gz"], token-env: TOKEN,
              members: {"x-1/bin/x": /usr/local/bin/x},
              sha256: E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}
    files:
      "/etc/web/a.conf": {content: "a: b # c\n\ttab \\ \"quoted\"\n\n", mode: 644, owner: "root:adm", on-change: reload}
      /etc/web/empty: {content: ''}
      /etc/web/spaces: {content: "  a \n"}
      /etc/web/block: {content: "# a\n  b: c\n\n  'd' # e\n- f\n", on-change: nothing}
      /etc/web/ends: {content: "a\nb"}
      /etc/web/copy: {from: files/copy, on-change: nothing}
    certs:
      - {name: web, cert: /etc/web/tls/cert.pem, key: /etc/web/tls/key.pem, ca: /etc/web/ca.pem, include: leaf, owner: w,
         on-change: nothing}
      - {name: web, cert: /etc/web/bundle.pem, include: bundle}
      - {name: each, ca: /etc/web/root.pem}
    dirs: {/var/lib/web: {mode: 0700, owner: "w:w"}, /srv/web: }
    user: web
    command: [/usr/local/bin/x, --config=/etc/web/a.conf, "", "it's \"$HOME\" 50% %h", "null", "#"]
    environment: {A: "b c", EMPTY: "", "PERCENT": "%h"}
    unit:
      Unit: {Documentation: "man:x"}
      Service: {ExecStartPre: ["", "/bin/a -b", /bin/c], Restart: always, Nice: -5, ExecStartPost: ""}
    checks:
      - {systemd: active}
      - tcp: "[::1]:80"
      - https: {url: "https://127.0.0.1/x?y", status: 404, ca: ca, cert: client, serves: web, refuse: [plaintext, no-cert]}
      - https: {url: "https://127.0.0.1", from: here, serves: web}
      - https: {url: "https://127.0.0.1", cert: client, refuse: []}
      - exec: [/usr/local/bin/x, --check, "", "- a"]
  idle: {hosts: w, command: /usr/bin/idle}
  backup:
    hosts: [w]
    hardening: strict
    command: [/usr/bin/backup]
    dirs: {/var/lib/backup: {}, /srv/backup: {}}
    units:
      backup.timer: {Timer: {OnCalendar: [daily, weekly]}, Install: {WantedBy: timers.target}}
      "worker@.service": {Service: {ExecStart: "/usr/bin/worker %i", Environment: ["", "A=%j"]}}
)";

// One that comes after etcd, with a digest for its architecture.
constexpr char kWithEtcd[] = R"(
hosts: {a: {address: 10.0.0.1, ssh: a}, b: {address: 10.0.0.2, ssh: b}}
ca: {CN: ca}
certs: {k: {hosts: [10.0.0.1, 10.0.0.2]}}
etcd: {version: 3.4.15, cert: k, members: [a], hardening: strict, unit: {Service: {ExecStartPre: ["", /bin/a], TimeoutStartSec: 5min}}}
services:
  s:
    hosts: [b, a]
    after: [verify/etcd]
    archive: {path: s.tar.gz, members: {s: /usr/bin/s}, sha256: {amd64: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}}
    command: [/usr/bin/s]
    checks: [{https: {url: "https://10.0.0.1"}}]
rollout: {snapshot: before-restart}
)";

constexpr char kTutorial[] = R"(hosts: {worker: {}}
ca: {CN: ca}
certs: {k: {hosts: [127.0.0.1]}}
etcd: {version: 3.4.15, cert: k}
)";

TEST(ResolvedSpec, CompilesToTheSameGraph) {
  for (const char* name : {"tutorial", "quickstart", "pki", "cluster"}) ExpectSameGraph(Example(name));
  std::string tutorial = kTutorial;
  std::vector<std::string> specs = {
      tutorial,
      "ca: {CN: ca}\n",
      "cas: {root: {CN: a}}\ncerts: {x: {}}\nverify: {refuse: []}\n",
      "cas: {ca: {CN: a}, b: {CN: b, issuer: ca}}\ncerts: {x: {}}\nsigning: {}\n",
      "ca: {CN: ca}\nsigning: {compat: cfssl}\n",
      // `kubernetes`, built in or not, beside a default that hands something down, or is a profile itself.
      "ca: {CN: ca}\nsigning: {default: {renew-before: 5h}}\ncerts: {x: {profile: kubernetes}, y: {}}\n",
      "ca: {CN: ca}\nsigning: {default: {expiry: 5h}}\ncerts: {x: {profile: kubernetes}, y: {}}\n",
      "ca: {CN: ca}\nsigning: {default: {usages: [signing], backdate: 1h}}\ncerts: {x: {profile: "
      "kubernetes}, y: {}}\n",
      "ca: {CN: ca}\nsigning: {default: {expiry: 5h}, profiles: {kubernetes: {usages: [s/mime]}}}\ncerts: "
      "{y: {}}\n",
      "ca: {CN: ca}\nsigning: {profiles: {default: {usages: [s/mime]}}}\ncerts: {x: {profile: default}, y: "
      "{}}\n",
      "ca: {CN: ca, key: {algo: rsa, passphrase-file: x}}\ncerts: {a: {key: {algo: ecdsa, format: pkcs1}}}\n",
      "ca: {CN: ca, crl-expiry: 30m}\n",
      "ca: {CN: ca}\nrevoked: [{serial: 12}, {serial: 0x12, reason: unspecified}]\n",
      "ca: {cert: ca.pem}\ncerts: {a: {}}\n",
      "ca: &x {CN: ca, names: [&n {O: a}, *n]}\ncerts: {a: {names: [*n]}}\n",
      "hosts: {b: {root: b, service-manager: none}, a: {root: a, service-manager: none, address: '::1'}}\n"
      "ca: {CN: ca}\ncerts: {x: {per: host}, y: {per: host, CN: null-$name, hosts: ['null', $name]}}\n",
      "ca: {CN: 'null'}\nmetadata: {name: \"\\u202Eevil # x\"}\nsigning: {profiles: {\"\\u202E: y\": "
      "{usages: [any]}}}\n"
      "certs: {'1': {CN: '~', profile: \"\\u202E: y\", names: [{O: '- a'}, {OU: '{'}]}}\n",
      // etcd: each default alone.
      absl::StrReplaceAll(tutorial,
                          {{"cert: k", "cert: k, archive: {sha256: {arm64: " + std::string(64, 'a') + "}}"}}),
      absl::StrReplaceAll(
          tutorial,
          {{"cert: k", "cert: k, archive: {path: x.tar.gz, sha256: " + std::string(64, 'A') + "}"}}),
      absl::StrReplaceAll(tutorial,
                          {{"worker: {}", "worker: {arch: arm64}"},
                           {"cert: k", "cert: k, archive: {sha256: " + std::string(64, 'b') + "}"}}),
      absl::StrReplaceAll(tutorial, {{"CN: ca", "CN: ca, crl-expiry: 24h"}}),
      absl::StrReplaceAll(
          tutorial,
          {{"cert: k", "cert: k, flags: {listen-client-urls: 'https://127.0.0.1:1,https://127.0.0.1:2'}"}}),
      absl::StrReplaceAll(
          tutorial,
          {{"cert: k", "cert: k, flags: {advertise-client-urls: 'https://127.0.0.1:1'}, unit: {Service: }"}}),
      absl::StrReplaceAll(
          tutorial,
          {{"cert: k", "cert: k, unit: {Service: {Restart: 'no', Environment: 'A=b c', Nice: -5}}"}}),
      absl::StrCat(tutorial, "verify: {refuse: [plaintext, no-cert]}\n"),
      absl::StrCat(tutorial, "verify: {refuse: []}\n"),
      kMaximal,
      kCluster,
      kLocalCluster,
      absl::StrReplaceAll(kLocalCluster, {{"service-manager: process", "service-manager: none"}}),
      absl::StrReplaceAll(kLocalCluster,
                          {{"members: [a, b, c]", "members: [b, a, c], flags: {pre-vote: true}"}}),
      absl::StrReplaceAll(kTutorial,
                          {{"worker: {}", "worker: {address: 127.0.0.1, arch: arm64}"},
                           {"cert: k", "tls: {server: k, peer: k, client: k}, archive: {sha256: {arm64: " +
                                           std::string(64, 'a') + "}}"}}),
      absl::StrCat(tutorial, "rollout: {max-unavailable: 1}\n"),
      absl::StrReplaceAll(kTutorial, {{"worker: {}",
                                       "worker: {address: 127.0.0.1, etcd: {listen: [0.0.0.0], flags: "
                                       "{snapshot-count: 5}}}"}}),
      "ca: {CN: ca}\nrollout: {}\n",
      kServices,
      kWithEtcd,
      absl::StrCat(kServices, "rollout: {max-unavailable: 2}\n"),
      absl::StrReplaceAll(kWithEtcd, {{"before-restart", "before-restart, keep-snapshots: 9"}}),
  };
  for (const std::string& spec : specs) ExpectSameGraph(spec);
}

// Each value has the place where it was written, and what was not written says so.
TEST(ResolvedSpec, SaysWhereFrom) {
  Resolved resolved(R"(hosts:
  etcd-1: {address: 10.0.0.11, root: r, service-manager: none}
ca: {CN: ca}
signing:
  default: {renew-before: 24h}
  profiles:
    p: {usages: [server auth, client auth]}
certs:
  server:
    profile: p
    per: host
    hosts: [$name,
            $address, 127.0.0.1]
etcd:
  version: 3.4.15
  cert: server
)");
  Json json = resolved.AsJson();
  auto expect = [&](const char* path, const Json& value, const char* kind, int line, const char* text) {
    ASSERT_TRUE(json.contains(path)) << path << "\n" << json.dump(2);
    EXPECT_EQ(json[path]["value"], value) << path;
    EXPECT_EQ(json[path]["origin"]["kind"], kind) << path;
    EXPECT_EQ(json[path]["origin"].value("line", 0), line) << path;
    EXPECT_EQ(json[path]["origin"]["text"], text) << path;
  };
  expect("hosts.etcd-1.address", "10.0.0.11", "file", 2, "cluster.yaml:2");
  expect("hosts.etcd-1.arch", "amd64", "default", 0, "default");
  expect("ca.expiry", "43800h", "default", 0, "default");
  expect("signing.profiles.p.renew-before", "24h", "derived", 5, "from signing.default, cluster.yaml:5");
  expect("certs.server.usages", {"server auth", "client auth"}, "derived", 7,
         "from the profile p, cluster.yaml:7");
  expect("certs.server.hosts", {"$name", "$address", "127.0.0.1"}, "file", 12, "cluster.yaml:12");
  EXPECT_EQ(json["certs.server.hosts"]["origin"]["lines"], Json({12, 13, 13}));
  expect("certs.server[\"etcd-1\"].hosts", {"etcd-1", "10.0.0.11", "127.0.0.1"}, "derived", 2,
         "hosts.etcd-1.address, cluster.yaml:2");
  expect("etcd.archive.sha256", "3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81", "derived",
         15, "known digest of etcd 3.4.15, cluster.yaml:15");
  expect("etcd.flags.cert-file", "/etc/etcd/server.pem", "derived", 0, "it is made from `etcd.cert`");
  EXPECT_EQ(json["etcd.flags.cert-file"]["note"], true);
  std::string yaml = resolved.Yaml();
  EXPECT_TRUE(absl::StrContains(
      yaml,
      "# etcd-1: CN server, hosts [etcd-1, 10.0.0.11, 127.0.0.1]  # hosts.etcd-1.address, cluster.yaml:2\n"))
      << yaml;
}

// The components of a path of the JSON form: "certs", "a.b", "CN"; of an entry of a list its number is left
// out.
std::vector<std::string> Components(absl::string_view path) {
  std::vector<std::string> components;
  while (!path.empty()) {
    if (absl::ConsumePrefix(&path, ".")) continue;
    if (absl::StartsWith(path, "[")) {
      const bool quoted = absl::StartsWith(path, "[\"");
      const size_t end = quoted ? path.find("\"]") + 1 : path.find(']');
      if (quoted) {
        components.push_back(Json::parse(std::string(path.substr(1, end - 1))).get<std::string>());
      }
      path.remove_prefix(end + 1);
      continue;
    }
    const size_t end = std::min(path.find_first_of(".["), path.size());
    components.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return components;
}

// Where in the table of all keys the path of a value leads; null when nowhere.
const KeySchema* FindKey(const MapSchema* map, absl::Span<const std::string> components) {
  for (const KeySchema& key : map->keys) {
    if (components.empty() || key.name != components[0]) continue;
    absl::Span<const std::string> rest = components.subspan(1);
    if (key.shape == KeyShape::kTextMap && !rest.empty()) rest = rest.subspan(1);  // the name
    if (key.shape == KeyShape::kMaps) {
      if (rest.empty()) return nullptr;
      rest = rest.subspan(1);
      if (key.map->open && rest.size() == (key.map->each != nullptr ? 2 : 1)) return &key;
    }
    if (rest.empty()) return &key;
    return key.map == nullptr ? nullptr : FindKey(key.map, rest);
  }
  return nullptr;
}

void CollectValues(const MapSchema* map, std::set<const KeySchema*>* keys) {
  for (const KeySchema& key : map->keys) {
    const bool value = key.shape == KeyShape::kText || key.shape == KeyShape::kTexts ||
                       key.shape == KeyShape::kTextMap || key.or_text ||
                       (key.map != nullptr && key.map->open);
    if (value) keys->insert(&key);
    if (key.map != nullptr) CollectValues(key.map, keys);
  }
}

// Each key that the parser knows is shown, and nothing is shown as a key that the parser does not know.
TEST(ResolvedSpec, HasEveryKeyOfTheTable) {
  std::set<const KeySchema*> all, shown;
  CollectValues(&kClusterSchema, &all);
  EXPECT_GT(all.size(), 60u);
  const std::string given = absl::StrReplaceAll(
      kTutorial, {{"cert: k", "cert: k, archive: {path: x, sha256: " + std::string(64, 'a') + "}"}});
  // An archive has one source, and its servers one way to know who asks.
  const std::string etcd_source =
                        "url: https://example.com/etcd.tar.gz, ca: mirror-ca.pem, netrc: mirror.netrc,",
                    source =
                        R"(mirrors: ["https://example.com/x.tar.gz", "https://example.com/y/x.tar.gz"], )"
                        "token-env: TOKEN,";
  auto archive = [](const char* spec, const std::string& from, const std::string& to) {
    std::string text = absl::StrReplaceAll(spec, {{from, to}});
    EXPECT_NE(text, spec);
    return text;
  };
  const std::string url = R"("https://example.com/x.tar.gz")";
  for (const std::string& spec :
       {std::string(kMaximal), given, std::string(kCluster), std::string(kServices),
        archive(kMaximal, etcd_source, absl::StrCat("mirrors: [", url, "], token-file: t,")),
        archive(kMaximal, etcd_source, absl::StrCat("mirrors: [", url, "], token-env: T,")),
        archive(kServices, source, absl::StrCat("url: ", url, ", ca: c.pem, netrc: n,")),
        archive(kServices, source, absl::StrCat("url: ", url, ", token-file: t,")),
        absl::StrReplaceAll(kWithEtcd, {{"before-restart", "before-restart, keep-snapshots: 9"}})}) {
    const Json json = Resolved(spec).AsJson();
    for (const auto& [path, entry] : json.items()) {
      if (entry.value("note", false)) continue;
      const std::vector<std::string> components = Components(path);
      const KeySchema* key = FindKey(&kClusterSchema, components);
      EXPECT_NE(key, nullptr) << path;
      shown.insert(key);
    }
  }
  for (const KeySchema* key : all) EXPECT_TRUE(shown.count(key) == 1) << key->name << ": " << key->doc;
}

// No line of the text is left by a value: neither by what YAML, nor by what a terminal takes for a line's
// end.
TEST(ResolvedSpec, ALineIsALine) {
  Resolved resolved(
      "ca: {CN: ca}\nsigning: {profiles: {\"a\\u202E # b\": {usages: [any]}}}\n"
      "certs: {x: {profile: \"a\\u202E # b\"}}\n");
  std::string yaml = resolved.Yaml();
  EXPECT_FALSE(absl::StrContains(yaml, "\u202E")) << yaml;
  for (absl::string_view line : absl::StrSplit(yaml, '\n')) EXPECT_LE(line.size(), 200u) << line;
}

// 10,000 hosts are written in pieces, none of them large.
TEST(ResolvedSpec, IsWrittenInPieces) {
  std::string text = "ca: {CN: ca}\ncerts: {x: {per: host, hosts: [$name]}}\nhosts:\n";
  for (int i = 0; i < 10000; ++i)
    absl::StrAppend(&text, "  h", i, ": {root: h", i, ", service-manager: none}\n");
  Resolved resolved(text);
  size_t largest = 0, total = 0;
  auto count = [&](absl::string_view piece) {
    largest = std::max(largest, piece.size());
    total += piece.size();
  };
  WriteResolvedYaml(resolved.spec, resolved.cluster, resolved.source, count);
  EXPECT_GT(total, size_t{1} << 20);
  EXPECT_LT(largest, size_t{128} << 10);
  largest = 0;
  WriteResolvedJson(resolved.spec, resolved.cluster, resolved.source, count);
  EXPECT_LT(largest, size_t{128} << 10);
}

}  // namespace
}  // namespace kplan
