// What the looks foresee of a release: fetched, unpacked, installed.

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "src/archive/tar_testing.h"
#include "src/base/digest.h"
#include "src/step/host_outlook.h"
#include "src/step/host_outlook_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ArchiveOutlookTest : public StepTest {
 protected:
  // The archive of a version, put in place.
  static std::string Put(const std::string& version, const std::string& etcd, const std::string& etcdctl) {
    TarBuilder tar;
    tar.Folder(version + "/").File(version + "/etcd", etcd).File(version + "/etcdctl", etcdctl);
    std::string bytes = Gzip(tar.Finish());
    Write("archives/" + version + ".tar.gz", bytes);
    return Sha256Hex(bytes);
  }

  // Fetch, unpack, and the two programs on the host.
  static std::vector<LookedStep> Steps(const std::string& version, const std::string& sha256) {
    const std::string archive = "archives/" + version + ".tar.gz", dir = "archives/" + version;
    const StringPairs members = {{version + "/etcd", "etcd"}, {version + "/etcdctl", "etcdctl"}};
    std::vector<LookedStep> steps = {
        {ArchiveStep,
         ArchiveLook,
         {{"kind", "fetch"}, {"path", archive}, {"sha256", sha256}, {"url", "https://127.0.0.1:1/x"}}},
        {UnpackStep,
         UnpackLook,
         {{"archive", archive}, {"dir", dir}, {"kind", "unpack"}, {"members", members}, {"sha256", sha256}}}};
    for (const char* name : {"etcd", "etcdctl"}) {
      steps.push_back({FileStep,
                       FileLook,
                       {{"from", absl::StrCat(dir, "/", name)},
                        {"kind", "install"},
                        {"mode", "0755"},
                        {"path", absl::StrCat("/usr/local/bin/", name)},
                        {"root", "./rootfs"},
                        {"secret", false}}});
    }
    return steps;
  }

  void SetUp() override {
    StepTest::SetUp();
    sha256_ = Put("v1", "the server", "the client");
    auto outlooks = LookThenRun(Steps("v1", sha256_));
    EXPECT_THAT(outlooks, ElementsAre("", "missing", "missing", "missing"));
  }

  // The reasons, a text a step; "failed" for one that fails.
  std::vector<std::string> LookThenRun(const std::vector<LookedStep>& steps) {
    std::vector<std::string> names;
    for (const absl::StatusOr<Outlook>& outlook : Foresight::LookThenRun(steps, &digests_)) {
      names.push_back(outlook.ok() ? absl::StrJoin(NamesOf(outlook->reasons), " ") : "failed");
    }
    return names;
  }

  std::string sha256_;
  std::map<size_t, std::string> digests_;
};

TEST_F(ArchiveOutlookTest, NothingToDo) {
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "", "", ""));
  ASSERT_EQ(unlink("archives/v1.tar.gz"), 0);
  std::vector<LookedStep> steps = Steps("v1", sha256_);
  steps.erase(steps.begin());
  digests_.clear();
  EXPECT_THAT(LookThenRun(steps), ElementsAre("", "", "")) << "the archive is not needed any more";
}

TEST_F(ArchiveOutlookTest, AnotherVersionIsKnownBeforeItIsUnpacked) {
  const std::string other = Put("v2", "another server", "the client");
  EXPECT_THAT(LookThenRun(Steps("v2", other)), ElementsAre("", "missing", "content", ""));
  EXPECT_EQ(Read("rootfs/usr/local/bin/etcd"), "another server");
}

TEST_F(ArchiveOutlookTest, AnotherArchiveOfTheSamePrograms) {
  const std::string other = Put("v2", "the server", "the client");
  ASSERT_NE(other, sha256_);
  EXPECT_THAT(LookThenRun(Steps("v2", other)), ElementsAre("", "missing", "", ""));
}

TEST_F(ArchiveOutlookTest, WhatWasEditedIsUnpackedAgain) {
  Write("archives/v1/etcd", "edited", 0755);
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "content", "", ""));
  ASSERT_EQ(unlink("archives/v1/etcdctl"), 0);
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "missing", "", ""));
  ASSERT_EQ(chmod("archives/v1/etcdctl", 0700), 0);
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "mode", "", ""));
  ASSERT_EQ(unlink("archives/v1/.kplan.json"), 0);
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "content", "", ""));
  Write("archives/v1/etcd", "edited", 0755);
  ASSERT_EQ(unlink("archives/v1/.kplan.json"), 0);
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "content", "", ""));
  Write("rootfs/usr/local/bin/etcd", "edited", 0755);
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("", "", "content", ""));
}

