#include "src/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/files-XXXXXX";
    ASSERT_NE(mkdtemp(&pattern[0]), nullptr);
    folder_ = pattern;
  }

  std::string At(absl::string_view name) const { return absl::StrCat(folder_, "/", name); }

  std::vector<std::string> List(const std::string& folder) const {
    std::vector<std::string> names;
    DIR* dir = opendir(folder.c_str());
    if (dir == nullptr) return {"(cannot list)"};
    while (struct dirent* entry = readdir(dir)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  static struct stat Look(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  static std::string Read(const std::string& path) {
    absl::StatusOr<std::string> content = ReadFile(path);
    return content.ok() ? *content : absl::StrCat("(", content.status().ToString(), ")");
  }

  UniqueFd Folder() const { return UniqueFd(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

  std::string folder_;
};

TEST_F(FilesTest, FolderOf) {
  EXPECT_EQ(FolderOf("a/b/c"), "a/b");
  EXPECT_EQ(FolderOf("c"), ".");
  EXPECT_EQ(FolderOf("/c"), "/");
  EXPECT_EQ(FolderOf("/"), "/");
  EXPECT_EQ(FolderOf(""), ".");
}

TEST_F(FilesTest, ErrnoStatusSaysWhatAndWhy) {
  EXPECT_TRUE(absl::IsNotFound(ErrnoStatus(ENOENT, "x")));
  EXPECT_TRUE(absl::IsAlreadyExists(ErrnoStatus(EEXIST, "x")));
  EXPECT_TRUE(absl::IsPermissionDenied(ErrnoStatus(EACCES, "x")));
  EXPECT_EQ(std::string(ErrnoStatus(ENOENT, "cannot open a").message()),
            "cannot open a: No such file or directory");
}

TEST_F(FilesTest, ReadFileOfEverySize) {
  for (size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100000u}) {
    std::string content(size, 'x');
    ASSERT_TRUE(WriteFile(At("f"), content, 0600).ok());
    EXPECT_EQ(Read(At("f")), content);
  }
  EXPECT_THAT(Read("/proc/self/status"), HasSubstr("Pid:")) << "a file whose size is said to be 0";
}

TEST_F(FilesTest, ReadFileHasABound) {
  ASSERT_TRUE(WriteFile(At("f"), "12345", 0600).ok());
  EXPECT_TRUE(ReadFile(At("f"), 5).ok());
  EXPECT_TRUE(absl::IsOutOfRange(ReadFile(At("f"), 4).status()));
  EXPECT_TRUE(absl::IsOutOfRange(ReadFile("/dev/zero", 100000).status()));
}

TEST_F(FilesTest, ReadFileOfWhatIsNoFile) {
  EXPECT_TRUE(absl::IsNotFound(ReadFile(At("gone")).status()));
  EXPECT_THAT(std::string(ReadFile(folder_).status().message()), HasSubstr("is a folder"));
  ASSERT_EQ(mkfifo(At("fifo").c_str(), 0600), 0);
  EXPECT_EQ(Read(At("fifo")), "") << "and it returns";
}

TEST_F(FilesTest, MakeFolders) {
  EXPECT_TRUE(MakeFolders(At("a/b/c")).ok());
  EXPECT_TRUE(MakeFolders(At("a/b/c")).ok());
  EXPECT_TRUE(MakeFolders(At("a/b/c/")).ok());
  EXPECT_TRUE(S_ISDIR(Look(At("a/b/c")).st_mode));
  ASSERT_TRUE(WriteFile(At("file"), "", 0600).ok());
  EXPECT_FALSE(MakeFolders(At("file")).ok());
  EXPECT_FALSE(MakeFolders(At("file/below")).ok());
}

TEST_F(FilesTest, WriteFileMakesFoldersAndLeavesNothingElse) {
  ASSERT_TRUE(WriteFile(At("a/b/f"), "one", 0640).ok());
  EXPECT_EQ(Read(At("a/b/f")), "one");
  EXPECT_EQ(Look(At("a/b/f")).st_mode, S_IFREG | 0640u);
  EXPECT_THAT(List(At("a/b")), ElementsAre("f"));
}

TEST_F(FilesTest, TheModeIsExactWhateverTheUmask) {
  for (mode_t mask : {0u, 022u, 077u}) {
    mode_t old = umask(mask);
    absl::Status status = WriteFile(At("f"), "x", 0644);
    umask(old);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Look(At("f")).st_mode & 07777, 0644u);
  }
}

TEST_F(FilesTest, ReplacingGivesANewInodeAndTheNewMode) {
  ASSERT_TRUE(WriteFile(At("f"), "old", 0644).ok());
  UniqueFd reader(open(At("f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(WriteFile(At("f"), "new", 0600).ok());
  EXPECT_EQ(Read(At("f")), "new");
  EXPECT_EQ(Look(At("f")).st_mode & 07777, 0600u);
  char text[4] = {};
  ASSERT_EQ(read(reader.get(), text, 3), 3);
  EXPECT_STREQ(text, "old") << "who had it open still reads the old one, whole";
}

TEST_F(FilesTest, NoOverwriteNeverReplaces) {
  ASSERT_TRUE(WriteFile(At("ca-key.pem"), "first", 0600, Overwrite::kNo).ok());
  absl::Status status = WriteFile(At("ca-key.pem"), "second", 0600, Overwrite::kNo);
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(At("ca-key.pem")));
  EXPECT_EQ(Read(At("ca-key.pem")), "first");
  EXPECT_THAT(List(folder_), ElementsAre("ca-key.pem"));
}

TEST_F(FilesTest, ASymbolicLinkIsReplacedAndNotWrittenThrough) {
  ASSERT_TRUE(WriteFile(At("target"), "target", 0600).ok());
  ASSERT_EQ(symlink("target", At("link").c_str()), 0);
  ASSERT_TRUE(WriteFile(At("link"), "new", 0600).ok());
  EXPECT_EQ(Read(At("target")), "target");
  EXPECT_TRUE(S_ISREG(Look(At("link")).st_mode));
}

TEST_F(FilesTest, ALinkWhereTheTemporaryFileGoesIsNotWrittenThrough) {
  ASSERT_TRUE(WriteFile(At("victim"), "victim", 0600).ok());
  ASSERT_EQ(symlink("victim", At(".f.kplan-tmp").c_str()), 0);
  ASSERT_TRUE(WriteFile(At("f"), "new", 0600).ok());
  EXPECT_EQ(Read(At("victim")), "victim");
  EXPECT_EQ(Read(At("f")), "new");
  EXPECT_THAT(List(folder_), ElementsAre("f", "victim"));
}

TEST_F(FilesTest, AFolderInTheWayIsAnErrorThatLeavesNothing) {
  ASSERT_TRUE(MakeFolders(At("f")).ok());
  absl::Status status = WriteFile(At("f"), "x", 0600);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(List(folder_), ElementsAre("f"));
}

TEST_F(FilesTest, WriteFileIfChanged) {
  absl::StatusOr<bool> wrote = WriteFileIfChanged(At("f"), "one", 0644);
  ASSERT_TRUE(wrote.ok());
  EXPECT_TRUE(*wrote);
  ino_t inode = Look(At("f")).st_ino;
  wrote = WriteFileIfChanged(At("f"), "one", 0644);
  ASSERT_TRUE(wrote.ok());
  EXPECT_FALSE(*wrote);
  EXPECT_EQ(Look(At("f")).st_ino, inode);
  wrote = WriteFileIfChanged(At("f"), "two", 0644);  // of the same length
  ASSERT_TRUE(wrote.ok());
  EXPECT_TRUE(*wrote);
  EXPECT_EQ(Read(At("f")), "two");
}

TEST_F(FilesTest, WriteFileIfChangedTurnsALinkIntoAFile) {
  ASSERT_TRUE(WriteFile(At("target"), "one", 0600).ok());
  ASSERT_EQ(symlink("target", At("f").c_str()), 0);
  absl::StatusOr<bool> wrote = WriteFileIfChanged(At("f"), "one", 0644);
  ASSERT_TRUE(wrote.ok());
  EXPECT_TRUE(*wrote);
  EXPECT_TRUE(S_ISREG(Look(At("f")).st_mode));
}

TEST_F(FilesTest, AnUncommittedFileIsNeverSeen) {
  UniqueFd folder = Folder();
  {
    absl::StatusOr<PendingFile> file = PendingFile::Create(folder.get(), "f", 0600);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Append("half").ok());
    EXPECT_THAT(List(folder_), ElementsAre(".f.kplan-tmp"));
    EXPECT_EQ(Look(At(".f.kplan-tmp")).st_mode & 07777, 0600u) << "the final mode from the first byte";
    PendingFile moved = std::move(*file);
    EXPECT_THAT(List(folder_), ElementsAre(".f.kplan-tmp"));
  }
  EXPECT_THAT(List(folder_), IsEmpty());
}

TEST_F(FilesTest, WhatAKillLeavesIsCleanedUpByTheNextWrite) {
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    UniqueFd folder = Folder();
    absl::StatusOr<PendingFile> file = PendingFile::Create(folder.get(), "f", 0600);
    if (!file.ok() || !file->Append("half").ok()) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int wait_status = 0;
  ASSERT_EQ(waitpid(child, &wait_status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(wait_status));
  ASSERT_THAT(List(folder_), ElementsAre(".f.kplan-tmp"));
  ASSERT_TRUE(WriteFile(At("f"), "whole", 0600).ok());
  EXPECT_THAT(List(folder_), ElementsAre("f"));
  EXPECT_EQ(Read(At("f")), "whole");
}

TEST_F(FilesTest, TwoWritersOfOneNameDoNotMixTheirFiles) {
  UniqueFd folder = Folder();
  absl::StatusOr<PendingFile> first = PendingFile::Create(folder.get(), "f", 0600);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(first->Append("first").ok());
  absl::StatusOr<PendingFile> second = PendingFile::Create(folder.get(), "f", 0600);
  EXPECT_TRUE(absl::IsAborted(second.status())) << second.status();
  ASSERT_TRUE(first->Commit().ok());
  EXPECT_EQ(Read(At("f")), "first");
}

TEST_F(FilesTest, AWriteThatFailsLeavesTheOldFile) {
  ASSERT_TRUE(WriteFile(At("f"), "old", 0600).ok());
  // A file size limit is a full disk that needs no root rights: write() fails half-way.
  struct sigaction ignore = {}, old_action;
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(sigaction(SIGXFSZ, &ignore, &old_action), 0);
  struct rlimit limit, old_limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  limit = old_limit;
  limit.rlim_cur = 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  absl::Status status = WriteFile(At("f"), std::string(100000, 'x'), 0600);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ASSERT_EQ(sigaction(SIGXFSZ, &old_action, nullptr), 0);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(At("f")));
  EXPECT_EQ(Read(At("f")), "old");
  EXPECT_THAT(List(folder_), ElementsAre("f"));
}

TEST_F(FilesTest, OpenFolderBelowMakesFoldersWith0755) {
  mode_t old = umask(077);
  absl::StatusOr<UniqueFd> fd = OpenFolderBelow(At("root"), "/etc/etcd", true);
  umask(old);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(Look(At("root/etc")).st_mode & 07777, 0755u);
  EXPECT_EQ(Look(At("root/etc/etcd")).st_mode & 07777, 0755u);
  ASSERT_EQ(chmod(At("root/etc").c_str(), 0700), 0);
  ASSERT_TRUE(OpenFolderBelow(At("root"), "/etc/etcd", true).ok());
  EXPECT_EQ(Look(At("root/etc")).st_mode & 07777, 0700u) << "one that is there keeps its mode";
}

TEST_F(FilesTest, OpenFolderBelowWithoutCreateMakesNothing) {
  EXPECT_TRUE(absl::IsNotFound(OpenFolderBelow(At("root"), "/etc", false).status()));
  EXPECT_THAT(List(folder_), IsEmpty());
}

TEST_F(FilesTest, OpenFolderBelowFollowsNoLink) {
  ASSERT_TRUE(MakeFolders(At("outside")).ok());
  ASSERT_TRUE(MakeFolders(At("root/etc")).ok());
  ASSERT_EQ(symlink(At("outside").c_str(), At("root/etc/etcd").c_str()), 0);
  ASSERT_EQ(symlink("etc", At("root/inside").c_str()), 0);
  ASSERT_EQ(symlink("gone", At("root/dangling").c_str()), 0);
  for (const char* path : {"/etc/etcd", "/etc/etcd/deeper", "/inside", "/inside/x", "/dangling"}) {
    absl::Status status = OpenFolderBelow(At("root"), path, true).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("is a symbolic link")) << path;
  }
  EXPECT_THAT(List(At("outside")), IsEmpty());
  EXPECT_THAT(List(At("root/etc")), ElementsAre("etcd"));
}

TEST_F(FilesTest, OpenFolderBelowRefusesDotsAndFiles) {
  ASSERT_TRUE(WriteFile(At("root/file"), "", 0600).ok());
  for (const char* path : {"/..", "/a/../..", "/./a"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(OpenFolderBelow(At("root"), path, true).status())) << path;
  }
  absl::Status status = OpenFolderBelow(At("root"), "/file/below", true).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(At("root/file")));
}

TEST_F(FilesTest, UniqueFdClosesOnce) {
  int number;
  {
    UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.get();
    UniqueFd other = std::move(fd);
    EXPECT_FALSE(fd.ok());
    EXPECT_TRUE(other.ok());
    EXPECT_NE(fcntl(number, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace kplan
