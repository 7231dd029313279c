#ifndef KPLAN_BASE_IP_ADDRESS_H_
#define KPLAN_BASE_IP_ADDRESS_H_

// IP addresses: their octets in network order, their text, and the one form in which they are compared. What
// counts as an address is what inet_pton takes, of texts without NUL, which would hide from it what follows.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// The octets of TEXT as it is written, 4 or 16, an IPv4 address mapped into IPv6 as 16; empty when TEXT is no
// address.
std::string WrittenIpOctets(absl::string_view text);

// OCTETS, but of an IPv4 address mapped into IPv6 (::ffff:0:0/96) its last 4: so Go compares them.
absl::string_view UnmappedIpOctets(absl::string_view octets);

// The octets of TEXT, 4 or 16, of a mapped address 4; empty when TEXT is no address.
std::string IpOctets(absl::string_view text);

// 4 or 16 OCTETS as inet_ntop writes them; empty when they are neither.
std::string IpText(absl::string_view octets);

// TEXT in its one form, the text of its IpOctets; false when it is no address.
bool ParseIpAddress(absl::string_view text, std::string* canonical);

bool IsIpAddress(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_BASE_IP_ADDRESS_H_
