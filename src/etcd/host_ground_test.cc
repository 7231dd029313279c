#include "src/etcd/host_ground.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kMega = 1000 * 1000;

FileSystemSight Disk(const std::string& place, dev_t device, int64_t free) {
  FileSystemSight sight;
  sight.place = place;
  sight.device = device;
  sight.free = free;
  return sight;
}

GroundFolder Programs() { return {"/opt/bin", "etcd's programs", "bin-dir", 40 * kMega, /*runs=*/true}; }
GroundFolder Log() { return {"/srv/etcd", "etcd's log", "data-dir", 64 * kMega}; }

// What FolderLacks says of FOLDERS on these file systems.
std::vector<std::string> Lacks(const std::vector<GroundFolder>& folders,
                               const std::map<std::string, FileSystemSight>& disks) {
  return FolderLacks(folders, [&](const std::string& folder) -> std::optional<FileSystemSight> {
    auto disk = disks.find(folder);
    return disk == disks.end() ? std::nullopt : std::make_optional(disk->second);
  });
}

TEST(FolderLacks, NothingWhereThereIsRoom) {
  EXPECT_THAT(Lacks({Programs(), Log()},
                    {{"/opt/bin", Disk("/", 1, 104 * kMega)}, {"/srv/etcd", Disk("/", 1, 104 * kMega)}}),
              IsEmpty());
}

TEST(FolderLacks, FoldersOfOneFileSystemShareItsRoom) {
  EXPECT_THAT(Lacks({Programs(), Log()},
                    {{"/opt/bin", Disk("/", 1, 103 * kMega)}, {"/srv/etcd", Disk("/", 1, 103 * kMega)}}),
              ElementsAre("the file system at / has 103 MB free, and 104 MB are needed: 40 MB for etcd's "
                          "programs in /opt/bin (bin-dir) and 64 MB for etcd's log in /srv/etcd (data-dir); "
                          "make room there, or name another folder in cluster.yaml"));
  EXPECT_THAT(Lacks({Programs(), Log()},
                    {{"/opt/bin", Disk("/", 1, 103 * kMega)}, {"/srv/etcd", Disk("/srv", 2, 64 * kMega)}}),
              IsEmpty());
}

TEST(FolderLacks, EachFileSystemThatIsTooSmallIsSaid) {
  EXPECT_THAT(
      Lacks({Programs(), Log()}, {{"/opt/bin", Disk("/", 1, 0)}, {"/srv/etcd", Disk("/srv", 2, 63 * kMega)}}),
      ElementsAre(HasSubstr("the file system at / has 0 bytes free, and 40 MB are needed"),
                  HasSubstr("the file system at /srv has 63 MB free, and 64 MB are needed")));
}

TEST(FolderLacks, AReadOnlyFileSystemIsNamedWithTheKeyThatAvoidsIt) {
  FileSystemSight disk = Disk("/opt", 1, 0);
  disk.read_only = true;
  EXPECT_THAT(Lacks({Programs()}, {{"/opt/bin", disk}}),
              ElementsAre("/opt/bin, where etcd's programs will be, is on a read-only file system; let it be "
                          "written to (mount -o remount,rw /opt), or name another folder in cluster.yaml "
                          "(bin-dir)"));
  EXPECT_THAT(Lacks({{"/etc/systemd/system", "its unit", ""}}, {{"/etc/systemd/system", disk}}),
              ElementsAre(AllOf(HasSubstr("read-only"), Not(HasSubstr("another folder")))));
}

TEST(FolderLacks, OnlyWhatRunsMindsNoexec) {
  FileSystemSight disk = Disk("/srv", 1, 1000 * kMega);
  disk.no_exec = true;
  EXPECT_THAT(Lacks({Programs(), Log()}, {{"/opt/bin", disk}, {"/srv/etcd", disk}}),
              ElementsAre(AllOf(HasSubstr("/opt/bin"), HasSubstr("noexec"), HasSubstr("remount,exec /srv"),
                                HasSubstr("(bin-dir)"))));
}

TEST(FolderLacks, WhatCannotBeSeenIsNotJudged) { EXPECT_THAT(Lacks({Programs(), Log()}, {}), IsEmpty()); }

TEST(SeeFileSystem, GoesByTheNearestFolderThatIsThere) {
  const std::optional<FileSystemSight> sight = SeeFileSystem("/proc/no/such/folder");
  ASSERT_TRUE(sight.has_value());
  EXPECT_EQ(sight->place, "/proc");
  EXPECT_FALSE(SeeFileSystem("no/such/folder").has_value() && SeeFileSystem("no/such/folder")->place.empty());
}

}  // namespace
}  // namespace kplan
