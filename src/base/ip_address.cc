#include "src/base/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/match.h"

namespace kplan {
namespace {

constexpr size_t kV4 = sizeof(in_addr), kV6 = sizeof(in6_addr);

constexpr absl::string_view kMappedPrefix("\0\0\0\0\0\0\0\0\0\0\xFF\xFF", kV6 - kV4);  // ::ffff:0:0/96

}  // namespace

std::string WrittenIpOctets(absl::string_view text) {
  if (absl::StrContains(text, '\0')) return "";
  const std::string copy(text);
  char octets[kV6];
  if (inet_pton(AF_INET, copy.c_str(), octets) == 1) return std::string(octets, kV4);
  if (inet_pton(AF_INET6, copy.c_str(), octets) == 1) return std::string(octets, kV6);
  return "";
}

absl::string_view UnmappedIpOctets(absl::string_view octets) {
  const bool mapped = octets.size() == kV6 && absl::StartsWith(octets, kMappedPrefix);
  return mapped ? octets.substr(kMappedPrefix.size()) : octets;
}

std::string IpOctets(absl::string_view text) {
  const std::string octets = WrittenIpOctets(text);
  return std::string(UnmappedIpOctets(octets));
}

std::string IpText(absl::string_view octets) {
  if (octets.size() != kV4 && octets.size() != kV6) return "";
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(octets.size() == kV4 ? AF_INET : AF_INET6, octets.data(), text, sizeof(text));
}

bool ParseIpAddress(absl::string_view text, std::string* canonical) {
  const std::string octets = IpOctets(text);
  if (octets.empty()) return false;
  *canonical = IpText(octets);
  return true;
}

bool IsIpAddress(absl::string_view text) { return !WrittenIpOctets(text).empty(); }

}  // namespace kplan
