#ifndef KPLAN_BASE_REASON_H_
#define KPLAN_BASE_REASON_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// Why an artifact is not as it should be: a name that programs can rely on, and what a person reads. Steps
// have reasons, and the libraries below them give them: pki of a certificate, host of a file.
struct Reason {
  absl::string_view name;  // static: "expires-soon"
  std::string text;        // "expires soon, on 2027-11-22 08:18 UTC"
};

// The texts, SEPARATOR between them.
std::string Join(const std::vector<Reason>& reasons, absl::string_view separator = "; ");

}  // namespace kplan

#endif  // KPLAN_BASE_REASON_H_
