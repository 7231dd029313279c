#include "src/look/spec_history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/disk_testing.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

class SpecHistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = absl::StrCat(testing::TempDir(), "/spec_history.XXXXXX");
    ASSERT_NE(mkdtemp(&folder[0]), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
  }

  static void Remember(const std::string& text, int64_t at, const std::string& path = "cluster.yaml") {
    absl::Status status = SpecHistory::Remember(path, text, at);
    ASSERT_TRUE(status.ok()) << status;
  }

  static SpecHistory Load() {
    absl::StatusOr<SpecHistory> history = SpecHistory::Load();
    EXPECT_TRUE(history.ok()) << history.status();
    return history.value_or(SpecHistory());
  }

  // "path@at=text" of each version, the newest first.
  static std::vector<std::string> Versions() {
    std::vector<std::string> versions;
    SpecHistory history = Load();
    for (const SpecVersion& version : history.versions()) {
      versions.push_back(absl::StrCat(version.path, "@", version.at, "=", version.text));
    }
    return versions;
  }

  static std::set<std::string> Files() {
    std::set<std::string> files;
    DIR* folder = opendir(paths::kSpecs);
    if (folder == nullptr) return files;
    while (struct dirent* entry = readdir(folder)) {
      if (entry->d_name[0] != '.' || entry->d_name[1] == 's') files.insert(entry->d_name);
    }
    closedir(folder);
    return files;
  }

  static void Put(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteFile(absl::StrCat(paths::kSpecs, "/", name), content, 0644).ok());
  }

  using List = std::vector<std::string>;
};

TEST_F(SpecHistoryTest, NoneIsEmpty) {
  EXPECT_EQ(Versions(), List());
  EXPECT_EQ(Load().path(), "");
  EXPECT_EQ(Load().path(), "");
}

TEST_F(SpecHistoryTest, TheNewestComesFirst) {
  Remember("a: 1\n", 1000);
  Remember("a: 2\n", 2000, "../specs/prod.yaml");
  Remember("", 1500);  // an empty text is one too, and clocks go back
  EXPECT_EQ(Versions(),
            (List{"cluster.yaml@1500=", "../specs/prod.yaml@2000=a: 2\n", "cluster.yaml@1000=a: 1\n"}));
}

TEST_F(SpecHistoryTest, TheSameTextOfTheSamePathWritesNothing) {
  Remember("a: 1\n", 1000);
  // A write would make a name in the folder, and that the folder's time.
  struct timespec past[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, paths::kSpecs, past, 0), 0);
  Remember("a: 1\n", 2000);
  struct stat info;
  ASSERT_EQ(stat(paths::kSpecs, &info), 0);
  EXPECT_EQ(info.st_mtime, 1000);
  EXPECT_EQ(Versions(), List{"cluster.yaml@1000=a: 1\n"});
  // The same text of another path is another version, and one that came back is one again.
  Remember("a: 1\n", 3000, "b.yaml");
  Remember("a: 1\n", 4000);
  EXPECT_EQ(Versions().size(), 3u);
}

TEST_F(SpecHistoryTest, TextsOfAnyBytesComeBackAsTheyAre) {
  for (const std::string& text :
       {std::string("\n\n{\"at\":1}\n"), std::string("a\0b\xff", 4), std::string("no end")}) {
    Remember(text, 1, "a \"quoted\" n\xC3\xA4me.yaml");
    EXPECT_EQ(Load().versions()[0].text, text);
    EXPECT_EQ(Load().path(), "a \"quoted\" n\xC3\xA4me.yaml");
  }
}

TEST_F(SpecHistoryTest, TheOldestGoWhenThereAreTooMany) {
  for (int i = 1; i <= 25; ++i) Remember(absl::StrCat("a: ", i), i);
  List versions = Versions();
  ASSERT_EQ(versions.size(), SpecHistory::kKept);
  EXPECT_EQ(versions.front(), "cluster.yaml@25=a: 25");
  EXPECT_EQ(versions.back(), "cluster.yaml@16=a: 16");
  EXPECT_EQ(Files().size(), SpecHistory::kKept);
}

