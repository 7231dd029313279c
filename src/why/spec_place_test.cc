#include "src/why/spec_place.h"

#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"

namespace kplan {
namespace {

constexpr char kSpec[] = R"(
hosts: {a: {}}
ca: {CN: ca}
certs: {web: {hosts: [a]}}
etcd: {version: 3.4.15, cert: web, archive: {url: x}}
services:
  web:
    archive: {url: x, members: {web-1/web: /usr/local/bin/web}}
    files: {/etc/web/web.conf: {content: x}}
    certs: [{name: web, cert: /etc/web/web.pem}]
    dirs: {/var/lib/web: {}}
    user: keeper
    command: [/usr/local/bin/web]
    units: {web-backup.timer: {Timer: {OnCalendar: daily}}}
    checks: [{systemd: active}]
  job:
    command: [/bin/true]
)";

std::string PlaceOf(const std::string& label) {
  SourceFile source("cluster.yaml", kSpec);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  EXPECT_TRUE(tree.Parse(&diagnostics)) << diagnostics.Format(false);
  return PlaceOfLabel(tree.root(), label).path;
}

TEST(SpecPlace, OfServices) {
  const struct {
    const char *label, *path;
  } labels[] = {
      {"archive/web", "services.web.archive"},
      {"unpack/web-amd64", "services.web.archive"},
      {"source/web/etc/web/web.conf", "services.web.files.\"/etc/web/web.conf\""},
      {"render/a/etc/web/web.conf", "services.web.files.\"/etc/web/web.conf\""},
      {"file/a/etc/web/web.conf", "services.web.files.\"/etc/web/web.conf\""},
      {"file/a/etc/web/web.pem", "services.web.certs"},
      {"file/a/usr/local/bin/web", "services.web.archive"},
      {"dir/a/var/lib/web", "services.web.dirs.\"/var/lib/web\""},
      {"user/a/keeper", "services.web.user"},
      {"file/a/etc/sysusers.d/keeper.conf", "services.web.user"},
      {"unit/a/web", "services.web"},
      {"render/a/etc/systemd/system/job.service", "services.job"},
      {"unit/a/web-backup.timer", "services.web.units.\"web-backup.timer\""},
      {"service/a/web-backup.timer", "services.web.units.\"web-backup.timer\""},
      {"service/a/web", "services.web"},
      {"verify/a/web", "services.web.checks"},
      {"verify/a/job", "services.job"},
  };
  for (const auto& it : labels) EXPECT_EQ(PlaceOf(it.label), it.path) << it.label;
}

TEST(SpecPlace, OfTheOthers) {
  const struct {
    const char *label, *path;
  } labels[] = {{"ca/cert", "ca"},
                {"cert/web", "certs.web"},
                {"host/a", "hosts.a"},
                {"archive/etcd", "etcd.archive"},
                {"service/a/etcd", "etcd"},
                {"verify/etcd", "etcd"},
                {"file/a/etc/etcd/web.pem", "etcd"},
                {"dir/a/var/lib/etcd", "etcd"}};
  for (const auto& it : labels) EXPECT_EQ(PlaceOf(it.label), it.path) << it.label;
}

}  // namespace
}  // namespace kplan
