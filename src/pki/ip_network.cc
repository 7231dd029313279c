#include "src/pki/ip_network.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/domain.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"

namespace kplan {
namespace {

absl::string_view OctetsOf(const IpNetwork& network) {
  return absl::string_view(reinterpret_cast<const char*>(network.octets.data()), network.bits() / 8);
}

// The octets as they are, a mapped address as IPv6.
bool ReadOctets(absl::string_view address, IpNetwork* network) {
  const std::string octets = WrittenIpOctets(address);
  if (octets.empty()) return false;
  std::copy(octets.begin(), octets.end(), network->octets.begin());
  network->v6 = octets.size() == network->octets.size();
  network->prefix = network->bits();
  return true;
}

void Unmap(IpNetwork* network) {
  const absl::string_view octets = UnmappedIpOctets(OctetsOf(*network));
  IpNetwork v4;
  v4.prefix = network->prefix - (network->bits() - v4.bits());
  if (octets.size() == OctetsOf(*network).size() || v4.prefix < 0) return;
  std::copy(octets.begin(), octets.end(), v4.octets.begin());
  *network = v4;
}

}  // namespace

absl::StatusOr<IpNetwork> IpNetwork::Parse(absl::string_view text) {
  size_t slash = std::min(text.rfind('/'), text.size());
  absl::string_view prefix = text.substr(std::min(slash + 1, text.size()));
  IpNetwork network;
  if (!ReadOctets(text.substr(0, slash), &network)) {
    return RefuseName("not a network: no IP address stands before the /",
                      "for example 10.0.0.0/8 or fd00::/8");
  }
  bool plain = !prefix.empty() && prefix.size() <= 3 && (prefix == "0" || prefix[0] != '0') &&
               std::all_of(prefix.begin(), prefix.end(), absl::ascii_isdigit);
  if (!plain || !absl::SimpleAtoi(prefix, &network.prefix) || network.prefix > network.bits()) {
    return RefuseName(
        absl::StrCat("not a network: after the / stands ", Quote(prefix), ", not the number of its bits"),
        absl::StrCat("write one from 0 to ", network.bits()));
  }
  IpNetwork masked = network;
  for (int i = network.prefix; i < network.bits(); ++i) masked.octets[i / 8] &= ~(0x80 >> (i % 8));
  if (masked.octets != network.octets) {
    IpNetwork address = network;
    address.prefix = address.bits();
    return RefuseName(
        "a network with bits set behind its prefix",
        absl::StrCat("write ", masked.ToString(), ", or ", address.ToString(), " for the address alone"));
  }
  Unmap(&network);
  return network;
}

bool IpNetwork::OfAddress(absl::string_view address, IpNetwork* network) {
  if (!ReadOctets(address, network)) return false;
  Unmap(network);
  return true;
}

bool IpNetwork::Contains(const IpNetwork& other) const {
  if (v6 != other.v6 || prefix > other.prefix) return false;
  for (int i = 0; i < prefix; ++i) {
    if (BitAt(i) != other.BitAt(i)) return false;
  }
  return true;
}

std::string IpNetwork::ToString() const { return absl::StrCat(IpText(OctetsOf(*this)), "/", prefix); }

}  // namespace kplan
