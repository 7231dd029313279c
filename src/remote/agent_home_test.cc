#include "src/remote/agent_home.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class AgentHomeTest : public testing::Test {
 protected:
  AgentHomeTest() {
    std::string name = testing::TempDir() + "/homeXXXXXX";
    folder_ = mkdtemp(&name[0]);
    home_folder_ = folder_ + "/home";
    fs::create_directory(home_folder_);
  }
  ~AgentHomeTest() override { fs::remove_all(folder_); }

  AgentHome Open() {
    absl::StatusOr<AgentHome> home = AgentHome::Open(home_folder_);
    EXPECT_TRUE(home.ok()) << home.status();
    return *std::move(home);
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info;
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  static SentFile FileOf(const std::string& target, const std::string& content) {
    return {"pki/x", target, static_cast<int64_t>(content.size()), Sha256Hex(content)};
  }
  static size_t CountIn(const std::string& folder) {
    size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) n += entry.is_regular_file();
    return n;
  }

  std::string folder_, home_folder_;
};

TEST_F(AgentHomeTest, IsForUsAlone) {
  ASSERT_EQ(chmod(home_folder_.c_str(), 0755), 0);
  Open();
  EXPECT_EQ(ModeOf(home_folder_), mode_t{0700});
  fs::create_directory_symlink(home_folder_, folder_ + "/link");
  EXPECT_TRUE(absl::IsFailedPrecondition(AgentHome::Open(folder_ + "/link").status()));
  ASSERT_TRUE(WriteFile(folder_ + "/file", "", 0600).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(AgentHome::Open(folder_ + "/file").status()));
  EXPECT_TRUE(absl::IsNotFound(AgentHome::Open(folder_ + "/none").status()));
}

TEST_F(AgentHomeTest, AClaimIsForOneHostOfOneCluster) {
  const AgentHome home = Open();
  absl::StatusOr<std::string> id = home.Claim("prod", "h1", "/srv/a");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->size(), 16u);
  EXPECT_EQ(*home.Claim("prod", "h1", "/srv/a"), *id);
  EXPECT_EQ(*home.Claim("prod", "h1", "/srv//b/../a/"), *id);
  EXPECT_NE(*home.Claim("prod", "h2", "/srv/b"), *id);
  for (auto [cluster, host] : {std::pair("prod", "h2"), std::pair("test", "h1"), std::pair("", "h1")}) {
    absl::Status refused = home.Claim(cluster, host, "/srv/a").status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("already host h1 of prod in /srv/a"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr(home_folder_ + "/claims/"));
  }
  EXPECT_TRUE(home.CheckClaim("/srv/a", *id).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(home.CheckClaim("/srv/a", "another")));
  EXPECT_TRUE(absl::IsUnauthenticated(home.CheckClaim("/srv/c", *id)));
}

// A root behind a link is the folder it leads to.
TEST_F(AgentHomeTest, OneFolderIsOneClaim) {
  const AgentHome home = Open();
  fs::create_directory(folder_ + "/real");
  fs::create_directory_symlink(folder_ + "/real", folder_ + "/other");
  absl::StatusOr<std::string> id = home.Claim("prod", "h1", folder_ + "/real");
  ASSERT_TRUE(id.ok());
  EXPECT_FALSE(home.Claim("prod", "h2", folder_ + "/other").ok());
}

TEST_F(AgentHomeTest, OfManyClaimsAtOnceOneWins) {
  const AgentHome home = Open();
  std::vector<absl::StatusOr<std::string>> ids(16, absl::UnknownError(""));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < ids.size(); ++i)
    threads.emplace_back([&, i] { ids[i] = home.Claim("prod", absl::StrCat("h", i), "/srv/a"); });
  for (std::thread& thread : threads) thread.join();
  int winners = 0;
  for (const auto& id : ids) {
    winners += id.ok();
    if (id.ok()) continue;
    EXPECT_THAT(std::string(id.status().message()), HasSubstr("already host h"));
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(CountIn(home_folder_), 1u);
}

TEST_F(AgentHomeTest, ADamagedClaimIsNobodys) {
  const AgentHome home = Open();
  ASSERT_TRUE(home.Claim("prod", "h1", "/srv/a").ok());
  for (const auto& entry : fs::directory_iterator(home_folder_ + "/claims"))
    ASSERT_TRUE(WriteFile(entry.path(), "{", 0600).ok());
  EXPECT_TRUE(absl::IsDataLoss(home.Claim("prod", "h1", "/srv/a").status()));
}

