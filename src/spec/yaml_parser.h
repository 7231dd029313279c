#ifndef KPLAN_SPEC_YAML_PARSER_H_
#define KPLAN_SPEC_YAML_PARSER_H_

// A strict parser of YAML 1.2.2: it takes what the specification takes, and nothing else (yaml-test-suite,
// tests/yaml_suite_test.py). What cannot be right in a cluster.yaml, such as a second document, is for the
// taker of the events to refuse.
//
// One pass; what it keeps grows with the depth alone, and it looks ahead only by the 1,024 characters that
// YAML gives to a key.

#include "src/base/diagnostic.h"
#include "src/spec/yaml_events.h"

namespace kplan {

// Deepest nesting that is read.
inline constexpr int kMaxYamlDepth = 64;

// Gives the events of the source of DIAGNOSTICS, which is well-formed UTF-8 without control characters, to
// EVENTS. False when there was an error, which is then in DIAGNOSTICS, or when EVENTS threw YamlStop.
bool ParseYaml(Diagnostics* diagnostics, YamlEvents* events);

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_PARSER_H_
