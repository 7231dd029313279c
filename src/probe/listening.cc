#include "src/probe/listening.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/ip_address.h"
#include "src/base/process.h"
#include "src/probe/listening_table.h"

namespace kplan {
namespace {

bool ParseIp(absl::string_view text, int port, SocketAddress* address) {
  const std::string octets = WrittenIpOctets(text);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address->storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address->storage);
  if (octets.size() == sizeof(v4->sin_addr)) {
    memcpy(&v4->sin_addr, octets.data(), octets.size());
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address->size = sizeof(*v4);
    return true;
  }
  if (octets.size() == sizeof(v6->sin6_addr)) {
    memcpy(&v6->sin6_addr, octets.data(), octets.size());
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address->size = sizeof(*v6);
    return true;
  }
  return false;
}

absl::StatusOr<std::set<std::string>> SocketInodes(pid_t pid) {
  std::string folder = absl::StrCat("/proc/", pid, "/fd");
  std::unique_ptr<DIR, int (*)(DIR*)> fds(opendir(folder.c_str()), closedir);
  if (fds == nullptr) return ErrnoStatus(errno, absl::StrCat("cannot read ", folder));
  std::set<std::string> inodes;
  while (const dirent* entry = readdir(fds.get())) {
    char target[PATH_MAX];
    ssize_t size = readlinkat(dirfd(fds.get()), entry->d_name, target, sizeof(target));
    absl::string_view link(target, std::max<ssize_t>(size, 0));
    if (absl::ConsumePrefix(&link, "socket:[") && absl::ConsumeSuffix(&link, "]")) inodes.emplace(link);
  }
  return inodes;
}

}  // namespace

absl::string_view OctetsOf(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return {reinterpret_cast<const char*>(&v4->sin_addr), sizeof(v4->sin_addr)};
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  return {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof(v6->sin6_addr)};
}

int PortOf(const SocketAddress& address) {
  // At the same place in both.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

absl::StatusOr<SocketAddresses> ResolveAddresses(const HostPort& target) {
  SocketAddress address;
  if (ParseIp(target.host, target.port, &address)) return SocketAddresses{address};
  RunOptions options;
  options.timeout = absl::Seconds(10);
  absl::StatusOr<RunResult> result = Run({"getent", "ahosts", "--", target.host}, options);
  if (!result.ok()) return result.status();
  // A line for each address and kind of socket: "127.0.0.1       STREAM localhost".
  SocketAddresses addresses;
  std::set<std::string> seen;
  for (absl::string_view line : absl::StrSplit(result->out, '\n')) {
    const std::string ip(line.substr(0, line.find_first_of(" \t")));
    if (ParseIp(ip, target.port, &address) && seen.insert(ip).second) addresses.push_back(address);
  }
  if (result->ok() && !addresses.empty()) return addresses;
  return absl::NotFoundError(absl::StrCat("this machine cannot resolve the name ", target.host));
}

namespace {

absl::StatusOr<UniqueFd> ConnectToOne(const SocketAddress& address, absl::Time deadline) {
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot make a socket");
  int error = 0;
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      struct pollfd poll_fd = {fd.get(), POLLOUT, 0};
      int ready;
      do {
        int64_t left = std::max<int64_t>(0, absl::ToInt64Milliseconds(deadline - absl::Now()));
        ready = poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
      } while (ready < 0 && errno == EINTR);
      if (ready == 0) return absl::DeadlineExceededError("no answer to a TCP connection");
      socklen_t size = sizeof(error);
      getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  if (error != 0) return absl::UnavailableError(absl::StrCat("cannot connect: ", strerror(error)));
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> ConnectTcp(const SocketAddresses& addresses, absl::Time deadline) {
  absl::StatusOr<UniqueFd> fd = absl::InternalError("there is no address to connect to");
  for (size_t i = 0; i < addresses.size() && !fd.ok(); ++i) {
    const absl::Time now = absl::Now();
    fd = ConnectToOne(addresses[i], now + (deadline - now) / static_cast<double>(addresses.size() - i));
  }
  return fd;
}

absl::StatusOr<Connection> DialFromHere(const HostPort& target, absl::Time deadline) {
  absl::StatusOr<SocketAddresses> addresses = ResolveAddresses(target);
  if (!addresses.ok()) return addresses.status();
  absl::StatusOr<UniqueFd> fd = ConnectTcp(*addresses, deadline);
  if (!fd.ok()) return fd.status();
  return Connection{*std::move(fd)};
}

absl::StatusOr<bool> ListensAt(pid_t pid, const SocketAddresses& addresses) {
  absl::StatusOr<std::set<std::string>> inodes = SocketInodes(pid);
  if (!inodes.ok()) return inodes.status();
  std::set<std::string> wanted = {std::string(4, '\0'), std::string(16, '\0')};  // every address
  int port = 0;
  for (const SocketAddress& address : addresses) {
    wanted.emplace(OctetsOf(address));
    port = PortOf(address);
  }
  // PID's own view: it may live in another network namespace.
  absl::StatusOr<std::vector<ListeningSocket>> sockets = AllListening(absl::StrCat("/proc/", pid, "/net"));
  if (!sockets.ok()) return sockets.status();
  return std::any_of(sockets->begin(), sockets->end(), [&](const ListeningSocket& socket) {
    return socket.port == port && inodes->count(socket.inode) != 0 && wanted.count(socket.octets) != 0;
  });
}

}  // namespace kplan
