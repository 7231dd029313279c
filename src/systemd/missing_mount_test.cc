#include "src/systemd/missing_mount.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace kplan {
namespace {

constexpr char kFstab[] =
    "# <file system> <mount point> <type> <options> <dump> <pass>\n"
    "UUID=1 / ext4 defaults 0 1\n"
    "UUID=2\t/srv/etcd\txfs\tnoauto 0 2\n"
    "  UUID=3 /srv/with\\040space/ ext4 defaults 0 2\n"
    "/swap none swap sw 0 0\n"
    "broken\n"
    "\n";

// LINES of mountinfo for the mount points POINTS.
std::string Mounted(const std::set<std::string>& points) {
  std::string text;
  for (const std::string& point : points)
    text += "36 35 98:0 /mnt1 " + point + " rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n";
  return text;
}

std::string Missing(const std::string& path, const std::set<std::string>& mounted,
                    const std::set<std::string>& units = {}) {
  return MissingMount(kFstab, Mounted(mounted), path,
                      [&](const std::string& unit) { return units.count(unit) != 0; });
}

TEST(MissingMount, OneOfFstab) {
  EXPECT_EQ(Missing("/srv/etcd", {"/"}), "/srv/etcd");
  EXPECT_EQ(Missing("/srv/etcd/data", {"/"}), "/srv/etcd");
  EXPECT_EQ(Missing("/srv/etcd/data", {"/", "/srv/etcd"}), "");
  EXPECT_EQ(Missing("/srv/with space/x", {"/"}), "/srv/with space");
  EXPECT_EQ(Missing("/srv/with space/x", {"/", "/srv/with\\040space"}), "");
}

TEST(MissingMount, NothingIsSaidOfOtherPlaces) {
  EXPECT_EQ(Missing("/srv", {"/"}), "");
  EXPECT_EQ(Missing("/srv/etcd2", {"/"}), "");
  EXPECT_EQ(Missing("/var/lib/etcd", {"/"}), "");
  EXPECT_EQ(Missing("/none", {}), "");
  EXPECT_EQ(MissingMount("", "", "/srv/etcd", [](const std::string&) { return false; }), "");
}

TEST(MissingMount, OneOfAUnit) {
  EXPECT_EQ(Missing("/data/etcd-1/x", {"/"}, {"data-etcd\\x2d1.mount"}), "/data/etcd-1");
  EXPECT_EQ(Missing("/data/etcd-1/x", {"/", "/data/etcd-1"}, {"data-etcd\\x2d1.mount"}), "");
  EXPECT_EQ(Missing("/.hidden/a.b", {"/"}, {"\\x2ehidden-a.b.mount"}), "/.hidden/a.b");
  EXPECT_EQ(Missing("/a_b", {"/"}, {"a_b.mount"}), "/a_b");
}

TEST(MissingMount, TheUppermostIsNamed) {
  EXPECT_EQ(Missing("/srv/etcd/x", {"/"}, {"srv.mount"}), "/srv");
  EXPECT_EQ(Missing("/srv/etcd/x", {"/", "/srv"}, {"srv.mount"}), "/srv/etcd");
}

TEST(CheckMounted, OfAnotherRootNothingIsKnown) {
  EXPECT_TRUE(CheckMounted("/no/such/root", "/srv").ok());
  EXPECT_TRUE(CheckMounted("/", "/").ok());
}

}  // namespace
}  // namespace kplan