TEST_F(AgentHomeTest, TheSpoolKeepsWhatArrivedWhole) {
  const AgentHome home = Open();
  absl::StatusOr<Spool> spool = Spool::Open(home, "/srv/a");
  ASSERT_TRUE(spool.ok()) << spool.status();
  const SentFile file = FileOf("/etc/key", "secret");
  EXPECT_FALSE(spool->Has(file));
  {
    absl::StatusOr<PendingFile> pending = spool->Receive(file);
    ASSERT_TRUE(pending.ok() && pending->Append("sec").ok());
    EXPECT_FALSE(spool->Has(file));
  }
  EXPECT_EQ(CountIn(home_folder_), 0u);
  absl::StatusOr<PendingFile> pending = spool->Receive(file);
  ASSERT_TRUE(pending.ok() && pending->Append("secret").ok() && pending->Commit().ok());
  EXPECT_TRUE(spool->Has(file));
  EXPECT_EQ(ModeOf(spool->PathOf(file)), mode_t{0600});
  EXPECT_EQ(ModeOf(FolderOf(spool->PathOf(file))), mode_t{0700});
  // By where it goes, not by what it is; other content is not what is asked for.
  EXPECT_EQ(spool->PathOf(file), spool->PathOf(FileOf("/etc/key", "other")));
  EXPECT_FALSE(spool->Has(FileOf("/etc/key", "others")));
  EXPECT_FALSE(Spool::Open(home, "/srv/b")->Has(file));
  ASSERT_TRUE(spool->KeepOnly({file}).ok());
  EXPECT_TRUE(spool->Has(file));
  ASSERT_TRUE(spool->KeepOnly({FileOf("/etc/other", "")}).ok());
  EXPECT_FALSE(spool->Has(file));
}

TEST_F(AgentHomeTest, WhatIsInPlaceIsSeenWithoutFollowingLinks) {
  const std::string root = folder_ + "/root";
  ASSERT_TRUE(WriteFile(root + "/etc/x", "content", 0600).ok());
  EXPECT_EQ(FindInPlace(root, FileOf("/etc/x", "content")), "/etc/x");
  EXPECT_EQ(FindInPlace(root, FileOf("/etc/x", "CONTENT")), "");
  EXPECT_EQ(FindInPlace(root, FileOf("/etc/y", "content")), "");
  fs::create_symlink("x", root + "/etc/link");
  EXPECT_EQ(FindInPlace(root, FileOf("/etc/link", "content")), "");
  fs::create_directory_symlink("etc", root + "/folder");
  EXPECT_EQ(FindInPlace(root, FileOf("/folder/x", "content")), "");
  EXPECT_EQ(FindInPlace(root + "/none", FileOf("/etc/x", "content")), "");
  // What waits for a restart need not come a second time.
  ASSERT_TRUE(WriteFile(root + "/etc/.x.kplan-next", "CONTENT", 0600).ok());
  EXPECT_EQ(FindInPlace(root, FileOf("/etc/x", "CONTENT")), "/etc/.x.kplan-next");
  EXPECT_EQ(FindInPlace(root, FileOf("/etc/x", "content")), "/etc/x");
}

TEST_F(AgentHomeTest, AWorkFolderIsLikeTheWorkingFolder) {
  const AgentHome home = Open();
  ASSERT_TRUE(WriteFile(folder_ + "/source", "content", 0600).ok());
  struct stat before, after;
  ASSERT_EQ(stat((folder_ + "/source").c_str(), &before), 0);
  std::string path;
  {
    absl::StatusOr<WorkFolder> work = WorkFolder::Make(home);
    ASSERT_TRUE(work.ok()) << work.status();
    path = work->path();
    EXPECT_EQ(ModeOf(path), mode_t{0700});
    ASSERT_TRUE(work->Copy("pki/a b/x", folder_ + "/source").ok());
    ASSERT_TRUE(work->Copy("pki/a b/x", folder_ + "/source").ok());
    EXPECT_EQ(*ReadFile(path + "/pki/a b/x"), "content");
    ASSERT_EQ(stat((folder_ + "/source").c_str(), &after), 0);
    EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
    EXPECT_EQ(after.st_nlink, nlink_t{1});
    ASSERT_TRUE(work->Link("y", folder_ + "/source").ok());
    EXPECT_EQ(*ReadFile(path + "/y"), "content");
    EXPECT_FALSE(work->Link("z", folder_ + "/none").ok());
    // Another one leaves it alone.
    ASSERT_TRUE(WorkFolder::Make(home).ok());
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(AgentHomeTest, WhatADeadAgentLeftIsRemoved) {
  const AgentHome home = Open();
  ASSERT_TRUE(WriteFile(home_folder_ + "/work-dead/pki/key", "secret", 0600).ok());
  ASSERT_TRUE(WorkFolder::Make(home).ok());
  EXPECT_EQ(CountIn(home_folder_), 0u);
  EXPECT_TRUE(fs::is_empty(home_folder_));
  for (const char* name : {"kplan-agent-1", "kplan-agent-2", "claims/x"})
    ASSERT_TRUE(WriteFile(absl::StrCat(home_folder_, "/", name), "", 0700).ok());
  home.RemoveOthers("kplan-agent-2");
  EXPECT_FALSE(fs::exists(home_folder_ + "/kplan-agent-1"));
  EXPECT_TRUE(fs::exists(home_folder_ + "/kplan-agent-2"));
  EXPECT_TRUE(fs::exists(home_folder_ + "/claims/x"));
}

}  // namespace
}  // namespace kplan
