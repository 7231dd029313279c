#include "src/host/service_marker.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/base/files.h"

namespace kplan {
namespace {

class ServiceMarkerTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/marker-XXXXXX";
    ASSERT_NE(mkdtemp(&root_[0]), nullptr);
  }
  std::string root_;
};

ServiceMarker Example() {
  ServiceMarker marker;
  marker.instance = "boot 7 1000";
  marker.replaces = "boot 6 900";
  marker.boot = "boot";
  marker.begun_ticks = 950;
  marker.exe = "/usr/local/bin/etcd";
  marker.command = "c0";
  marker.files["/etc/etcd/ca.pem"] = {"d1", "1 2 3 4 5"};
  marker.files["/usr/local/bin/etcd"] = {"d2", ""};
  return marker;
}

TEST_F(ServiceMarkerTest, ComesBackAsItWas) {
  ASSERT_TRUE(WriteMarker(root_, "etcd", Example()).ok());
  std::optional<ServiceMarker> read = ReadMarker(root_, "etcd");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->instance, "boot 7 1000");
  EXPECT_EQ(read->replaces, "boot 6 900");
  EXPECT_EQ(read->boot, "boot");
  EXPECT_EQ(read->begun_ticks, 950u);
  EXPECT_EQ(read->exe, "/usr/local/bin/etcd");
  EXPECT_EQ(read->command, "c0");
  ASSERT_EQ(read->files.size(), 2u);
  EXPECT_EQ(read->files["/etc/etcd/ca.pem"].sha256, "d1");
  EXPECT_EQ(read->files["/etc/etcd/ca.pem"].stat, "1 2 3 4 5");
  EXPECT_EQ(read->files["/usr/local/bin/etcd"].stat, "");
  EXPECT_FALSE(ReadMarker(root_, "other").has_value());
}

TEST_F(ServiceMarkerTest, ADamagedOneIsNone) {
  for (const char* damage : {"", "{}", "[]", "{\"instance\":\"boot 7 1000\"}", "{\"boot\":1"}) {
    ASSERT_TRUE(WriteFile(MarkerPath(root_, "etcd"), damage, 0644).ok());
    EXPECT_FALSE(ReadMarker(root_, "etcd").has_value()) << damage;
  }
}

TEST_F(ServiceMarkerTest, IsAboutOneInstance) {
  ServiceMarker marker = Example();
  EXPECT_TRUE(marker.IsAbout({"boot", 7, 1000}));
  EXPECT_FALSE(marker.IsAbout({"boot", 7, 1001})) << "the id was used again";
  EXPECT_FALSE(marker.IsAbout({"another boot", 7, 1000}));
}

TEST_F(ServiceMarkerTest, AnUnfinishedOneIsAboutWhatCameOfIt) {
  ServiceMarker marker = Example();
  marker.instance.clear();
  EXPECT_TRUE(marker.IsAbout({"boot", 8, 950}));
  EXPECT_FALSE(marker.IsAbout({"boot", 8, 949})) << "older than the marker";
  EXPECT_FALSE(marker.IsAbout({"another boot", 8, 951}));
  marker.replaces = "boot 8 950";
  EXPECT_FALSE(marker.IsAbout({"boot", 8, 950})) << "what was to be replaced still runs";
}

TEST_F(ServiceMarkerTest, FilesAreReadOnlyWhenTheirStatIsNew) {
  const std::string path = root_ + "/file";
  ASSERT_TRUE(WriteFile(path, "one", 0644).ok());
  absl::StatusOr<std::map<std::string, FileSeen>> seen = LookAtFiles(root_, {"/file"}, {});
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->at("/file").sha256, Sha256Hex("one"));
  EXPECT_EQ(seen->at("/file").stat, "") << "it changed a moment ago, and its stat cannot be trusted";

  while (seen->at("/file").stat.empty()) {
    usleep(10000);
    seen = LookAtFiles(root_, {"/file"}, {});
    ASSERT_TRUE(seen.ok());
  }
  // A false digest shows that it was not computed again.
  seen->at("/file").sha256 = "remembered";
  EXPECT_EQ(LookAtFiles(root_, {"/file"}, *seen)->at("/file").sha256, "remembered");
  ASSERT_TRUE(WriteFile(path, "two", 0644).ok());
  EXPECT_EQ(LookAtFiles(root_, {"/file"}, *seen)->at("/file").sha256, Sha256Hex("two"));

  EXPECT_TRUE(absl::IsNotFound(LookAtFiles(root_, {"/missing"}, {}).status()));
}

TEST_F(ServiceMarkerTest, PidFilesThatNameNothing) {
  EXPECT_FALSE(InstanceOfPidFile(root_, "etcd", ExeOf(getpid())).has_value());
  for (const char* text : {"", "0", "-1", "x", "99999999999999999999", "4194305"}) {
    ASSERT_TRUE(WriteFile(PidFilePath(root_, "etcd"), text, 0644).ok());
    EXPECT_FALSE(InstanceOfPidFile(root_, "etcd", ExeOf(getpid())).has_value()) << text;
  }
  ASSERT_TRUE(WriteFile(PidFilePath(root_, "etcd"), std::to_string(getpid()) + "\n", 0644).ok());
  EXPECT_TRUE(InstanceOfPidFile(root_, "etcd", ExeOf(getpid())).has_value());
  EXPECT_FALSE(InstanceOfPidFile(root_, "etcd", "/bin/other").has_value());
}

}  // namespace
}  // namespace kplan
