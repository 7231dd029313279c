#ifndef KPLAN_IMPORTER_COMPARE_H_
#define KPLAN_IMPORTER_COMPARE_H_

#include <string>

#include "src/importer/findings.h"
#include "src/importer/input.h"

namespace kplan {

// Warns of every value of REQUEST that is not what the certificate and the key made from it say: the JSON was
// edited afterwards, or cfssl was told something else on its command line.
void CompareWithRequest(const CertificateFile& certificate, const KeyFile& key, const CfsslRequest& request,
                        Findings* findings);

// Whether REQUEST asks for the subject of CERTIFICATE, whatever the order of its fields.
bool AsksForSubjectOf(const CfsslRequest& request, const CertificateFile& certificate);

// "rsa 2048", ...: the kind of key that cfssl makes for REQUEST.
std::string KeyKindOf(const CfsslRequest& request);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_COMPARE_H_
