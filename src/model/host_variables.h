#ifndef KPLAN_MODEL_HOST_VARIABLES_H_
#define KPLAN_MODEL_HOST_VARIABLES_H_

// `$name` and `$address`, the only variables of cluster.yaml: they stand where a value is made once a host.

#include <string>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/model/cluster.h"

namespace kplan {

struct HostVariables {
  std::string text;              // with the values put in; empty when a variable is unknown
  bool unknown = false;          // there is another one, or there is no host that has them
  bool address_missing = false;  // the host has none; the text has 0.0.0.0 for it
};

// TEXT with those of HOST, which may be null. A variable ends where no letter, digit or "_" follows:
// "$namespace" is none of the two. IN_URL: an IPv6 address gets brackets (RFC 3986 3.2.2).
HostVariables PutHostIn(absl::string_view text, const Host* host, bool in_url = false);

inline constexpr char kHostVariables[] = "there are $name and $address";

// What to do about TEXT, which has an unknown one: ${name}, {{ name }} and $adress mean one that there is.
// Else OTHERWISE.
Remedy HostVariableMeant(absl::string_view text, absl::string_view otherwise);

}  // namespace kplan

#endif  // KPLAN_MODEL_HOST_VARIABLES_H_
