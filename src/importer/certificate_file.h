#ifndef KPLAN_IMPORTER_CERTIFICATE_FILE_H_
#define KPLAN_IMPORTER_CERTIFICATE_FILE_H_

// A certificate that is imported, taken apart as far as cluster.yaml can say it.

#include <string>
#include <vector>

#include "src/base/string_pairs.h"
#include "src/importer/cfssl_json.h"
#include "src/importer/findings.h"
#include "src/pki/certificate.h"

namespace kplan {

// NAME.pem. The name of a file is what stands before the first of "-key.pem", "-csr.json", ".pem", ... in its
// last path component.
struct CertificateFile {
  Place place;
  std::string name, bytes;
  Certificate certificate;
  StringPairs subject;        // ("C", "US"), ... in the certificate's order
  StringPairs hosts;          // its SANs as kplan writes them (CanonicalFound)
  std::string unknown_field;  // one of the subject that cfssl and kplan do not write; "" when there is none
  int path_length = kNoPathLimit;
  std::string crl, ocsp;  // URLs; "" when there is none
  std::vector<std::string> issuers;
};

// CERTIFICATE, which stands at PLACE, without its name and bytes. Extensions that kplan does not write are
// warned of.
CertificateFile DescribeCertificate(const Place& place, Certificate certificate, Findings* findings);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_CERTIFICATE_FILE_H_
