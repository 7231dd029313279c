#include "src/model/start_timeout.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"

namespace kplan {
namespace {

using testing::HasSubstr;

Unit UnitWith(const std::string& key, const std::string& value) {
  Unit unit;
  unit.sections = {{"Service", {{"Type", {"notify"}}}}};
  if (!key.empty()) unit.Set("Service", key, value);
  return unit;
}

int Of(const std::string& key, const std::string& value) {
  const SourceFile source("cluster.yaml", "");
  Diagnostics diagnostics(&source);
  return StartTimeoutOf(Text(), UnitWith(key, value), &diagnostics);
}

TEST(StartTimeoutOf, FollowsTheUnit) {
  EXPECT_EQ(Of("", ""), 90);
  EXPECT_EQ(Of("TimeoutStartSec", "200"), 200);
  EXPECT_EQ(Of("TimeoutStartSec", "5min 20s"), 320);
  EXPECT_EQ(Of("TimeoutStartSec", "150500ms"), 151);
  EXPECT_EQ(Of("TimeoutSec", "3min"), 180);
  EXPECT_EQ(Of("TimeoutStopSec", "3min"), 90);
}

TEST(StartTimeoutOf, NeverLessAndNeverForEver) {
  EXPECT_EQ(Of("TimeoutStartSec", "10"), 90);
  for (const char* forever : {"infinity", "0", "2h"})
    EXPECT_EQ(Of("TimeoutStartSec", forever), 3600) << forever;
  for (const char* nothing : {"", "soon"}) EXPECT_EQ(Of("TimeoutStartSec", nothing), 90) << nothing;
}

TEST(StartTimeoutOf, TheKeySaysMore) {
  const std::string yaml = "start-timeout: 20s\n";
  const SourceFile source("cluster.yaml", yaml);
  Diagnostics diagnostics(&source);
  Text key;
  key.value = "20s";
  key.range = {15, 18};
  EXPECT_EQ(StartTimeoutOf(key, UnitWith("TimeoutStartSec", "200"), &diagnostics), 20);
  key.value = "24h";
  EXPECT_EQ(StartTimeoutOf(key, UnitWith("TimeoutStartSec", "200"), &diagnostics), 86400);
  EXPECT_FALSE(diagnostics.has_errors());
  for (const char* wrong : {"0s", "25h", "soon"}) {
    Diagnostics refused(&source);
    key.value = wrong;
    StartTimeoutOf(key, UnitWith("", ""), &refused);
    EXPECT_TRUE(refused.has_errors()) << wrong;
  }
}

}  // namespace
}  // namespace kplan
