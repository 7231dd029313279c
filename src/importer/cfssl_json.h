#ifndef KPLAN_IMPORTER_CFSSL_JSON_H_
#define KPLAN_IMPORTER_CFSSL_JSON_H_

// cfssl's two JSON files, as cfssl 1.4.1 reads them (config/config.go, csr/csr.go); what 1.6 has more is
// known. What it would have read otherwise than its author thought (unknown usages, unknown fields) is a
// warning; what only a cfssl server needs is dropped with one.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/importer/findings.h"
#include "src/importer/json_tree.h"

namespace kplan {

inline constexpr int kNoPathLimit = -1;

// One entry of `signing.profiles`, or `signing.default`.
struct CfsslProfile {
  Sourced name;
  bool is_default = false;
  std::vector<Sourced> usages;  // those that cfssl knows, each once
  // As in cfssl the default's expiry and URLs count where the profile has none (signer/signer.go,
  // FillTemplate).
  Sourced expiry;              // as typed
  int64_t expiry_seconds = 0;  // 0: none
  Sourced backdate;            // as typed; "" when there is none
  bool is_ca = false;
  int path_length = kNoPathLimit;
  Sourced crl, ocsp;  // "" when there is none
  std::vector<Sourced> issuers;
};

struct CfsslConfig {
  std::string name;                    // of the file, without .json
  std::vector<CfsslProfile> profiles;  // in the order of the file
};

// A request (NAME-csr.json).
struct CfsslRequest {
  Place place;  // the file
  Sourced CN, serial_number;
  using Names = std::vector<std::pair<std::string, Sourced>>;
  std::vector<Names> names;  // C, ST, L, O, OU as in the file, empty ones left out
  bool has_hosts = false;
  std::vector<Sourced> hosts;
  Sourced algo, size;  // "" when the file has no key
  bool is_ca = false;  // has a "ca" section
  int64_t ca_expiry_seconds = 0;
  Sourced ca_expiry;
};

// What a JSON file is, by its content.
enum class CfsslFile { kConfig, kRequest, kOther };
CfsslFile KindOf(const JsonNode& root);

// Errors and warnings go to FINDINGS, of whose file FILE the tree is.
CfsslConfig ReadConfig(const JsonNode& root, size_t file, Findings* findings);
CfsslRequest ReadRequest(const JsonNode& root, size_t file, Findings* findings);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_CFSSL_JSON_H_
