// `services` as Resolve has them: in order, on each host, with every default.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"

namespace kplan {
namespace {

class ResolveServicesTest : public testing::Test {
 protected:
  // What is said of TEXT; its cluster is then cluster_.
  std::string Said(const std::string& text) {
    SourceFile source("c", text);
    Diagnostics diagnostics(&source);
    Spec spec;
    ReadSpec(&diagnostics, &spec);
    cluster_ = Resolve(spec, &diagnostics);
    return diagnostics.Format(false);
  }

  void Read(const std::string& text) { ASSERT_EQ(Said(text), "") << text; }

  // "etcd-1/metrics", ...
  std::vector<std::string> Instances() const {
    std::vector<std::string> names;
    for (const ServiceInstance& service : cluster_.services)
      names.push_back(absl::StrCat(cluster_.hosts[service.host].name, "/", service.name));
    return names;
  }

  // Those that the instance called NAME comes after, as above; "etcd" first.
  std::string After(const std::string& name) const {
    const std::vector<std::string> names = Instances();
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != name) continue;
      std::vector<std::string> after;
      for (int etcd : cluster_.services[i].after_etcds) after.push_back(cluster_.etcds[etcd].name);
      for (int other : cluster_.services[i].after) after.push_back(names[other]);
      return absl::StrJoin(after, " ");
    }
    return "no such instance";
  }

  Cluster cluster_;
};

constexpr char kThreeHosts[] = R"(
hosts:
  a: {address: 127.0.0.1, root: a, service-manager: process}
  b: {address: 127.0.0.2, root: b, service-manager: process}
  c: {address: 127.0.0.3, root: c, service-manager: process, arch: arm64}
ca: {CN: ca}
certs:
  k: {hosts: [127.0.0.1]}
  each: {per: host, hosts: [$address]}
)";

