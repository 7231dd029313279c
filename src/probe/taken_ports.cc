#include "src/probe/taken_ports.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/files.h"
#include "src/base/ip_address.h"

namespace kplan {
namespace {

bool IsEveryAddress(absl::string_view octets) {
  return std::all_of(octets.begin(), octets.end(), [](char octet) { return octet == 0; });
}

// What bind(2) says to OCTETS and PORT; 0: it binds them. Nothing listens meanwhile.
int BindError(absl::string_view octets, int port) {
  sockaddr_storage storage = {};
  socklen_t size;
  if (octets.size() == 4) {
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(static_cast<uint16_t>(port));
    memcpy(&address->sin_addr, octets.data(), octets.size());
    size = sizeof(*address);
  } else {
    auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(static_cast<uint16_t>(port));
    memcpy(&address->sin6_addr, octets.data(), std::min(octets.size(), sizeof(address->sin6_addr)));
    size = sizeof(*address);
  }
  UniqueFd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return 0;
  const int yes = 1;
  // As servers do: connections that are about to end are in nobody's way.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0 ? 0 : errno;
}

}  // namespace

bool MayConflict(const ListeningSocket& socket, absl::string_view octets, int port) {
  if (socket.port != port) return false;
  const absl::string_view theirs = UnmappedIpOctets(socket.octets), ours = UnmappedIpOctets(octets);
  if (theirs == ours) return true;
  // Every address of IPv6 is every address; of IPv4, only of its own family.
  auto has_all = [](absl::string_view all, absl::string_view one) {
    return IsEveryAddress(all) && all.size() >= one.size();
  };
  return has_all(theirs, ours) || has_all(ours, theirs);
}

bool IsInUse(absl::string_view octets, int port) {
  const int error = BindError(octets, port);
  return error == EADDRINUSE || error == EACCES;
}

bool IsNowhereHere(absl::string_view octets) { return BindError(octets, 0) == EADDRNOTAVAIL; }

std::vector<std::string> OwnAddresses() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> freed(all, freeifaddrs);
  std::vector<std::string> texts;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::string octets;
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto& address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
      octets.assign(reinterpret_cast<const char*>(&address), sizeof(address));
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto& address = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&address)) continue;
      octets.assign(reinterpret_cast<const char*>(&address), sizeof(address));
    }
    if (!octets.empty()) texts.push_back(absl::StrCat(IpText(octets), " (", each->ifa_name, ")"));
  }
  return texts;
}

std::vector<pid_t> HoldersOf(absl::string_view inode) {
  std::vector<pid_t> holders;
  const std::string wanted = absl::StrCat("socket:[", inode, "]");
  std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), closedir);
  while (const dirent* process = processes == nullptr ? nullptr : readdir(processes.get())) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(process->d_name, &pid)) continue;
    std::unique_ptr<DIR, int (*)(DIR*)> fds(opendir(absl::StrCat("/proc/", pid, "/fd").c_str()), closedir);
    while (const dirent* entry = fds == nullptr ? nullptr : readdir(fds.get())) {
      char target[PATH_MAX];
      const ssize_t size = readlinkat(dirfd(fds.get()), entry->d_name, target, sizeof(target));
      if (size < 0 || absl::string_view(target, static_cast<size_t>(size)) != wanted) continue;
      holders.push_back(pid);
      break;
    }
  }
  std::sort(holders.begin(), holders.end());
  return holders;
}

std::string UnitOfCgroup(absl::string_view cgroup) {
  for (absl::string_view line : absl::StrSplit(cgroup, '\n')) {
    // "0::/system.slice/x.service", and of version 1 "1:name=systemd:/system.slice/x.service".
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !(fields[1].empty() || fields[1] == "name=systemd")) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(fields[2], '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      // The manager of a user's own units is none that holds a port.
      if (absl::EndsWith(*part, ".service") && !absl::StartsWith(*part, "user@")) return std::string(*part);
    }
  }
  return "";
}

}  // namespace kplan
