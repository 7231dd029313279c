#include "src/spec/reference.h"

#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/spec/key_help.h"

namespace kplan {
namespace {

std::string Doc() {
  std::ifstream in("docs/cluster-yaml.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Reference, IsWhatTheTableSays) {
  absl::StatusOr<std::string> today = WithKeyTables(Doc());
  ASSERT_TRUE(today.ok()) << today.status();
  EXPECT_EQ(Doc(), *today) << "When this is what you want: bazel run //src/spec:reference_test.update";
}

TEST(Reference, HasEveryKeyAndItsSection) {
  std::string doc = Doc();
  EXPECT_TRUE(absl::StrContains(doc, KeyRows(kClusterSchema)));
  std::set<std::string> anchors;
  for (size_t at = 0; (at = doc.find("\n#", at)) != std::string::npos; ++at) {
    size_t begin = doc.find(' ', at) + 1;
    anchors.insert(Anchor(doc.substr(begin, doc.find('\n', begin) - begin)));
  }
  for (const KeyPlace& place : AllKeys()) {
    SCOPED_TRACE(place.path);
    const MapSchema* map = place.key->map;
    if (map == nullptr || map->section.empty()) continue;
    EXPECT_EQ(anchors.count(Anchor(map->section)), 1) << "no heading " << map->section;
    EXPECT_TRUE(absl::StrContains(doc, KeyRows(*map))) << "no table of its keys";
  }
}

TEST(Reference, PutsTablesBetweenItsMarks) {
  absl::StatusOr<std::string> doc = WithKeyTables("a\n<!-- keys: key -->\nold\n<!-- end -->\nb\n");
  ASSERT_TRUE(doc.ok());
  EXPECT_TRUE(
      absl::StartsWith(*doc, "a\n<!-- keys: key -->\n| key | value | default |\n|---|---|---|\n| `algo` | "));
  EXPECT_TRUE(absl::EndsWith(*doc, " |\n<!-- end -->\nb\n"));
  EXPECT_FALSE(absl::StrContains(*doc, "old"));
  EXPECT_EQ(*WithKeyTables(*doc), *doc) << "again: nothing new";

  EXPECT_FALSE(WithKeyTables("<!-- keys: host -->\n").ok()) << "without an end";
  EXPECT_FALSE(WithKeyTables("<!-- keys: hots -->\n<!-- end -->\n").ok());
  EXPECT_EQ(Anchor("ca, cas.NAME"), "ca-casname");
}

}  // namespace
}  // namespace kplan
