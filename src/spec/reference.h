#ifndef KPLAN_SPEC_REFERENCE_H_
#define KPLAN_SPEC_REFERENCE_H_

// The tables of keys in docs/cluster-yaml.md. What stands between two marks there is made of the schema:
//
//   <!-- keys: host -->      the keys of the map with this MapSchema::id, and of maps in it that have no
//   section
//   <!-- end -->

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/spec/schema.h"

namespace kplan {

// The rows of MAP's table, a line each.
std::string KeyRows(const MapSchema& map);

// DOC with all its tables as they are today. An error for a mark that is not understood.
absl::StatusOr<std::string> WithKeyTables(absl::string_view doc);

// What a link to the heading TEXT ends with, as GitHub makes it: "hosts.NAME" is "hostsname".
std::string Anchor(absl::string_view heading);

}  // namespace kplan

#endif  // KPLAN_SPEC_REFERENCE_H_
