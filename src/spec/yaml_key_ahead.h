#ifndef KPLAN_SPEC_YAML_KEY_AHEAD_H_
#define KPLAN_SPEC_YAML_KEY_AHEAD_H_

#include "src/spec/yaml_cursor.h"

namespace kplan {

// Whether what begins here is a key with its colon: one node in one line, of at most 1,024 characters (YAML
// 1.2.2, 7.4.2). FLOW: between brackets.
bool IsYamlKeyAhead(const YamlCursor& cursor, bool flow);

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_KEY_AHEAD_H_
