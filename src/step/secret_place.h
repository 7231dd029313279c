#ifndef KPLAN_STEP_SECRET_PLACE_H_
#define KPLAN_STEP_SECRET_PLACE_H_

#include <string>

#include "src/base/record.h"
#include "src/pki/passphrase_source.h"

namespace kplan {

// How the place of a passphrase or of another secret of one line stands in a record: ["file", PATH] or
// ["env", NAME].
void AppendValue(const PassphraseSource& source, std::string* out);
bool ReadValue(const Json& json, PassphraseSource* source);

}  // namespace kplan

#endif  // KPLAN_STEP_SECRET_PLACE_H_
