#ifndef KPLAN_IMPORTER_PKI_IMPORT_H_
#define KPLAN_IMPORTER_PKI_IMPORT_H_

// What the files of an import amount to: which CAs there are, which certificates they signed, and by which
// profiles. Everything is what the certificates and keys are, not what the JSON files say; where these say
// something else it is a warning with both values.

#include <string>
#include <vector>

#include "src/importer/findings.h"
#include "src/importer/input.h"

namespace kplan {

// Pointers lead into the Input.

struct ImportedCa {
  const CertificateFile* certificate = nullptr;
  const KeyFile* key = nullptr;      // null: it is kept elsewhere
  const RequestFile* csr = nullptr;  // of that key; null when there is none
  std::string issuer;                // the name of the CA that signed it; "" when self-signed
  // It is used as the file that it is, and never made again: it is not as kplan makes them, or has no key.
  bool existing = false;

  const std::string& name() const { return certificate->name; }
};

struct ImportedProfile {
  Sourced name;
  std::vector<Sourced> usages;
  Sourced expiry;
  Sourced backdate, crl, ocsp;  // "" when there is none
  std::vector<Sourced> issuers;
  bool is_ca = false;
  int path_length = kNoPathLimit;
  int64_t expiry_seconds = 0;
  bool is_default = false;  // `signing.default`
  std::string comment;      // why it is there, when it is not one of ca-config.json's; else ""
  bool used = false;        // by an imported certificate
};

struct ImportedCert {
  std::string name;
  const CertificateFile* certificate = nullptr;  // null: not issued yet
  const KeyFile* key = nullptr;                  // null only when not issued yet
  const RequestFile* csr = nullptr;              // of that key; null when there is none
  const CfsslRequest* request = nullptr;         // of one that is not issued yet
  std::string profile;
  std::string ca;  // who signed it, or will
};

struct PkiImport {
  std::vector<ImportedCa> cas;            // "ca" first, then by name
  std::vector<ImportedProfile> profiles;  // in the order of ca-config.json, then those of our own
  std::vector<ImportedCert> certs;        // by name
  bool compat = false;                    // an EC certificate has key encipherment

  // The CA that signs certificates which name none; null when that is nobody.
  const ImportedCa* DefaultCa() const;
};

// What does not fit goes to FINDINGS.
PkiImport MakeImport(const Input& input, Findings* findings);

// Marks CA as one to be used as it is, and warns of it: WHY.
void UseAsItIs(ImportedCa* ca, const std::string& why, Findings* findings);

// The profile that kplan knows without being told (the tutorial's).
inline constexpr char kBuiltInProfile[] = "kubernetes";
bool IsBuiltIn(const ImportedProfile& profile);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_PKI_IMPORT_H_
