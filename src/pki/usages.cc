#include "src/pki/usages.h"

namespace kplan {

const std::array<Usage, 23> kUsages = {{
    {"signing", kDigitalSignature},
    {"digital signature", kDigitalSignature},
    {"content commitment", kContentCommitment},
    {"key encipherment", kKeyEncipherment},
    {"key agreement", kKeyAgreement},
    {"data encipherment", kDataEncipherment},
    {"cert sign", kCertSign},
    {"crl sign", kCrlSign},
    {"encipher only", kEncipherOnly},
    {"decipher only", kDecipherOnly},
    {"any", 0, "2.5.29.37.0"},
    {"server auth", 0, "1.3.6.1.5.5.7.3.1"},
    {"client auth", 0, "1.3.6.1.5.5.7.3.2"},
    {"code signing", 0, "1.3.6.1.5.5.7.3.3"},
    {"email protection", 0, "1.3.6.1.5.5.7.3.4"},
    {"s/mime", 0, "1.3.6.1.5.5.7.3.4"},
    {"ipsec end system", 0, "1.3.6.1.5.5.7.3.5"},
    {"ipsec tunnel", 0, "1.3.6.1.5.5.7.3.6"},
    {"ipsec user", 0, "1.3.6.1.5.5.7.3.7"},
    {"timestamping", 0, "1.3.6.1.5.5.7.3.8"},
    {"ocsp signing", 0, "1.3.6.1.5.5.7.3.9"},
    {"microsoft sgc", 0, "1.3.6.1.4.1.311.10.3.3"},
    {"netscape sgc", 0, "2.16.840.1.113730.4.1"},
}};

const Usage* FindUsage(absl::string_view name) {
  for (const Usage& usage : kUsages) {
    if (usage.name == name) return &usage;
  }
  return nullptr;
}

}  // namespace kplan
