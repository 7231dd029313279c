#ifndef KPLAN_IMPORTER_INPUT_H_
#define KPLAN_IMPORTER_INPUT_H_

// The files that an import reads, each taken apart as what its content says it is.

#include <sys/types.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/importer/cfssl_json.h"
#include "src/importer/findings.h"
#include "src/pki/certificate.h"
#include "src/pki/private_key.h"

namespace kplan {

// NAME.pem. The name of a file is what stands before the first of "-key.pem", "-csr.json", ".pem", ... in its
// last path component.
struct CertificateFile {
  Place place;
  std::string name, bytes;
  Certificate certificate;
  StringPairs subject;        // ("C", "US"), ... in the certificate's order
  std::string unknown_field;  // one of the subject that cfssl and kplan do not write; "" when there is none
  int path_length = kNoPathLimit;
  std::string crl, ocsp;  // URLs; "" when there is none
  std::vector<std::string> issuers;
};

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
};

struct Input {
  // By name.
  std::map<std::string, CertificateFile> certificates;
  std::map<std::string, KeyFile> keys;
  std::map<std::string, RequestFile> requests;
  std::map<std::string, CfsslRequest> json_requests;
  std::optional<CfsslConfig> config;
};

// Reads PATHS: files, and folders, of which the files *.json, *.pem and *.csr are read. What is wrong with
// one goes to FINDINGS; the status is an error only when a path cannot be read at all.
absl::Status ReadInput(const std::vector<std::string>& paths, Input* input, Findings* findings);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_INPUT_H_
