#include "src/spec/yaml_path.h"

#include <functional>
#include <set>

#include "gtest/gtest.h"
#include "src/base/diagnostic.h"

namespace kplan {
namespace {

constexpr char kSpec[] = R"(
hosts: {a: {}, "b c": {}}
ca: {CN: ca}
certs: &certs {web: {hosts: [a]}}
services:
  web: {files: {/etc/web.conf: {content: x}}, certs: [{name: web}]}
  job: {units: {web-backup.timer: {Timer: {OnCalendar: daily}}}}
again: *certs
)";

TEST(PathOfKey, OfEveryKey) {
  SourceFile source("cluster.yaml", kSpec);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  ASSERT_TRUE(tree.Parse(&diagnostics)) << diagnostics.Format(false);
  std::set<std::string> paths;
  std::function<void(const YamlNode&)> visit = [&](const YamlNode& node) {
    for (const YamlNode::Entry& entry : node.entries) {
      const std::string path = PathOfKey(tree.root(), entry.key_range);
      EXPECT_FALSE(path.empty()) << entry.key;
      paths.insert(path);
      visit(*entry.value);
    }
  };
  visit(tree.root());
  for (const char* path : {"hosts", "hosts.a", "hosts.\"b c\"", "ca.CN", "certs.web.hosts",
                           "services.web.files.\"/etc/web.conf\"", "services.web.certs",
                           "services.job.units.\"web-backup.timer\".Timer", "again"}) {
    EXPECT_EQ(paths.count(path), 1u) << path;
  }
  EXPECT_EQ(paths.count("again.web"), 0u) << "it stands where the anchor is";
}

TEST(PathOfKey, NowhereIsNoPath) {
  SourceFile source("cluster.yaml", kSpec);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  ASSERT_TRUE(tree.Parse(&diagnostics));
  EXPECT_EQ(PathOfKey(tree.root(), Range()), "");
  EXPECT_EQ(PathOfKey(tree.root(), Range{2, 3}), "");
}

}  // namespace
}  // namespace kplan
