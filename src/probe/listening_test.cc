#include "src/probe/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

// A listening socket of this test at IP and PORT, or, when that is 0, a free port, which PORT becomes.
UniqueFd Listen(const std::string& ip, int* port) {
  SocketAddress address = ResolveAddresses({ip, *port})->front();
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), address.size), 0) << ip;
  EXPECT_EQ(listen(fd.get(), 1), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size), 0);
  *port = ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);  // at the same place in IPv6
  return fd;
}

TEST(ListensAt, SeesWhoListensWhere) {
  int port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  SocketAddresses here = *ResolveAddresses({"127.0.0.1", port});
  EXPECT_EQ(*ListensAt(getpid(), here), true);
  EXPECT_EQ(*ListensAt(getpid(), *ResolveAddresses({"127.0.0.2", port})), false);
  EXPECT_TRUE(ConnectTcp(here, absl::Now() + absl::Seconds(5)).ok());
  // The parent has no socket of ours, whoever it is (and perhaps does not let us look).
  absl::StatusOr<bool> parent = ListensAt(getppid(), here);
  EXPECT_FALSE(parent.ok() && *parent);

  listener = UniqueFd();
  EXPECT_EQ(*ListensAt(getpid(), here), false);
  EXPECT_TRUE(absl::IsUnavailable(ConnectTcp(here, absl::Now() + absl::Seconds(5)).status()));
}

TEST(ListensAt, AWildcardListensEverywhere) {
  int port = 0;
  UniqueFd listener = Listen("0.0.0.0", &port);
  EXPECT_EQ(*ListensAt(getpid(), *ResolveAddresses({"127.0.0.1", port})), true);
}

TEST(ListensAt, KnowsIpv6) {
  UniqueFd probe(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress loopback = ResolveAddresses({"::1", 0})->front();
  if (!probe.ok() || bind(probe.get(), reinterpret_cast<sockaddr*>(&loopback.storage), loopback.size) != 0) {
    GTEST_SKIP() << "this machine has no IPv6 loopback";
  }
  int port = 0;
  UniqueFd listener = Listen("::1", &port);
  EXPECT_EQ(*ListensAt(getpid(), *ResolveAddresses({"::1", port})), true);
  EXPECT_EQ(*ListensAt(getpid(), *ResolveAddresses({"::2", port})), false);
}

TEST(ResolveAddresses, AsksTheSystemForNames) {
  EXPECT_TRUE(ResolveAddresses({"localhost", 1}).ok());
  EXPECT_FALSE(ResolveAddresses({"no-such-name.invalid", 1}).ok());
  EXPECT_FALSE(ResolveAddresses({"--help", 1}).ok());
}

// As localhost, which is ::1 first and 127.0.0.1 then, while etcd may listen at one of them only.
TEST(SeveralAddresses, OneThatListensIsEnough) {
  int port = 0;
  UniqueFd listener = Listen("127.0.0.2", &port);
  SocketAddresses addresses = *ResolveAddresses({"127.0.0.1", port});
  EXPECT_EQ(*ListensAt(getpid(), addresses), false);
  EXPECT_TRUE(absl::IsUnavailable(ConnectTcp(addresses, absl::Now() + absl::Seconds(5)).status()));
  addresses.push_back(ResolveAddresses({"127.0.0.2", port})->front());
  EXPECT_EQ(*ListensAt(getpid(), addresses), true);
  EXPECT_TRUE(ConnectTcp(addresses, absl::Now() + absl::Seconds(5)).ok());
}

}  // namespace
}  // namespace kplan
