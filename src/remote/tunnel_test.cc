// Both ends of a session that carries connections, in one process, with real sockets.

#include "src/remote/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/fd.h"
#include "src/remote/dial_server.h"
#include "src/remote/stream_frames.h"

namespace kplan {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);

// A listener on loopback.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(fd_.get(), reinterpret_cast<struct sockaddr*>(&address), size) != 0 ||
        listen(fd_.get(), 64) != 0 ||
        getsockname(fd_.get(), reinterpret_cast<struct sockaddr*>(&address), &size) != 0)
      abort();
    port_ = ntohs(address.sin_port);
  }

  UniqueFd Accept() { return UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  bool HasOne() {
    struct pollfd fd = {fd_.get(), POLLIN, 0};
    return poll(&fd, 1, 0) > 0;
  }
  HostPort target() const { return {"127.0.0.1", port_}; }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

// What comes from FD until its end; blocks.
std::string ReadAll(int fd) {
  std::string text;
  char block[8192];
  for (;;) {
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, 60000) != 1) return text + " (nothing for a minute)";
    const ssize_t n = read(fd, block, sizeof(block));
    if (n == 0) return text;
    if (n < 0 && errno != EAGAIN) return absl::StrCat(text, " (", strerror(errno), ")");
    if (n > 0) text.append(block, n);
  }
}

void WriteWhole(int fd, absl::string_view text) {
  while (!text.empty()) {
    struct pollfd ready = {fd, POLLOUT, 0};
    ASSERT_EQ(poll(&ready, 1, 60000), 1);
    const ssize_t n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n > 0) text.remove_prefix(n);
    ASSERT_TRUE(n > 0 || errno == EAGAIN) << strerror(errno);
  }
}

class TunnelTest : public testing::Test {
 protected:
  TunnelTest() { signal(SIGPIPE, SIG_IGN); }
  ~TunnelTest() override {
    dialer_ = nullptr;
    if (agent_.joinable()) agent_.join();
  }

  void Open(std::vector<HostPort> targets) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = UniqueFd(ends[0]);
    agent_ = std::thread([this, targets, theirs = ends[1]] {
      const UniqueFd fd(theirs);
      agent_status_ = ServeDials(fd.get(), fd.get(), targets);
    });
    fcntl(ours_.get(), F_SETFL, O_NONBLOCK);
    absl::StatusOr<std::unique_ptr<Dialer>> dialer = OpenTunnel(
        [this]() -> absl::StatusOr<CarrierSession> {
          return CarrierSession{ours_.get(), ours_.get(), "", [this] { shutdown(ours_.get(), SHUT_RDWR); }};
        },
        targets);
    ASSERT_TRUE(dialer.ok()) << dialer.status();
    dialer_ = *std::move(dialer);
  }

  Connection MustDial(const HostPort& target) {
    absl::StatusOr<Connection> connection = dialer_->Dial(target, kLong);
    EXPECT_TRUE(connection.ok()) << connection.status();
    return connection.ok() ? *std::move(connection) : Connection();
  }

  UniqueFd ours_;
  std::thread agent_;
  absl::Status agent_status_;
  std::unique_ptr<Dialer> dialer_;
};

TEST_F(TunnelTest, BytesGoBothWaysAndEndInOrder) {
  Listener server;
  Open({server.target()});
  Connection connection = MustDial(server.target());
  UniqueFd there = server.Accept();
  WriteWhole(connection.fd.get(), "to the server");
  char block[64];
  ASSERT_EQ(read(there.get(), block, sizeof(block)), 13);
  WriteWhole(there.get(), "to the client");
  there = UniqueFd();
  EXPECT_EQ(ReadAll(connection.fd.get()), "to the client");
  EXPECT_EQ(connection.why_cut(), "");
  EXPECT_FALSE(dialer_->IsFromHere(server.target()));
}

TEST_F(TunnelTest, AnEndOfOneSideLeavesTheOther) {
  Listener server;
  Open({server.target()});
  Connection connection = MustDial(server.target());
  UniqueFd there = server.Accept();
  WriteWhole(connection.fd.get(), "all of it");
  shutdown(connection.fd.get(), SHUT_WR);
  EXPECT_EQ(ReadAll(there.get()), "all of it");
  WriteWhole(there.get(), "answer");
  there = UniqueFd();
  EXPECT_EQ(ReadAll(connection.fd.get()), "answer");
}

TEST_F(TunnelTest, WhoIsClosedHereIsClosedThere) {
  Listener server;
  Open({server.target()});
  UniqueFd there;
  {
    Connection connection = MustDial(server.target());
    there = server.Accept();
    WriteWhole(connection.fd.get(), "bye");
  }
  EXPECT_EQ(ReadAll(there.get()), "bye");
}

