#include "src/host/host_file.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/host/host_owner.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

class HostFileTest : public StepTest {};

TEST_F(HostFileTest, LooksAtEveryKindWithoutFollowing) {
  Write("root/etc/file", "x", 0640);
  Write("outside", "x");
  ASSERT_EQ(symlink("/outside", "root/etc/link"), 0);
  ASSERT_EQ(mkfifo("root/etc/fifo", 0600), 0);
  absl::StatusOr<HostFileState> file = LookAtHostFile("./root", "/etc/file");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->exists && file->regular && !file->folder && !file->link);
  EXPECT_EQ(file->mode, 0640u);
  EXPECT_EQ(file->uid, geteuid());
  EXPECT_EQ(file->gid, getegid());
  absl::StatusOr<HostFileState> folder = LookAtHostFile("root", "/etc");
  ASSERT_TRUE(folder.ok());
  EXPECT_TRUE(folder->exists && folder->folder && !folder->regular);
  absl::StatusOr<HostFileState> link = LookAtHostFile("root", "/etc/link");
  ASSERT_TRUE(link.ok());
  EXPECT_TRUE(link->exists && link->link && !link->regular);
  EXPECT_EQ(link->kind, "symbolic link to /outside");
  absl::StatusOr<HostFileState> fifo = LookAtHostFile("root", "/etc/fifo");
  ASSERT_TRUE(fifo.ok());
  EXPECT_TRUE(fifo->exists && !fifo->link && !fifo->regular && !fifo->folder);
  EXPECT_EQ(fifo->kind, "FIFO");
}

TEST_F(HostFileTest, WhatIsMissingDoesNotExistAndIsNotMade) {
  for (const char* path : {"/etc/file", "/file"}) {
    absl::StatusOr<HostFileState> state = LookAtHostFile("root", path);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_FALSE(state->exists);
  }
  EXPECT_THAT(List("."), testing::IsEmpty());
}

TEST_F(HostFileTest, ALinkOnTheWayIsAnError) {
  Write("outside/file", "x");
  ASSERT_TRUE(MakeFolders("root").ok());
  ASSERT_EQ(symlink("../outside", "root/etc"), 0);
  EXPECT_THAT(std::string(LookAtHostFile("root", "/etc/file").status().message()),
              HasSubstr("is a symbolic link"));
  Write("root/a", "x");
  EXPECT_FALSE(LookAtHostFile("root", "/a/b").ok());
}

TEST_F(HostFileTest, SplitHostPath) {
  absl::StatusOr<HostPath> path = SplitHostPath("/etc/etcd/ca.pem");
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->folder, "/etc/etcd");
  EXPECT_EQ(path->name, "ca.pem");
  path = SplitHostPath("/x");
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->folder, "/");
  for (const std::string& wrong :
       {std::string(), std::string("/"), std::string("etc/x"), std::string("/etc/"), std::string("/etc//x"),
        std::string("/../x"), std::string("/a/."), std::string("/a/.."), std::string("/a\0b", 4)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(SplitHostPath(wrong).status())) << wrong;
  }
}

TEST_F(HostFileTest, PathFromHere) {
  EXPECT_EQ(PathFromHere("/", "/etc/x"), "/etc/x");
  EXPECT_EQ(PathFromHere("./rootfs", "/etc/x"), "./rootfs/etc/x");
  EXPECT_EQ(PathFromHere("/srv/image/", "/etc/x"), "/srv/image/etc/x");
}

TEST_F(HostFileTest, Modes) {
  EXPECT_EQ(*ParseMode("0640"), 0640u);
  EXPECT_EQ(*ParseMode("700"), 0700u);
  EXPECT_EQ(ModeText(S_IFREG | 0600), "0600");
  EXPECT_EQ(ModeText(01777), "1777");
  for (const char* wrong : {"", "64", "0648", "00644", "u=rw", "-644"})
    EXPECT_FALSE(ParseMode(wrong).ok()) << wrong;
}

