#ifndef KPLAN_SPEC_JSON_SCHEMA_H_
#define KPLAN_SPEC_JSON_SCHEMA_H_

// The table of keys as a JSON Schema (draft-07, which yaml-language-server reads), for editors. It takes
// every cluster.yaml that kplan takes, read as YAML 1.2's core schema reads it; what it refuses kplan refuses
// too.

#include "absl/strings/string_view.h"
#include "src/base/record.h"
#include "src/spec/schema.h"

namespace kplan {

// The whole schema; a definition a kind of map, by MapSchema::id.
Json JsonSchema();

// One single value: any scalar; with PATTERN (an ECMAScript regular expression), one that, when it is a
// string, looks so.
Json JsonScalar(absl::string_view pattern = "");

}  // namespace kplan

#endif  // KPLAN_SPEC_JSON_SCHEMA_H_