TEST_F(ResolveServicesTest, WhatComesAfterStandsBehind) {
  Read(absl::StrCat(kThreeHosts, R"(
etcd: {version: 3.4.15, cert: k, members: [a]}
services:
  web: {hosts: [c, a], after: [cache, verify/b/store, etcd], command: [/bin/web]}
  cache: {hosts: [b], after: [verify/store], command: [/bin/cache]}
  store: {hosts: [b, a], command: [/bin/store]}
  alone: {hosts: [b], after: [verify/etcd, service/a/store, verify/a/store], command: [/bin/alone]}
)"));
  EXPECT_EQ(absl::StrJoin(Instances(), " "), "b/store a/store b/cache c/web a/web b/alone");
  EXPECT_EQ(After("c/web"), "etcd b/cache b/store");
  EXPECT_EQ(After("a/web"), "etcd b/cache b/store");
  EXPECT_EQ(After("b/cache"), "b/store a/store");
  EXPECT_EQ(After("b/alone"), "etcd a/store") << "each once";
  for (size_t i = 0; i < cluster_.services.size(); ++i) {
    for (int after : cluster_.services[i].after) EXPECT_LT(after, static_cast<int>(i));
    EXPECT_LT(cluster_.services[i].rollout_after, static_cast<int>(i));
  }
}

TEST_F(ResolveServicesTest, AServiceOnAllHostsCountsForEach) {
  Read(absl::StrCat(kThreeHosts, R"(
services:
  store: {hosts: [a, b, c], command: [/bin/store]}
  web: {hosts: [a], after: [service/b/store, store, verify/c/store], command: [/bin/web]}
)"));
  EXPECT_EQ(After("a/web"), "a/store b/store c/store");
}

TEST_F(ResolveServicesTest, HostsFollowEachOther) {
  const std::string text =
      absl::StrCat(kThreeHosts, "services: {s: {hosts: [c, a, b], command: [/bin/s]}}\n");
  auto rollout = [&] {
    std::vector<int> after;
    for (const ServiceInstance& service : cluster_.services) after.push_back(service.rollout_after);
    return after;
  };
  Read(text);
  EXPECT_EQ(absl::StrJoin(Instances(), " "), "c/s a/s b/s");
  EXPECT_EQ(rollout(), (std::vector<int>{-1, 0, 1}));
  Read(absl::StrCat(text, "rollout: {max-unavailable: 2}\n"));
  EXPECT_EQ(rollout(), (std::vector<int>{-1, -1, 0}));
  Read(absl::StrCat(text, "rollout: {max-unavailable: 9}\n"));
  EXPECT_EQ(rollout(), (std::vector<int>{-1, -1, -1}));
}

TEST_F(ResolveServicesTest, ACircleIsNamedWhole) {
  const std::string said = Said(
      "hosts: {w: {}}\nca: {CN: ca}\nservices:\n"
      "  z: {after: [a], command: [/bin/x]}\n"
      "  a: {after: [b], command: [/bin/x]}\n"
      "  b: {after: [c], command: [/bin/x]}\n"
      "  c: {after: [a, z], command: [/bin/x]}\n");
  EXPECT_TRUE(absl::StrContains(
      said, "the service \"a\" comes after \"b\", which comes after \"c\", which comes after \"a\" itself"))
      << said;
  EXPECT_TRUE(absl::StrContains(said,
                                "the service \"z\" comes after \"a\", which comes after \"b\", which comes "
                                "after \"c\", which comes after \"z\" itself"))
      << said;
}

// A chain as long as there are services, written so that the last is needed first.
TEST_F(ResolveServicesTest, LongChainsAreNoDeepRecursion) {
  std::string text = "hosts: {w: {}}\nca: {CN: ca}\nservices:\n";
  constexpr int kServices = 20000;
  for (int i = 0; i < kServices; ++i) {
    absl::StrAppend(&text, "  s", i, ": {command: [/bin/x]",
                    i + 1 < kServices ? absl::StrCat(", after: [s", i + 1, "]") : "", "}\n");
  }
  Read(text);
  ASSERT_EQ(cluster_.services.size(), static_cast<size_t>(kServices));
  EXPECT_EQ(cluster_.services[0].name, absl::StrCat("s", kServices - 1));
}

TEST_F(ResolveServicesTest, CertificatesAreTheHostsOwn) {
  Read(absl::StrCat(kThreeHosts, R"(
services:
  s:
    hosts: [b, a]
    certs:
      - {name: each, cert: /etc/s/cert.pem, key: /etc/s/key.pem}
      - {name: k, ca: /etc/s/ca.pem, on-change: nothing}
    command: [/bin/s]
)"));
  ASSERT_EQ(cluster_.services.size(), 2u);
  for (const ServiceInstance& service : cluster_.services) {
    ASSERT_EQ(service.certificates.size(), 2u);
    const LeafCertificate& each = cluster_.certificates[service.certificates[0].cert];
    EXPECT_EQ(each.name, absl::StrCat(cluster_.hosts[service.host].name, "/each"));
    EXPECT_EQ(cluster_.certificates[service.certificates[1].cert].name, "k");
    EXPECT_EQ(service.certificates[0].part, ServiceCertificate::Part::kChain);
    EXPECT_EQ(service.certificates[0].on_change, OnChange::kRestart);
    EXPECT_EQ(service.certificates[1].on_change, OnChange::kNothing);
    EXPECT_EQ(service.certificates[0].owner, "");
  }
  // A URL that is right for one host's certificate is wrong for the next one's: that is said, once.
  const std::string said = Said(absl::StrCat(kThreeHosts, R"(
services:
  s:
    hosts: [a, b, c]
    checks: [{https: {url: "https://127.0.0.1:1/", serves: each}}]
    command: [/bin/s]
)"));
  EXPECT_TRUE(absl::StrContains(said, "the certificate \"b/each\" is not valid for 127.0.0.1")) << said;
  EXPECT_FALSE(absl::StrContains(said, "c/each")) << said;
}

TEST_F(ResolveServicesTest, OwnPathsAreKnownInArguments) {
  Read(absl::StrCat(kThreeHosts, R"(
services:
  s:
    hosts: [a]
    archive: {path: x.tar.gz, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,
              members: {one/x: /usr/local/bin/x, two/x: /opt/x}}
    files: {/etc/s.conf: {content: ""}}
    certs: [{name: k, cert: /etc/s/cert.pem, key: /etc/s/key.pem, ca: /etc/s/ca.pem}]
    dirs: {/var/lib/s: {}}
    command: [/usr/local/bin/x, --config=/etc/s.conf, -c/etc/s.conf, "file:///etc/s.conf", /etc/s.conf.bak,
              /x/etc/s.conf, /var/lib/s/db, /var/lib/sx, "--key=/etc/s/key.pem", "", a b, /var/lib/s]
    checks: [{exec: [/opt/x, /etc/s/ca.pem]}]
)"));
  const ServiceInstance& service = cluster_.services[0];
  const std::vector<Argument> expected = {{"", "/usr/local/bin/x"},
                                          {"--config=", "/etc/s.conf"},
                                          {"-c", "/etc/s.conf"},
                                          {"file://", "/etc/s.conf"},
                                          {"/etc/s.conf.bak", ""},
                                          {"/x/etc/s.conf", ""},
                                          {"", "/var/lib/s/db"},
                                          {"/var/lib/sx", ""},
                                          {"--key=", "/etc/s/key.pem"},
                                          {"", ""},
                                          {"a b", ""},
                                          {"", "/var/lib/s"}};
  EXPECT_EQ(service.arguments, expected);
  EXPECT_EQ(service.checks[0].command, (std::vector<Argument>{{"", "/opt/x"}, {"", "/etc/s/ca.pem"}}));
  ASSERT_EQ(cluster_.service_archives.size(), 1u);
  const auto& [name, archive] = cluster_.service_archives[0];
  EXPECT_EQ(name, "s");
  EXPECT_EQ(archive.members, (StringPairs{{"one/x", "x"}, {"two/x", "x-2"}}));
  EXPECT_EQ(service.programs[1].member, "x-2");
  EXPECT_EQ(service.programs[1].path, "/opt/x");
  EXPECT_EQ(archive.unpacked, "archives/unpacked/s/e3b0c44298fc1c14");
  EXPECT_TRUE(archive.given);
}

TEST_F(ResolveServicesTest, OneArchiveServesAllHosts) {
  Read(absl::StrCat(kThreeHosts, R"(
services:
  s: {hosts: [a, b, c], command: [/usr/local/bin/x],
      archive: {url: "https://example.com/v1/x.tar.gz", members: {x: /usr/local/bin/x},
                sha256: E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}}
  t: {hosts: [c], command: [/usr/local/bin/y],
      archive: {url: "https://example.com/v2/x.tar.gz", members: {x: /usr/local/bin/y},
                sha256: {arm64: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}}}
)"));
  ASSERT_EQ(cluster_.service_archives.size(), 2u);
  EXPECT_EQ(cluster_.service_archives[0].second.path, "archives/s/x.tar.gz");
  EXPECT_EQ(cluster_.service_archives[1].second.path, "archives/t/x.tar.gz") << "the same name, another file";
  EXPECT_EQ(cluster_.service_archives[1].second.sha256.substr(0, 4), "ba78");
  EXPECT_EQ(cluster_.services[2].archive, 0);
  EXPECT_EQ(cluster_.services[3].archive, 1);
}

TEST_F(ResolveServicesTest, TheUnitHasWhatIsWritten) {
  Read(R"(
hosts: {w: {}}
ca: {CN: ca}
certs: {k: {hosts: [127.0.0.1]}}
etcd: {version: 3.4.15, cert: k}
services:
  first: {command: [/bin/first]}
  s:
    after: [first, etcd]
    user: app
    files: {/etc/s.conf: {content: x, on-change: reload}}
    certs: [{name: k, cert: /etc/s/cert.pem, key: /etc/s/key.pem}]
    dirs: {/var/lib/s: {}, /srv/s: {owner: "root:app", mode: 0770}}
    command: [/bin/s, --a, 50%, $HOME]
    environment: {A: "b c", EMPTY: ""}
    unit: {Service: {Restart: always, ExecStartPre: [/bin/a, /bin/b]}, Unit: {Documentation: "man:s"}}
)");
  const ServiceInstance& service = cluster_.services[1];
  EXPECT_EQ(service.unit,
            "[Unit]\n"
            "Description=s\n"
            "Wants=network-online.target\n"
            "After=network-online.target first.service etcd.service\n"
            "Documentation=man:s\n"
            "\n"
            "[Service]\n"
            "Type=exec\n"
            "ExecStart=/bin/s \\\n  --a 50%% \\\n  $$HOME\n"
            "Environment=\"A=b c\" EMPTY=\n"
            "User=app\n"
            "ExecReload=/bin/kill -HUP $MAINPID\n"
            "Restart=always\n"
            "RestartSec=5\n"
            "ExecStartPre=/bin/a\n"
            "ExecStartPre=/bin/b\n"
            "\n"
            "[Install]\n"
            "WantedBy=multi-user.target\n");
  EXPECT_EQ(service.user, "app");
  EXPECT_EQ(service.certificates[0].owner, "app");
  EXPECT_EQ(service.folders[0].owner, "app");
  EXPECT_EQ(service.folders[0].mode, 0755);
  EXPECT_FALSE(service.folders[0].any_owner);
  EXPECT_EQ(service.folders[1].owner, "root:app");
  EXPECT_EQ(service.folders[1].mode, 0770);
  EXPECT_EQ(service.files[0].owner, "") << "configuration is root's";
  EXPECT_EQ(service.environment, (std::vector<std::string>{"A=b c", "EMPTY="}));
}

TEST_F(ResolveServicesTest, ATimerStartsItsService) {
  Read(R"(
hosts: {w: {}}
ca: {CN: ca}
services:
  backup:
    command: [/bin/backup]
    units:
      backup.timer: {Timer: {OnCalendar: [daily, "Mon *-*-* 03:00"]}, Install: {WantedBy: timers.target}}
      a@.service: {Service: {ExecStart: "/bin/a %i"}}
  listener: {command: [/bin/l], units: {listener.socket: {Socket: {ListenStream: 80}}}}
  other: {command: [/bin/o], unit: {Service: {Type: notify}}, units: {elsewhere.timer: {Timer: {OnBootSec: 5}}}}
)");
  const ServiceInstance& backup = cluster_.services[0];
  EXPECT_TRUE(backup.by_unit);
  EXPECT_TRUE(absl::StrContains(backup.unit, "Type=oneshot\n"));
  EXPECT_FALSE(absl::StrContains(backup.unit, "[Install]"));
  ASSERT_EQ(backup.units.size(), 2u);
  EXPECT_EQ(backup.units[0].name, "a@.service") << "by name";
  EXPECT_EQ(backup.units[1].text,
            "[Timer]\nOnCalendar=daily\nOnCalendar=Mon *-*-* 03:00\n\n[Install]\nWantedBy=timers.target\n");
  EXPECT_TRUE(cluster_.services[1].by_unit);
  EXPECT_TRUE(absl::StrContains(cluster_.services[1].unit, "Type=exec\n"));
  EXPECT_FALSE(cluster_.services[2].by_unit);
  EXPECT_TRUE(absl::StrContains(cluster_.services[2].unit, "Type=notify\n"));
}

TEST_F(ResolveServicesTest, StrictServicesHaveAUserAndTheirFolders) {
  Read(R"(
hosts: {w: {}}
ca: {CN: ca}
services:
  s: {hardening: strict, command: [/bin/s], dirs: {/srv/s: {}, /var/lib/s: {mode: 0750}, /var/lib/t: {}}}
  t: {hardening: strict, user: app, command: [/bin/s]}
  u: {hardening: strict, command: [/bin/s], unit: {Service: {User: there, NoNewPrivileges: false}}}
)");
  const ServiceInstance& s = cluster_.services[0];
  EXPECT_EQ(s.user, "s");
  EXPECT_EQ(s.folders[0].owner, "s:s");
  EXPECT_TRUE(s.folders[1].any_owner);
  EXPECT_FALSE(s.folders[2].any_owner);
  for (const char* line : {"User=s\n", "StateDirectory=s\n", "StateDirectoryMode=0750\n",
                           "ReadWritePaths=/srv/s /var/lib/t\n", "NoNewPrivileges=yes\n"})
    EXPECT_TRUE(absl::StrContains(s.unit, line)) << line << s.unit;
  EXPECT_EQ(cluster_.services[1].user, "app");
  EXPECT_FALSE(absl::StrContains(cluster_.services[1].unit, "StateDirectory"));
  EXPECT_EQ(cluster_.services[2].user, "") << "who is there already is not made";
  EXPECT_TRUE(absl::StrContains(cluster_.services[2].unit, "NoNewPrivileges=false\n"));
  EXPECT_TRUE(absl::StrContains(cluster_.services[2].unit, "User=there\n"));
}

TEST_F(ResolveServicesTest, ChecksFindTheirCa) {
  Read(R"(
hosts: {w: {}}
cas: {root: {CN: root}, web: {CN: web, issuer: root}, clients: {CN: clients}}
certs:
  server: {ca: web, hosts: [127.0.0.1]}
  client: {ca: clients}
services:
  s:
    command: [/bin/s]
    checks:
      - systemd: active
      - tcp: "[::1]:8443"
      - https: {url: "https://127.0.0.1:8443/x?y=1", serves: server, cert: client, refuse: [wrong-ca, no-cert]}
      - https: {url: "https://127.0.0.1", serves: server, ca: root, status: 404}
      - https: {url: "https://[::1]", cert: client}
)");
  const std::vector<ServiceCheck>& checks = cluster_.services[0].checks;
  ASSERT_EQ(checks.size(), 5u);
  auto ca = [&](size_t i) { return cluster_.cas[checks[i].ca].name; };
  EXPECT_EQ(checks[1].target, "[::1]:8443");
  EXPECT_EQ(ca(2), "web");
  EXPECT_EQ(checks[2].refuse, (std::vector<std::string>{"no-cert", "wrong-ca"}));
  EXPECT_EQ(cluster_.certificates[checks[2].cert].name, "client");
  EXPECT_EQ(ca(3), "root") << "one above it";
  EXPECT_EQ(checks[3].status, 404);
  EXPECT_EQ(ca(4), "clients");
  EXPECT_EQ(checks[4].serves, -1);
}

// Its own address is another machine's here; what this machine asks of itself, or by a name, it goes on
// asking.
TEST_F(ResolveServicesTest, ChecksGoByWayOfTheHostWhereNothingElseLeadsThere) {
  const auto from_host = [&](const std::string& host, const std::string& check) {
    Read(absl::StrCat("hosts: {w: {", host,
                      "}}\nca: {CN: a}\nservices: {s: {command: [/bin/s], checks: [{https: {", check,
                      "}}]}}\n"));
    return cluster_.services[0].checks[0].from_host;
  };
  for (const char* own : {"127.0.0.1", "127.1.2.3", "[::1]", "localhost"}) {
    const std::string url = absl::StrCat("url: \"https://", own, ":1/\"");
    EXPECT_TRUE(from_host("ssh: w", url)) << own;
    EXPECT_FALSE(from_host("", url)) << own;
    EXPECT_FALSE(from_host("ssh: w", absl::StrCat(url, ", from: here"))) << own;
  }
  EXPECT_FALSE(from_host("ssh: w", "url: \"https://w.example/\""));
  EXPECT_TRUE(from_host("ssh: w", "url: \"https://w.example/\", from: host"));
}

TEST_F(ResolveServicesTest, SnapshotsAreAClusters) {
  const std::string cluster =
      "hosts: {a: {address: 10.0.0.1, ssh: a}}\nca: {CN: ca}\n"
      "certs: {k: {hosts: [10.0.0.1]}}\netcd: {version: 3.4.15, cert: k}\n";
  Read(cluster);
  EXPECT_EQ(cluster_.etcds[0].snapshots_kept, 0);
  Read(absl::StrCat(cluster, "rollout: {snapshot: before-restart}\n"));
  EXPECT_EQ(cluster_.etcds[0].snapshots_kept, 3);
  Read(absl::StrCat(cluster, "rollout: {snapshot: before-restart, keep-snapshots: 1}\n"));
  EXPECT_EQ(cluster_.etcds[0].snapshots_kept, 1);
}

// 10,000 hosts with certificates of their own: nothing is looked for twice.
TEST_F(ResolveServicesTest, ManyHosts) {
  std::string text = "ca: {CN: ca}\ncerts: {each: {per: host, hosts: [$name]}}\nhosts:\n", hosts;
  for (int i = 0; i < 10000; ++i) {
    absl::StrAppend(&text, "  h", i, ": {root: h", i, ", service-manager: none}\n");
    absl::StrAppend(&hosts, i == 0 ? "" : ", ", "h", i);
  }
  absl::StrAppend(&text, "services:\n  s: {hosts: [", hosts,
                  "], command: [/bin/s], certs: [{name: each, cert: /etc/c, key: /etc/k}]}\n");
  Read(text);
  ASSERT_EQ(cluster_.services.size(), 10000u);
  EXPECT_EQ(cluster_.services[9999].rollout_after, 9998);
  EXPECT_EQ(cluster_.certificates[cluster_.services[9999].certificates[0].cert].name, "h9999/each");
}

}  // namespace
}  // namespace kplan
