// What an import puts in place, as the disk sees it.

#include "src/importer/import_place.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/disk_testing.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ImportPlaceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/import_place.XXXXXX");
    ASSERT_NE(mkdtemp(&folder_[0]), nullptr);
  }

  const std::vector<ImportedFile> files_ = {
      {"pki/ca-key.pem", "key", 0600}, {"pki/ca.pem", "certificate", 0644}, {"cluster.yaml", "spec", 0644}};
  std::string folder_;
};

TEST_F(ImportPlaceTest, EveryFileIsOnTheDiskBeforeItsNameAndTheSpecLast) {
  WatchedDisk disk;
  ASSERT_TRUE(PutInPlace(folder_, files_).ok());
  EXPECT_THAT(disk.renamed_unsynced(), IsEmpty());
  EXPECT_THAT(disk.unsynced_folders(), IsEmpty());
  std::vector<std::string> renames;
  for (const std::string& call : disk.calls()) {
    if (absl::StartsWith(call, "rename ")) renames.push_back(call);
  }
  ASSERT_EQ(renames.size(), 3u);
  EXPECT_THAT(renames.back(), HasSubstr(" cluster.yaml"));
}

TEST_F(ImportPlaceTest, AnErrorSaysItsReasonAndTakesAllAwayAgain) {
  WatchedDisk disk(
      [](absl::string_view call) { return call == "sync .cluster.yaml.kplan-tmp" ? EDQUOT : 0; });
  EXPECT_THAT(std::string(PutInPlace(folder_, files_).message()), HasSubstr("Disk quota exceeded"));
  EXPECT_EQ(rmdir(folder_.c_str()), 0) << "it is as empty as it was";
}

}  // namespace
}  // namespace kplan
