#include "src/probe/taken_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/ip_address.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

// As a kernel with little-endian words wrote them.
constexpr char kTcp[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0\n"
    "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0\n"
    "   2: 0100007F:094B 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 99 1 0\n"
    "   3: nonsense\n"
    "   4: 0100007F:1094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12 1 0\n";
constexpr char kTcp6[] =
    "   0: 00000000000000000000000001000000:094C 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 8 "
    "1\n";

TEST(ParseListening, HasThoseThatListen) {
  EXPECT_THAT(ParseListening(kTcp), ElementsAre(ListeningSocket{IpOctets("127.0.0.1"), 2379, 1000, "4711"},
                                                ListeningSocket{IpOctets("0.0.0.0"), 22, 0, "17"}));
  EXPECT_THAT(ParseListening(kTcp6), ElementsAre(ListeningSocket{IpOctets("::1"), 2380, 0, "8"}));
  EXPECT_THAT(ParseListening(""), ElementsAre());
}

// All sockets with all addresses that a service may want.
TEST(MayConflict, IsAsTheKernelHasIt) {
  const std::vector<std::string> all = {
      "127.0.0.1", "127.0.0.2", "0.0.0.0", "::", "::1", "2001:db8::1", "::ffff:127.0.0.1"};
  const std::vector<std::pair<std::string, std::vector<std::string>>> conflicts = {
      // What listens: in whose way it may be.
      {"127.0.0.1", {"127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"}},
      {"127.0.0.2", {"127.0.0.2", "0.0.0.0", "::"}},
      {"0.0.0.0", {"127.0.0.1", "127.0.0.2", "0.0.0.0", "::", "::ffff:127.0.0.1"}},
      {"::", all},
      {"::1", {"::", "::1"}},
      {"2001:db8::1", {"::", "2001:db8::1"}},
      {"::ffff:127.0.0.1", {"127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"}},
  };
  for (const auto& [listens, in_the_way_of] : conflicts) {
    const ListeningSocket socket = {WrittenIpOctets(listens), 2379, 0, "1"};
    for (const std::string& wanted : all) {
      const bool expected =
          std::find(in_the_way_of.begin(), in_the_way_of.end(), wanted) != in_the_way_of.end();
      EXPECT_EQ(MayConflict(socket, WrittenIpOctets(wanted), 2379), expected) << listens << " and " << wanted;
      EXPECT_FALSE(MayConflict(socket, WrittenIpOctets(wanted), 2380));
    }
  }
}

// A listening socket of this test at a free PORT of the IPv4 address IP.
UniqueFd Listen(const char* ip, int* port, bool shares = false) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = shares ? 1 : 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, ip, &address.sin_addr);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(fd.get(), 1), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

TEST(AllListening, FindsWhoListensHere) {
  int port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  absl::StatusOr<std::vector<ListeningSocket>> sockets = AllListening();
  ASSERT_TRUE(sockets.ok());
  std::string inode;
  for (const ListeningSocket& socket : *sockets) {
    if (socket.port == port && socket.octets == IpOctets("127.0.0.1")) inode = socket.inode;
  }
  ASSERT_NE(inode, "");
  EXPECT_THAT(HoldersOf(inode), Contains(getpid()));
  EXPECT_TRUE(IsInUse(IpOctets("127.0.0.1"), port));
  EXPECT_TRUE(IsInUse(IpOctets("0.0.0.0"), port));
  EXPECT_FALSE(IsInUse(IpOctets("127.0.0.2"), port));
  EXPECT_FALSE(IsInUse(IpOctets("192.0.2.1"), port)) << "no address of this machine";
  listener = UniqueFd();
  EXPECT_FALSE(IsInUse(IpOctets("127.0.0.1"), port));
  EXPECT_THAT(HoldersOf(inode), Not(Contains(getpid())));
}

TEST(IsInUse, WhoSharesIsInNobodysWay) {
  int port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port, /*shares=*/true);
  EXPECT_FALSE(IsInUse(IpOctets("127.0.0.1"), port));
}

TEST(UnitOfCgroup, IsTheInnermostService) {
  EXPECT_EQ(UnitOfCgroup("0::/system.slice/x.service\n"), "x.service");
  EXPECT_EQ(UnitOfCgroup("0::/system.slice/x.service/payload\n"), "x.service");
  EXPECT_EQ(UnitOfCgroup("0::/user.slice/user-0.slice/user@0.service/app.slice/y.service\n"), "y.service");
  EXPECT_EQ(UnitOfCgroup("0::/user.slice/user-0.slice/user@0.service/init.scope\n"), "");
  EXPECT_EQ(UnitOfCgroup("4:cpu:/a.service\n1:name=systemd:/system.slice/x.service\n"), "x.service");
  EXPECT_EQ(UnitOfCgroup("0::/user.slice/session-1.scope\n"), "");
  EXPECT_EQ(UnitOfCgroup(""), "");
}

}  // namespace
}  // namespace kplan
