#include "src/etcd/etcdctl_bridge.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/etcd/etcdctl.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Gives the other ends of its connections to the test.
class TestDialer : public Dialer {
 public:
  absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration) override {
    if (!failure_.ok()) return failure_;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) abort();
    const std::string hello = absl::StrCat("this is ", target.host, "\n");
    EXPECT_EQ(write(ends[1], hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
    shutdown(ends[1], SHUT_WR);
    others_.emplace_back(ends[1]);
    return Connection{UniqueFd(ends[0])};
  }
  bool IsFromHere(const HostPort& target) const override { return target.host == "10.0.0.9"; }

  absl::Status failure_;
  std::vector<UniqueFd> others_;
};

// What is heard at the socket PATH, after SAID.
std::string Talk(const std::string& path, const std::string& said) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0)
    return strerror(errno);
  if (send(fd.get(), said.data(), said.size(), MSG_NOSIGNAL) < 0) return strerror(errno);
  shutdown(fd.get(), SHUT_WR);
  std::string heard;
  char block[256];
  for (ssize_t n; (n = read(fd.get(), block, sizeof(block))) > 0;) heard.append(block, n);
  return heard;
}

TEST(EtcdctlBridge, LeadsToEachTarget) {
  signal(SIGPIPE, SIG_IGN);
  auto dialer = std::make_shared<TestDialer>();
  absl::StatusOr<std::unique_ptr<EtcdctlBridge>> bridge =
      EtcdctlBridge::Open(dialer, {{"10.0.0.1", 2379}, {"fd00::1", 2379}}, absl::Seconds(5));
  ASSERT_TRUE(bridge.ok()) << bridge.status();
  const std::string folder = (*bridge)->folder();
  struct stat info;
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u) << "it leads past a firewall";
  EXPECT_EQ(EtcdctlBridge::EndpointOf({"fd00::1", 2379}), "unixs://[fd00::1]:2379");
  EXPECT_EQ(Talk(folder + "/10.0.0.1:2379", "x"), "this is 10.0.0.1\n");
  EXPECT_EQ(Talk(folder + "/[fd00::1]:2379", "y"), "this is fd00::1\n");
  EXPECT_EQ((*bridge)->WhyNot(), "");
  char c = 0;
  ASSERT_EQ(dialer->others_.size(), 2u);
  EXPECT_EQ(read(dialer->others_[1].get(), &c, 1), 1);
  EXPECT_EQ(c, 'y');
  dialer->failure_ = absl::UnavailableError("from etcd-1: cannot connect: Connection refused");
  EXPECT_EQ(Talk(folder + "/10.0.0.1:2379", "x"), "");
  EXPECT_EQ((*bridge)->WhyNot(), "from etcd-1: cannot connect: Connection refused");
  *bridge = nullptr;
  EXPECT_NE(stat(folder.c_str(), &info), 0);
}

TEST(EtcdctlBridge, ANameThatIsTooLong) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      EtcdctlBridge::Open(std::make_shared<TestDialer>(), {{std::string(200, 'a'), 2379}}, absl::Seconds(5))
          .status()));
}

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
