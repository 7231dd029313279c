#ifndef KPLAN_CLI_GIVEN_CAS_H_
#define KPLAN_CLI_GIVEN_CAS_H_

#include <string>

#include "src/base/diagnostic.h"
#include "src/lower/compile.h"

namespace kplan {

// What FILE, which has no errors, has to be warned of, and what verifiers have against the CAs that are given
// to it (`cert: FILE`), at their places. Their certificates are seen from FOLDER ("": the current one); one
// that cannot be read is its step's affair.
Diagnostics WithObjections(const SpecFile& file, const std::string& folder = "");

}  // namespace kplan

#endif  // KPLAN_CLI_GIVEN_CAS_H_
