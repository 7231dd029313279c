#include "src/probe/socket_bridge.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "src/probe/dialer_testing.h"

namespace kplan {
namespace {

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

TEST(SocketBridge, LeadsToEachTarget) {
  signal(SIGPIPE, SIG_IGN);
  auto dialer = std::make_shared<TestDialer>();
  absl::StatusOr<std::unique_ptr<SocketBridge>> bridge =
      SocketBridge::Open(dialer, {{"10.0.0.1", 2379}, {"fd00::1", 2379}}, absl::Seconds(5));
  ASSERT_TRUE(bridge.ok()) << bridge.status();
  const std::string folder = (*bridge)->folder();
  struct stat info;
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u) << "it leads past a firewall";
  EXPECT_EQ((*bridge)->PathOf({"fd00::1", 2379}), folder + "/[fd00::1]:2379");
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

TEST(SocketBridge, ANameThatIsTooLong) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      SocketBridge::Open(std::make_shared<TestDialer>(), {{std::string(200, 'a'), 2379}}, absl::Seconds(5))
          .status()));
}

}  // namespace
}  // namespace kplan
