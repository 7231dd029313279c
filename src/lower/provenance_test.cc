// The key of cluster.yaml that each step is made for.

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/lower/compile.h"
#include "src/spec/yaml_path.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

constexpr char kSha256[] = "3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81";

// The paths of the keys that the steps of TEXT are made for, by label.
std::map<std::string, std::string> PathsIn(const std::string& text) {
  std::map<std::string, std::string> paths;
  SpecFile file = SpecFile::CompileText("cluster.yaml", text);
  EXPECT_NE(file.compiled(), nullptr) << file.diagnostics().Format(false);
  SourceFile source("cluster.yaml", text);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  EXPECT_TRUE(tree.Parse(&diagnostics));
  if (file.compiled() == nullptr) return paths;
  for (const Step& step : file.compiled()->graph.steps()) {
    EXPECT_TRUE(step.made_for.known()) << step.label;
    paths[step.label] = PathOfKey(tree.root(), step.made_for);
  }
  return paths;
}

TEST(Provenance, OfAServiceAndOfOneMember) {
  const std::map<std::string, std::string> paths = PathsIn(std::string(R"(
hosts: {a: {}}
ca: {CN: ca, crl-expiry: 168h}
cas: {other: {CN: other}}
certs:
  etcd: {hosts: [127.0.0.1]}
  web: {ca: other, hosts: [a], files: [chain]}
etcd: {version: 3.4.15, cert: etcd}
services:
  web:
    archive: {url: "https://x/web.tar.gz", sha256: )") + kSha256 +
                                                           R"(, members: {web-1/web: /usr/local/bin/web}}
    files: {/etc/web/web.conf: {content: x}, /etc/web/given: {from: given}}
    certs: [{name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem}]
    dirs: {/var/lib/web: {}}
    user: keeper
    command: [/usr/local/bin/web]
    units: {web-backup.timer: {Timer: {OnCalendar: daily, Unit: web.service}}}
    checks: [{systemd: active}]
  job:
    hardening: strict
    command: [/bin/true]
    unit: {Service: {Nice: 1}}
)");
  const std::map<std::string, std::string> expected = {
      {"ca/key", "ca"},
      {"ca/csr", "ca"},
      {"ca/cert", "ca"},
      {"ca/crl", "ca"},
      {"ca/other/key", "cas.other"},
      {"ca/other/csr", "cas.other"},
      {"ca/other/cert", "cas.other"},
      {"key/etcd", "certs.etcd"},
      {"csr/etcd", "certs.etcd"},
      {"cert/etcd", "certs.etcd"},
      {"key/web", "certs.web"},
      {"csr/web", "certs.web"},
      {"cert/web", "certs.web"},
      {"chain/web", "certs.web"},
      {"archive/web", "services.web.archive"},
      {"unpack/web", "services.web.archive"},
      {"source/web/etc/web/given", "services.web.files.\"/etc/web/given\""},
      {"render/a/etc/web/web.conf", "services.web.files.\"/etc/web/web.conf\""},
      {"file/a/etc/web/web.conf", "services.web.files.\"/etc/web/web.conf\""},
      {"file/a/etc/web/given", "services.web.files.\"/etc/web/given\""},
      {"file/a/etc/web/web.pem", "services.web.certs"},
      {"file/a/usr/local/bin/web", "services.web.archive"},
      {"dir/a/var/lib/web", "services.web.dirs.\"/var/lib/web\""},
      {"render/a/etc/sysusers.d/keeper.conf", "services.web.user"},
      {"file/a/etc/sysusers.d/keeper.conf", "services.web.user"},
      {"user/a/keeper", "services.web.user"},
      {"render/a/etc/systemd/system/web.service", "services.web"},
      {"unit/a/web", "services.web"},
      {"render/a/etc/systemd/system/web-backup.timer", "services.web.units.\"web-backup.timer\""},
      {"unit/a/web-backup.timer", "services.web.units.\"web-backup.timer\""},
      {"service/a/web-backup.timer", "services.web.units.\"web-backup.timer\""},
      {"service/a/web", "services.web"},
      {"verify/a/web", "services.web.checks"},
      {"render/a/etc/sysusers.d/job.conf", "services.job"},
      {"file/a/etc/sysusers.d/job.conf", "services.job"},
      {"user/a/job", "services.job"},
      {"render/a/etc/systemd/system/job.service", "services.job.unit"},
      {"unit/a/job", "services.job.unit"},
      {"service/a/job", "services.job.unit"},
      {"archive/etcd", "etcd"},
      {"unpack/etcd", "etcd"},
      {"render/a/etc/systemd/system/etcd.service", "etcd"},
      {"file/a/etc/etcd/ca.pem", "etcd"},
      {"file/a/etc/etcd/ca.crl", "etcd"},
      {"file/a/etc/etcd/etcd.pem", "etcd"},
      {"file/a/usr/local/bin/etcd", "etcd"},
      {"file/a/usr/local/bin/etcdctl", "etcd"},
      {"dir/a/var/lib/etcd", "etcd"},
      {"unit/a/etcd", "etcd"},
      {"service/a/etcd", "etcd"},
      {"verify/etcd", "etcd"},
  };
  for (const auto& [label, path] : expected) {
    auto found = paths.find(label);
    ASSERT_NE(found, paths.end()) << label;
    EXPECT_EQ(found->second, path) << label;
  }
  for (const auto& [label, path] : paths) EXPECT_EQ(expected.count(label), 1u) << label << ": " << path;
}

TEST(Provenance, OfACluster) {
  const std::map<std::string, std::string> paths = PathsIn(std::string(R"(
hosts:
  e1: {address: 10.0.0.1, ssh: 10.0.0.1}
  e2: {address: 10.0.0.2, ssh: 10.0.0.2}
  e3: {address: 10.0.0.3, ssh: 10.0.0.3}
ca: {CN: ca}
cas: {ca2: {CN: ca2, key: {algo: ecdsa}}}
certs:
  server: {per: host, hosts: [$name, $address]}
  root: {}
etcd:
  version: 3.4.15
  archive: {url: "https://x/etcd.tar.gz", sha256: )") + kSha256 +
                                                           R"(}
  members: [e1, e2, e3]
  tls: {server: server, peer: server, client: root}
)");
  const std::map<std::string, std::string> expected = {
      {"host/e2", "hosts.e2"},
      {"send/e2", "hosts.e2"},
      {"cert/e2/server", "certs.server"},
      {"key/root", "certs.root"},
      {"archive/etcd", "etcd.archive"},
      {"unpack/etcd", "etcd.archive"},
      {"render/e1/etc/etcd/bootstrap.env", "etcd"},
      {"file/e1/etc/etcd/bootstrap.env", "etcd"},
      {"survey/etcd", "etcd"},
      {"rollout/etcd", "etcd"},
      {"verify/etcd", "etcd"},
  };
  for (const auto& [label, path] : expected) {
    auto found = paths.find(label);
    ASSERT_NE(found, paths.end()) << label;
    EXPECT_EQ(found->second, path) << label;
  }
}

}  // namespace
}  // namespace kplan
