#ifndef KPLAN_SPEC_YAML_PATH_H_
#define KPLAN_SPEC_YAML_PATH_H_

#include <string>

#include "src/base/source.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

// The path of the entry whose key stands at KEY: "certs.kubernetes", "services.web.files.\"/etc/web.conf\"",
// as in an edit (why/spec_edits.h). Empty when there is none.
std::string PathOfKey(const YamlNode& spec, Range key);

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_PATH_H_
