#ifndef KPLAN_BASE_YAML_SCALAR_H_
#define KPLAN_BASE_YAML_SCALAR_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// TEXT, well-formed UTF-8, as one YAML scalar that reads back as that text in any place of a document: plain
// when nothing could take it for something else, else in single quotes, or in double quotes when it has
// characters that only an escape can write.
std::string YamlScalar(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_BASE_YAML_SCALAR_H_
