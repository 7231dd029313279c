#ifndef KPLAN_IMPORTER_REQUEST_MATCH_H_
#define KPLAN_IMPORTER_REQUEST_MATCH_H_

// Which request belongs to which certificate: by what both say, not by the names of their files. Pointers
// lead into the Input.

#include <string>
#include <vector>

#include "src/importer/findings.h"
#include "src/importer/input.h"

namespace kplan {

// The request that CERTIFICATE was signed from, or could have been: of its key and its subject, whatever its
// file is called; null when there is none. One of its name that is something else is told as left out.
const RequestFile* RequestOf(const Input& input, const CertificateFile& certificate, Findings* findings);

// The certificates that were made from REQUEST, NAME-csr.json: those of its subject and its kind of key.
// cfssl is given one request for several certificates that differ in their hosts alone (-hostname). Only the
// one of its own name, when that is among them; and that one, too, when none fits: the file was edited since.
std::vector<const CertificateFile*> MadeFrom(const Input& input, const std::string& name,
                                             const CfsslRequest& request);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_REQUEST_MATCH_H_
