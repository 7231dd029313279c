#include "src/probe/socket_bridge.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/host_port_text.h"

namespace kplan {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr size_t kMostConnections = 32;  // of one program, in all; etcdctl tries again and again

bool IsForLater(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// What goes from one socket to another.
struct Flow {
  int from, to;
  std::string waiting;  // read, and not written yet
  bool ended = false;   // there is no more
  bool shut = false;    // and the other one was told

  bool done() const { return shut; }
  short Reads() const { return !ended && waiting.empty() ? POLLIN : 0; }  // NOLINT(runtime/int)
  short Writes() const { return waiting.empty() ? 0 : POLLOUT; }          // NOLINT(runtime/int)

  // False when one of the two is broken.
  bool Move() {
    if (!ended && waiting.empty()) {
      waiting.resize(kBlock);
      const ssize_t n = recv(from, &waiting[0], waiting.size(), MSG_DONTWAIT);
      waiting.resize(n > 0 ? n : 0);
      if (n < 0 && !IsForLater(errno)) return false;
      ended = n == 0;
    }
    while (!waiting.empty()) {
      const ssize_t n = send(to, waiting.data(), waiting.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0) return IsForLater(errno);
      waiting.erase(0, n);
    }
    if (ended && !shut) shutdown(to, SHUT_WR);
    shut = ended;
    return true;
  }
};

// Carries bytes both ways until both have ended, one is broken, or STOP can be read.
void CarryBytes(int one, int other, int stop) {
  Flow there = {one, other, ""}, back = {other, one, ""};
  while (!there.done() || !back.done()) {
    struct pollfd fds[3] = {
        {stop, POLLIN, 0},
        {one, static_cast<short>(there.Reads() | back.Writes()), 0},     // NOLINT(runtime/int)
        {other, static_cast<short>(back.Reads() | there.Writes()), 0}};  // NOLINT(runtime/int)
    // What neither is read nor written would only be told of again and again.
    for (struct pollfd& fd : fds) fd.fd = fd.events == 0 ? -1 : fd.fd;
    if (poll(fds, 3, -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0 || !there.Move() || !back.Move()) return;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketBridge>> SocketBridge::Open(std::shared_ptr<Dialer> dialer,
                                                                 std::vector<HostPort> targets,
                                                                 absl::Duration timeout) {
  std::unique_ptr<SocketBridge> bridge(new SocketBridge(std::move(dialer), std::move(targets), timeout));
  if (absl::Status status = bridge->Listen(); !status.ok()) return status;
  bridge->acceptor_ = std::thread([made = bridge.get()] { made->Accept(); });
  return bridge;
}

absl::Status SocketBridge::Listen() {
  std::string folder = "/tmp/kplan-ways-XXXXXX";
  if (mkdtemp(&folder[0]) == nullptr) return ErrnoStatus(errno, "cannot make a folder below /tmp");
  folder_ = std::move(folder);
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!stop_.ok()) return ErrnoStatus(errno, "cannot make an event");
  for (const HostPort& target : targets_) {
    const std::string path = PathOf(target);
    struct sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("nothing here can be led to ", HostPortText(target),
                       ", which this machine does not reach by itself: its name is too long for a socket; "
                       "give the host a shorter `address`"));
    }
    memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.ok() || bind(fd.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(fd.get(), static_cast<int>(kMostConnections)) != 0)
      return ErrnoStatus(errno, absl::StrCat("cannot listen at ", path));
    listeners_.push_back(std::move(fd));
  }
  return absl::OkStatus();
}

SocketBridge::~SocketBridge() {
  if (stop_.ok()) eventfd_write(stop_.get(), 1);
  if (acceptor_.joinable()) acceptor_.join();
  for (const HostPort& target : targets_) unlink(PathOf(target).c_str());
  if (!folder_.empty()) rmdir(folder_.c_str());
}

std::string SocketBridge::PathOf(const HostPort& target) const {
  return absl::StrCat(folder_, "/", HostPortText(target));
}

std::string SocketBridge::WhyNot() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return why_not_;
}

// Until the event. The event stays, so that every thread sees it.
void SocketBridge::Accept() {
  std::vector<std::thread> carriers;
  for (;;) {
    std::vector<struct pollfd> fds = {{stop_.get(), POLLIN, 0}};
    for (const UniqueFd& listener : listeners_)
      fds.push_back({carriers.size() < kMostConnections ? listener.get() : -1, POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
    if (fds[0].revents != 0) break;
    for (size_t i = 0; i < listeners_.size(); ++i) {
      if (fds[i + 1].revents == 0) continue;
      UniqueFd client(accept4(listeners_[i].get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client.ok()) continue;
      auto shared = std::make_shared<UniqueFd>(std::move(client));
      carriers.emplace_back([this, i, shared] { Carry(targets_[i], std::move(*shared)); });
    }
  }
  for (std::thread& carrier : carriers) carrier.join();
}

void SocketBridge::Carry(const HostPort& target, UniqueFd client) {
  absl::StatusOr<Connection> connection = dialer_->Dial(target, timeout_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    why_not_ = std::string(connection.status().message());
  }
  if (connection.ok()) CarryBytes(client.get(), connection->fd.get(), stop_.get());
}

}  // namespace kplan
