// What gen writes, as the disk sees it. What it writes is in the golden files of examples/.

#include "src/gen/generate.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/disk_testing.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Not;
using testing::StartsWith;

class GenerateTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = absl::StrCat(testing::TempDir(), "/generate.XXXXXX");
    ASSERT_NE(mkdtemp(&folder[0]), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
  }

  // HOSTS hosts with one certificate each, whose common name ends with GENERATION.
  static absl::StatusOr<Written> Gen(int hosts, int generation) {
    std::string spec = "hosts:\n";
    for (int i = 0; i < hosts; ++i)
      absl::StrAppend(&spec, "  h", i, ": {root: roots/h", i, ", service-manager: none}\n");
    absl::StrAppend(&spec, "ca: {CN: ca}\ncerts:\n  server: {per: host, CN: $name-", generation,
                    ", hosts: [$name]}\n");
    const SpecFile file = SpecFile::CompileText("cluster.yaml", spec);
    EXPECT_NE(file.compiled(), nullptr) << file.diagnostics().Format(false);
    NinjaOptions options;
    options.kplan = "kplan";
    options.spec = "cluster.yaml";
    return WriteGenerated(*file.compiled(), options);
  }
};

TEST_F(GenerateTest, NothingButTheStampGetsItsNameBeforeItIsOnTheDisk) {
  for (int hosts : {1, 30}) {
    for (int generation : {1, 2}) {
      WatchedDisk disk;
      ASSERT_TRUE(Gen(hosts, generation).ok());
      EXPECT_THAT(disk.renamed_unsynced(), ElementsAre(EndsWith(paths::kGenStamp)))
          << hosts << " " << generation;
      EXPECT_THAT(disk.unsynced_folders(), ElementsAre(".kplan")) << "where the stamp is";
    }
  }
}

TEST_F(GenerateTest, TheStubIsOnTheDiskBeforeAnyRecordAndTheRecordsBeforeBuildNinja) {
  ASSERT_TRUE(Gen(1, 1).ok());
  WatchedDisk disk;
  ASSERT_TRUE(Gen(1, 2).ok());
  std::vector<std::string> order;
  for (const std::string& call : disk.calls()) {
    if (absl::StartsWith(call, "rename ") || absl::StartsWith(call, "sync .build.ninja"))
      order.push_back(call);
  }
  const std::string ninja = "rename .build.ninja.kplan-tmp build.ninja";
  ASSERT_GE(order.size(), 6u);
  EXPECT_EQ(order[0], "sync .build.ninja.kplan-tmp");
  EXPECT_EQ(order[1], ninja);
  EXPECT_EQ(order[order.size() - 3], "sync .build.ninja.kplan-tmp");
  EXPECT_EQ(order[order.size() - 2], ninja);
  EXPECT_EQ(order.back(), "rename .gen.stamp.kplan-tmp gen.stamp");
  const std::vector<std::string> between(order.begin() + 2, order.end() - 3);
  EXPECT_THAT(between, Each(StartsWith("rename ")));
  EXPECT_THAT(between, testing::Contains("rename .h0.json.kplan-tmp h0.json"));
}

TEST_F(GenerateTest, AnUnchangedFolderIsNotWrittenTo) {
  ASSERT_TRUE(Gen(3, 1).ok());
  WatchedDisk disk;
  absl::StatusOr<Written> written = Gen(3, 1);
  ASSERT_TRUE(written.ok());
  EXPECT_FALSE(written->changed);
  EXPECT_THAT(disk.calls(), Each(Not(StartsWith("open "))));
}

// Ninja has read the stub, which was left by a kill, and the spec is again what it was: build.ninja becomes
// the very one that the stamp was written for.
TEST_F(GenerateTest, TheStampIsNewWheneverBuildNinjaIs) {
  ASSERT_TRUE(Gen(1, 1).ok());
  absl::StatusOr<std::string> stamp = ReadFile(paths::kGenStamp);
  ASSERT_TRUE(stamp.ok());
  ASSERT_TRUE(WriteFile(paths::kBuildNinja, "# a stub\n", 0644).ok());
  WatchedDisk disk;
  ASSERT_TRUE(Gen(1, 1).ok());
  EXPECT_THAT(disk.calls(), testing::Contains("rename .gen.stamp.kplan-tmp gen.stamp"));
  EXPECT_EQ(ReadFile(paths::kGenStamp).value_or(""), *stamp);
}

TEST_F(GenerateTest, AnEmptyStampIsWrittenAgain) {
  ASSERT_TRUE(Gen(1, 1).ok());
  ASSERT_TRUE(WriteFile(paths::kGenStamp, "", 0644).ok());
  absl::StatusOr<Written> written = Gen(1, 1);
  ASSERT_TRUE(written.ok());
  EXPECT_TRUE(written->changed);
  EXPECT_EQ(ReadFile(paths::kGenStamp).value_or("").size(), 65u);
}

}  // namespace
}  // namespace kplan
