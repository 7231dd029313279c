// etcdctl, where this machine does not get to members by itself.

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/etcd/etcdctl.h"
#include "src/probe/dialer_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RunEtcdctlTest : public testing::Test {
 protected:
  RunEtcdctlTest() {
    std::string name = testing::TempDir() + "/etcdctlXXXXXX";
    folder_ = mkdtemp(&name[0]);
    EXPECT_EQ(chdir(folder_.c_str()), 0);
    folder_ = std::filesystem::current_path().string();
    etcdctl_.program = "./etcdctl";
    etcdctl_.cacert = "pki/ca.pem";
    etcdctl_.cert = "pki/root.pem";
    etcdctl_.key = "pki/root-key.pem";
  }

  void Program(const std::string& script) {
    ASSERT_TRUE(WriteFile("etcdctl", "#!/bin/sh\n" + script, 0755).ok());
  }

  std::vector<std::string> Lines(const std::vector<std::string>& endpoints) {
    absl::StatusOr<std::string> out = RunEtcdctl(etcdctl_, endpoints, {"member", "list"});
    EXPECT_TRUE(out.ok()) << out.status();
    return absl::StrSplit(out.value_or(""), '\n', absl::SkipEmpty());
  }

  std::string folder_;
  Etcdctl etcdctl_;
};

TEST_F(RunEtcdctlTest, FromHereAsEver) {
  Program(R"(printf "%s\n" "$@")");
  const auto as_ever = ElementsAre("member", "list", "--endpoints=https://10.0.0.1:2379",
                                   "--cacert=pki/ca.pem", "--cert=pki/root.pem", "--key=pki/root-key.pem");
  EXPECT_THAT(Lines({"https://10.0.0.1:2379"}), as_ever);
}

TEST_F(RunEtcdctlTest, ByWayOfTheDialerWhereThisMachineDoesNotGetThere) {
  etcdctl_.dialer = std::make_shared<TestDialer>();
  Program(R"(printf "%s\n" "$@"; ls)");
  EXPECT_THAT(Lines({"https://10.0.0.1:2379", "https://10.0.0.9:2379"}),
              ElementsAre("member", "list", "--endpoints=unixs://10.0.0.1:2379,https://10.0.0.9:2379",
                          "--cacert=" + folder_ + "/pki/ca.pem", "--cert=" + folder_ + "/pki/root.pem",
                          "--key=" + folder_ + "/pki/root-key.pem", "10.0.0.1:2379"));
  EXPECT_EQ(Lines({"https://10.0.0.9:2379"})[2], "--endpoints=https://10.0.0.9:2379");
}

TEST_F(RunEtcdctlTest, SaysWhyItDidNotGetThere) {
  auto dialer = std::make_shared<TestDialer>();
  dialer->failure_ = absl::UnavailableError("from etcd-1: cannot connect: Connection refused");
  etcdctl_.dialer = dialer;
  Program(
      R"(/usr/bin/python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("10.0.0.1:2379"); s.recv(1)'
echo "context deadline exceeded" >&2; exit 1)");
  const absl::Status status = RunEtcdctl(etcdctl_, {"https://10.0.0.1:2379"}, {"get", "x"}).status();
  EXPECT_EQ(status.message(), "from etcd-1: cannot connect: Connection refused");
  dialer->failure_ = absl::OkStatus();
  EXPECT_THAT(std::string(RunEtcdctl(etcdctl_, {"https://10.0.0.1:2379"}, {"get", "x"}).status().message()),
              HasSubstr("exit 1: context deadline exceeded"));
}

}  // namespace
}  // namespace kplan