TEST_F(TunnelTest, AResetIsToldFromAnEnd) {
  Listener server;
  Open({server.target()});
  Connection connection = MustDial(server.target());
  UniqueFd there = server.Accept();
  const struct linger at_once = {1, 0};
  ASSERT_EQ(setsockopt(there.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
  there = UniqueFd();
  EXPECT_EQ(ReadAll(connection.fd.get()), "");
  EXPECT_EQ(connection.why_cut(), "Connection reset by peer");
}

TEST_F(TunnelTest, WhoDoesNotListenIsSaid) {
  HostPort nobody;
  { nobody = Listener().target(); }
  Open({nobody});
  EXPECT_EQ(dialer_->Dial(nobody, kLong).status(),
            absl::UnavailableError("cannot connect: Connection refused"));
}

TEST_F(TunnelTest, NobodyElseIsConnectedTo) {
  Listener server, other;
  Open({server.target()});
  EXPECT_FALSE(dialer_->Dial(other.target(), kLong).ok());
  EXPECT_FALSE(other.HasOne());
}

TEST_F(TunnelTest, TheAgentConnectsOnlyToWhatItWasToldAtFirst) {
  Listener server;
  for (const std::string& frame : {OpenFrame(1, 1, 1000), FrameText(Frame::kOpen, 1, "x"),
                                   std::string("GET / HTTP"), FrameText(Frame::kOpened, 1)}) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    UniqueFd ours(ends[0]), theirs(ends[1]);
    WriteWhole(ours.get(), frame);
    EXPECT_TRUE(absl::IsDataLoss(ServeDials(theirs.get(), theirs.get(), {server.target()})));
    EXPECT_FALSE(server.HasOne());
  }
}

// More than a window each way, of several streams, one of which nobody reads.
TEST_F(TunnelTest, ASlowReaderHoldsUpNobodyElse) {
  Listener server;
  Open({server.target()});
  Connection slow = MustDial(server.target());
  UniqueFd slow_there = server.Accept();
  std::thread stuck([&] {
    std::string much(8 * kWindow, 's');
    while (!much.empty()) {
      const ssize_t n = send(slow_there.get(), much.data(), much.size(), MSG_NOSIGNAL);
      if (n < 0) return;
      much.erase(0, n);
    }
    shutdown(slow_there.get(), SHUT_WR);
  });
  Connection quick = MustDial(server.target());
  UniqueFd quick_there = server.Accept();
  std::string much;
  for (size_t i = 0; much.size() < 4 * kWindow; ++i) absl::StrAppend(&much, i, " ");
  std::thread writer([&] {
    WriteWhole(quick_there.get(), much);
    shutdown(quick_there.get(), SHUT_WR);
  });
  std::thread other_writer([&] {
    WriteWhole(quick.fd.get(), much);
    shutdown(quick.fd.get(), SHUT_WR);
  });
  auto heard_there = std::async(std::launch::async, [&] { return ReadAll(quick_there.get()); });
  EXPECT_EQ(ReadAll(quick.fd.get()), much);
  EXPECT_EQ(heard_there.get(), much);
  writer.join();
  other_writer.join();
  EXPECT_EQ(ReadAll(slow.fd.get()), std::string(8 * kWindow, 's'));
  stuck.join();
}

TEST_F(TunnelTest, ManyAtATime) {
  Listener server;
  Open({server.target()});
  std::vector<std::thread> threads;
  std::thread acceptor([&] {
    for (int i = 0; i < 40; ++i) {
      UniqueFd there = server.Accept();
      char c;
      if (read(there.get(), &c, 1) == 1) WriteWhole(there.get(), std::string(3, c));
    }
  });
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&, i] {
      Connection connection = MustDial(server.target());
      const std::string own(1, static_cast<char>('A' + i));
      WriteWhole(connection.fd.get(), own);
      EXPECT_EQ(ReadAll(connection.fd.get()), own + own + own);
    });
  }
  for (std::thread& thread : threads) thread.join();
  acceptor.join();
}

TEST_F(TunnelTest, ASessionThatEndsEndsAll) {
  Listener server;
  Open({server.target()});
  Connection connection = MustDial(server.target());
  UniqueFd there = server.Accept();
  shutdown(ours_.get(), SHUT_RDWR);
  EXPECT_EQ(ReadAll(connection.fd.get()), "");
  EXPECT_THAT(connection.why_cut(), HasSubstr("session"));
  EXPECT_EQ(ReadAll(there.get()), "");
  EXPECT_TRUE(absl::IsAborted(dialer_->Dial(server.target(), kLong).status()));
  agent_.join();
  EXPECT_TRUE(agent_status_.ok()) << agent_status_;
}

TEST(OpenTunnel, SaysWhyThereIsNoSession) {
  const absl::Status out = absl::UnavailableError("host etcd-1: cannot be reached");
  EXPECT_EQ(OpenTunnel([&]() -> absl::StatusOr<CarrierSession> { return out; }, {{"127.0.0.1", 1}}).status(),
            out);
  EXPECT_TRUE(
      absl::IsInvalidArgument(OpenTunnel([&]() -> absl::StatusOr<CarrierSession> { return out; },
                                         std::vector<HostPort>(kMaxDialTargets + 1, HostPort{"127.0.0.1", 1}))
                                  .status()));
}

}  // namespace
}  // namespace kplan
