#ifndef KPLAN_IMPORTER_INPUT_H_
#define KPLAN_IMPORTER_INPUT_H_

// The files that an import reads, each taken apart as what its content says it is.

#include <sys/types.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/importer/certificate_file.h"
#include "src/importer/cfssl_json.h"
#include "src/importer/findings.h"
#include "src/pki/private_key.h"
#include "src/pki/request.h"

namespace kplan {

// NAME-key.pem.
struct KeyFile {
  Place place;
  std::string name;
  Secret bytes;
  mode_t mode = 0;
  PrivateKey key;
  bool pkcs8 = false;
};

// NAME.csr.
struct RequestFile {
  Place place;
  std::string name, bytes;
  CertificationRequest request;
};

struct Input {
  // By name.
  std::map<std::string, CertificateFile> certificates;
  std::map<std::string, KeyFile> keys;
  std::map<std::string, RequestFile> requests;
  std::map<std::string, CfsslRequest> json_requests;
  std::vector<CfsslConfig> configs;  // in the order in which they were read
  // Names of which nothing is imported, because there was an error in the certificate or the key; and those
  // of their certificates that can be read.
  std::set<std::string> skipped;
  std::vector<CertificateFile> skipped_certificates;
};

// Reads PATHS: files, and folders, of which the files *.json, *.pem and *.csr are read. What is wrong with
// one goes to FINDINGS; the status is an error only when a path cannot be read at all. What FINDINGS skips is
// left out of INPUT.
absl::Status ReadInput(const std::vector<std::string>& paths, Input* input, Findings* findings);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_INPUT_H_