// 9 and 10: the order is that of numbers, not of names.
TEST_F(SpecHistoryTest, OrderIsByNumber) {
  for (int i = 1; i <= 11; ++i) Remember(absl::StrCat("a: ", i), i);
  EXPECT_EQ(Load().versions()[0].text, "a: 11");
  EXPECT_EQ(Load().versions()[2].text, "a: 9");
}

TEST_F(SpecHistoryTest, TornAndForeignFilesAreAsIfTheyWereNotThere) {
  Remember("a: 1\n", 1000);
  Put("2", "");
  Put("3", "{\"at\":1,\"path\":\"cluster.yaml\",\"size\":9}\na: 1\n");  // torn
  Put("4", "{\"at\":1,\"path\":\"cluster.yaml\",\"size\":2}\na: 1\n");  // grown
  Put("5", "{\"at\":1,\"path\":\"cluster.yaml\",\"size\":5}a: 1\n");    // no line
  Put("6", "{\"at\":\"x\",\"path\":\"cluster.yaml\",\"size\":5}\na: 1\n");
  Put("7", "{\"at\":1,\"path\":\"\",\"size\":5}\na: 1\n");
  Put("8", "{\"at\":1,\"path\":\"a\\nb\\u001b[2J\",\"size\":5}\na: 1\n");  // would write on the terminal
  Put("9", "{\"at\":1,\"path\":\"x\",\"size\":-1}\na: 1\n");
  Put("10", "[1]\n");
  Put("11", std::string(100000, '{'));
  Put("012", "{\"at\":1,\"path\":\"x\",\"size\":5}\na: 1\n");
  Put("13x", "{\"at\":1,\"path\":\"x\",\"size\":5}\na: 1\n");
  Put("-14", "{\"at\":1,\"path\":\"x\",\"size\":5}\na: 1\n");
  Put("99999999999999999999", "{\"at\":1,\"path\":\"x\",\"size\":5}\na: 1\n");
  EXPECT_EQ(Versions(), List{"cluster.yaml@1000=a: 1\n"});
  // The newest is not the same, so it is written: once.
  Remember("a: 1\n", 2000);
  Remember("a: 1\n", 3000);
  EXPECT_EQ(Versions()[0], "cluster.yaml@2000=a: 1\n");
  EXPECT_EQ(Files().count("12"), 1u);
  EXPECT_EQ(Files().count("13"), 0u);
  EXPECT_EQ(Files().count("012"), 1u) << "what is not ours stays";
}

TEST_F(SpecHistoryTest, LinksFoldersAndPipesAreNotRead) {
  Remember("a: 1\n", 1000);
  ASSERT_EQ(symlink("1", paths::SavedSpec(2).c_str()), 0);
  ASSERT_EQ(symlink("/dev/zero", paths::SavedSpec(3).c_str()), 0);
  ASSERT_EQ(mkfifo(paths::SavedSpec(4).c_str(), 0644), 0);
  ASSERT_EQ(mkdir(paths::SavedSpec(5).c_str(), 0755), 0);
  EXPECT_EQ(Versions(), List{"cluster.yaml@1000=a: 1\n"});
  for (int i = 1; i <= 12; ++i) Remember(absl::StrCat("a: ", i), i);
  EXPECT_EQ(Versions().size(), SpecHistory::kKept);
  EXPECT_EQ(Files().count("5"), 1u) << "a folder stays";
  EXPECT_EQ(Files().count("3"), 0u);
}