TEST_F(ArchiveOutlookTest, WhatCannotBeUnpackedFailsAtOnce) {
  ASSERT_EQ(system("rm -rf archives/v1"), 0);
  Write("archives/v1.tar.gz", "rubbish");
  EXPECT_THAT(LookThenRun(Steps("v1", sha256_)), ElementsAre("failed", "failed", "failed", "failed"));
  std::vector<LookedStep> steps = Steps("v1", Sha256Hex("rubbish"));
  EXPECT_THAT(LookThenRun(steps), ElementsAre("", "failed", "failed", "failed"));
  steps = Steps("v1", Put("v1", "the server", "the client"));
  steps[1].record["members"] = StringPairs{{"v1/etcd", "etcd"}, {"v1/etcdutl", "etcdctl"}};
  EXPECT_THAT(LookThenRun(steps), ElementsAre("", "failed", "failed", "failed"));
}

TEST_F(ArchiveOutlookTest, WhatHasToBeDownloadedFirstIsNotKnown) {
  Foreseen foreseen;
  std::vector<LookedStep> steps = Steps("v2", Sha256Hex("v2"));
  std::vector<Outlook> outlooks;
  for (const LookedStep& step : steps) {
    absl::StatusOr<Outlook> outlook = Foresight::Look(step, foreseen);
    ASSERT_TRUE(outlook.ok()) << outlook.status();
    for (const auto& [path, file] : outlook->files) foreseen.Add(path, file);
    outlooks.push_back(*std::move(outlook));
  }
  EXPECT_THAT(NamesOf(outlooks[0].reasons), ElementsAre("missing"));
  EXPECT_EQ(outlooks[0].note, "from https://127.0.0.1:1/x");
  EXPECT_THAT(NamesOf(outlooks[1].reasons), ElementsAre("missing"));
  EXPECT_EQ(outlooks[1].digest, "");
  for (size_t i : {2, 3}) EXPECT_THAT(NamesOf(outlooks[i].reasons), ElementsAre("content"));
  for (const Outlook& outlook : outlooks) EXPECT_TRUE(outlook.changes_digest);
}

TEST_F(ArchiveOutlookTest, AnUnpackedFolderOutlivesItsArchive) {
  ASSERT_EQ(unlink("archives/v1.tar.gz"), 0);
  Foreseen foreseen;
  foreseen.Add("archives/v1.tar.gz", ForeseenFile());
  absl::StatusOr<Outlook> outlook = Foresight::Look(Steps("v1", sha256_)[1], foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(outlook->reasons, IsEmpty());
  // What came out of this very archive is known, also when it has to be downloaded again.
  Write("archives/v1/etcd", "edited", 0755);
  outlook = Foresight::Look(Steps("v1", sha256_)[1], foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  ASSERT_EQ(outlook->files.size(), 1u);
  EXPECT_EQ(outlook->files[0].second.sha256, Sha256Hex("the server"));
  EXPECT_EQ(outlook->digest, digests_[1]);
}

TEST_F(ArchiveOutlookTest, FetchFailsForWhatIsKnown) {
  auto error_of = [](const Json& record) {
    absl::StatusOr<Outlook> outlook = Foresight::Look({ArchiveStep, ArchiveLook, record});
    EXPECT_FALSE(outlook.ok());
    EXPECT_EQ(std::string(outlook.status().message()), ErrorOf(ArchiveStep, record.dump()));
    return std::string(outlook.status().message());
  };
  const Json good = Steps("v1", sha256_)[0].record;
  Json record = good;
  record["sha256"] = Sha256Hex("another");
  EXPECT_THAT(error_of(record), HasSubstr("remove it to download again"));
  record = good;
  record["path"] = "archives/nowhere";
  record.erase("url");
  EXPECT_THAT(error_of(record), HasSubstr("is not there"));
  record["given"] = true;
  EXPECT_THAT(error_of(record), HasSubstr("archive.path"));
  record.erase("given");
  record["url"] = "http://insecure/x";
  EXPECT_THAT(error_of(record), HasSubstr("https"));
}

}  // namespace
}  // namespace kplan
