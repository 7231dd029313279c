#ifndef KPLAN_IMPORTER_IMPORT_PLACE_H_
#define KPLAN_IMPORTER_IMPORT_PLACE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/importer/import_trial.h"

namespace kplan {

// Why FILES cannot be put into DIR, one line each; empty when they can. A file that is there already with the
// same content is no hindrance, any other one is.
std::vector<std::string> WhatIsInTheWay(const std::string& dir, const std::vector<ImportedFile>& files);

// Puts FILES into DIR, in their order, each whole, and replaces none. After an error what was put there is
// taken away again; after a kill a second call completes it. The last file is the one that makes the others
// count.
absl::Status PutInPlace(const std::string& dir, const std::vector<ImportedFile>& files);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_IMPORT_PLACE_H_