TEST_F(SpecHistoryTest, HugeFilesAreNotRead) {
  Remember("a: 1\n", 1000);
  // Sparse: as long as it says, and longer than any cluster.yaml.
  std::string header = absl::StrCat("{\"at\":1,\"path\":\"x\",\"size\":", YamlTree::kMaxBytes + 1, "}\n");
  Put("2", header);
  ASSERT_EQ(truncate(paths::SavedSpec(2).c_str(), header.size() + YamlTree::kMaxBytes + 1), 0);
  Put("3", "{\"at\":1,\"path\":\"x\",\"size\":5}\n");
  ASSERT_EQ(truncate(paths::SavedSpec(3).c_str(), int64_t{1} << 40), 0);
  EXPECT_EQ(Load().versions().size(), 1u);
  EXPECT_FALSE(SpecHistory::Remember("x", std::string(YamlTree::kMaxBytes + 1, 'x'), 1).ok());
}

TEST_F(SpecHistoryTest, NothingFitsBehindTheLastNumber) {
  Put("999999999999", "{\"at\":1,\"path\":\"x\",\"size\":5}\na: 1\n");
  Remember("a: 2\n", 2);
  EXPECT_EQ(Versions(), List{"cluster.yaml@2=a: 2\n"});
}

TEST_F(SpecHistoryTest, APathThatIsNoneIsRefused) {
  for (const std::string& path : {std::string(), std::string("a\nb"), std::string("a\0b", 3),
                                  std::string("\xff"), std::string(5000, 'a')}) {
    EXPECT_EQ(SpecHistory::Remember(path, "a: 1", 1).code(), absl::StatusCode::kInvalidArgument) << path;
  }
  EXPECT_EQ(Versions(), List());
}

TEST_F(SpecHistoryTest, AWriteThatFailsIsAnErrorAndLeavesTheVersionsAsTheyWere) {
  Remember("a: 1\n", 1000);
  // As a full disk does, whoever runs this test.
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit old_limit, limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  limit = old_limit;
  limit.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  absl::Status status = SpecHistory::Remember("cluster.yaml", std::string(100000, '#'), 2000);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(Versions(), List{"cluster.yaml@1000=a: 1\n"});
  EXPECT_EQ(Files(), std::set<std::string>{"1"});
}

// A folder where a version, or the folder of all, cannot be read: not the same as one where there is none.
TEST_F(SpecHistoryTest, WhatCannotBeReadIsAnErrorAndNotWrittenOver) {
  Remember("a: 1\n", 1000);
  {
    WatchedDisk disk([](absl::string_view call) { return call == "read 1" ? EIO : 0; });
    EXPECT_THAT(std::string(SpecHistory::Load().status().message()),
                testing::HasSubstr("Input/output error"));
    EXPECT_FALSE(SpecHistory::Remember("cluster.yaml", "a: 2\n", 2000).ok());
  }
  ASSERT_EQ(rename(paths::kSpecs, ".kplan/moved"), 0);
  ASSERT_TRUE(WriteFile(paths::kSpecs, "in the way", 0644).ok());
  EXPECT_THAT(std::string(SpecHistory::Load().status().message()),
              testing::HasSubstr(".kplan/specs: Not a directory"));
  EXPECT_FALSE(SpecHistory::Remember("cluster.yaml", "a: 2\n", 2000).ok());
}

// What a kill leaves behind: a temporary file, or one version more than is kept.
TEST_F(SpecHistoryTest, WhatAKillLeavesBehindIsCleanedUpByTheNext) {
  for (int i = 1; i <= 10; ++i) Remember(absl::StrCat("a: ", i), i);
  Put("11", "{\"at\":11,\"path\":\"cluster.yaml\",\"size\":5}\na: 11");
  Put(".12.kplan-tmp", "{\"at\":1");
  EXPECT_EQ(Versions().size(), SpecHistory::kKept);
  Remember("a: 12", 12);
  EXPECT_EQ(Versions()[0], "cluster.yaml@12=a: 12");
  EXPECT_EQ(Files().size(), SpecHistory::kKept);
  EXPECT_NE(access(absl::StrCat(paths::kSpecs, "/.12.kplan-tmp").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace kplan
