#include "src/probe/listening.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/disk.h"
#include "src/base/ip_address.h"
#include "src/base/process.h"

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

// An address as /proc/net/tcp and tcp6 write it: each 32-bit word as a number of this machine, in
// hexadecimal.
std::string ProcNetAddress(const unsigned char* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; i += 4) {
    uint32_t word;
    memcpy(&word, bytes + i, 4);
    absl::StrAppend(&text, absl::Hex(word, absl::kZeroPad8));
  }
  return absl::AsciiStrToUpper(text);
}

// Lines of a file, read in pieces that are no longer than one of /proc/net/tcp.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}

  // False at the end.
  bool Next(std::string* line) {
    size_t end;
    while ((end = pending_.find('\n')) == std::string::npos) {
      char block[150];
      ssize_t size = disk::Read(fd_, block, sizeof(block));
      if (size <= 0) return false;
      pending_.append(block, size);
    }
    *line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    return true;
  }

 private:
  int fd_;
  std::string pending_;
};

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

absl::StatusOr<bool> ListensAt(pid_t pid, const SocketAddresses& addresses) {
  absl::StatusOr<std::set<std::string>> inodes = SocketInodes(pid);
  if (!inodes.ok()) return inodes.status();
  std::set<std::string> wanted = {ProcNetAddress(reinterpret_cast<const unsigned char*>(&in6addr_any), 16),
                                  "00000000"};
  int port = 0;
  for (const SocketAddress& address : addresses) {
    if (address.storage.ss_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
      wanted.insert(ProcNetAddress(reinterpret_cast<const unsigned char*>(&v4->sin_addr), 4));
      port = ntohs(v4->sin_port);
    } else {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
      wanted.insert(ProcNetAddress(reinterpret_cast<const unsigned char*>(&v6->sin6_addr), 16));
      port = ntohs(v6->sin6_port);
    }
  }
  for (const char* table : {"tcp", "tcp6"}) {
    // PID's own view: it may live in another network namespace.
    const std::string path = absl::StrCat("/proc/", pid, "/net/", table);
    UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.ok() && errno == ENOENT && strcmp(table, "tcp6") == 0) continue;  // a kernel without IPv6
    if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ... (proc(5)); st 0A is
    // LISTEN. Read a line at a time: those that listen come first, and the kernel walks its whole table of
    // connections, milliseconds, for as much as it is asked for.
    LineReader lines(fd.get());
    std::string line;
    lines.Next(&line);  // the headings
    while (lines.Next(&line)) {
      std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (fields.size() < 10 || fields[3] != "0A") break;
      if (inodes->count(std::string(fields[9])) == 0) continue;
      std::pair<std::string, std::string> local = absl::StrSplit(fields[1], absl::MaxSplits(':', 1));
      int local_port = 0;
      if (absl::SimpleHexAtoi(local.second, &local_port) && local_port == port &&
          wanted.count(local.first) != 0) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace kplan
