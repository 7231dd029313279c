#ifndef KPLAN_PKI_IP_NETWORK_H_
#define KPLAN_PKI_IP_NETWORK_H_

#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// An IPv4 or IPv6 network (RFC 4632, RFC 4291 2.3) without host bits.
struct IpNetwork {
  // "10.0.0.0/8". One of IPv4 addresses that are mapped into IPv6 comes back as IPv4, as ParseIpAddress does
  // it with the addresses. Errors are statuses of a reason and, after a line end, a remedy.
  static absl::StatusOr<IpNetwork> Parse(absl::string_view text);

  // The network of ADDRESS alone; false when it is no address.
  static bool OfAddress(absl::string_view address, IpNetwork* network);

  int bits() const { return v6 ? 128 : 32; }
  bool BitAt(int i) const { return (octets[i / 8] >> (7 - i % 8) & 1) != 0; }
  // Whether all of OTHER is in it; an IPv4 network is in no IPv6 one.
  bool Contains(const IpNetwork& other) const;
  std::string ToString() const;

  bool v6 = false;
  std::array<unsigned char, 16> octets = {};  // an IPv4 one has the first 4
  int prefix = 0;
};

}  // namespace kplan

#endif  // KPLAN_PKI_IP_NETWORK_H_