TEST_F(HostFileTest, ErrorsSayWhatToDo) {
  EXPECT_THAT(std::string(ExplainHostError(ErrnoStatus(EACCES, "x"), "cannot y").message()),
              testing::AllOf(testing::StartsWith("cannot y: x"), HasSubstr("run as root"),
                             HasSubstr("root: FOLDER")));
  EXPECT_THAT(std::string(ExplainHostError(ErrnoStatus(EPERM, "x"), "y").message()),
              HasSubstr("run as root"));
  EXPECT_THAT(std::string(ExplainHostError(ErrnoStatus(ENOSPC, "x"), "y").message()), HasSubstr("make room"));
  EXPECT_THAT(std::string(ExplainHostError(ErrnoStatus(EDQUOT, "x"), "y").message()), HasSubstr("make room"));
  EXPECT_THAT(std::string(ExplainHostError(ErrnoStatus(EROFS, "x"), "y").message()),
              HasSubstr("read-only: remount"));
  EXPECT_EQ(std::string(ExplainHostError(absl::InternalError("x"), "y").message()), "y: x");
}

class HostOwnerTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    Write("passwd",
          "root:x:0:0:root:/root:/bin/bash\netcd:x:990:985::/var/lib/etcd:/usr/sbin/nologin\nbroken\n");
    Write("group", "root:x:0:\netcd:x:985:\nkeys:x:77:etcd\n");
  }

  absl::StatusOr<HostOwner> LookUp(const std::string& owner) {
    return LookUpOwner(owner, {"passwd", "group"});
  }
};

TEST_F(HostOwnerTest, NamesAndNumbers) {
  struct Case {
    const char* text;
    uid_t uid;
    gid_t gid;
  } cases[] = {{"etcd", 990, 985},        {"etcd:keys", 990, 77}, {"etcd:1234", 990, 1234}, {"990", 990, 985},
               {"4242:4343", 4242, 4343}, {"root:root", 0, 0},    {"4242:keys", 4242, 77}};
  for (const Case& c : cases) {
    absl::StatusOr<HostOwner> owner = LookUp(c.text);
    ASSERT_TRUE(owner.ok()) << owner.status();
    EXPECT_EQ(owner->uid, c.uid) << c.text;
    EXPECT_EQ(owner->gid, c.gid) << c.text;
  }
}

TEST_F(HostOwnerTest, WhoIsNotThereIsNamed) {
  EXPECT_THAT(std::string(LookUp("kplan-nobody").status().message()),
              HasSubstr("no user \"kplan-nobody\" on this host; create it first"));
  EXPECT_THAT(std::string(LookUp("etcd:kplan-nobody").status().message()),
              HasSubstr("no group \"kplan-nobody\""));
  EXPECT_THAT(std::string(LookUp("4242421").status().message()), HasSubstr("write 4242421:GROUP"));
  for (const char* wrong : {"", ":", "etcd:", ":etcd", "-x", "a b", "etcd:a:b", "x;y"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(LookUp(wrong).status())) << wrong;
  }
}

TEST_F(HostOwnerTest, AsksGetentForWhoIsInNoFile) {
  // The system's accounts, by way of getent: our files have no "daemon".
  struct passwd* daemon = getpwnam("daemon");
  if (daemon == nullptr) GTEST_SKIP() << "there is no user daemon here";
  absl::StatusOr<HostOwner> owner = LookUp("daemon");
  ASSERT_TRUE(owner.ok()) << owner.status();
  EXPECT_EQ(owner->uid, daemon->pw_uid);
  EXPECT_EQ(owner->gid, daemon->pw_gid);
}

TEST_F(HostOwnerTest, OnlyBelowTheRealRootDoesAnOwnerMatter) {
  EXPECT_FALSE(OwnerBelow("./rootfs", "kplan-nobody")->has_value());
  absl::StatusOr<std::optional<HostOwner>> owner = OwnerBelow("/", "");
  ASSERT_TRUE(owner.ok() && owner->has_value());
  EXPECT_EQ((*owner)->uid, 0u);
  EXPECT_EQ((*owner)->gid, 0u);
  EXPECT_FALSE(OwnerBelow("/", "kplan-nobody").ok());
}

}  // namespace
}  // namespace kplan
