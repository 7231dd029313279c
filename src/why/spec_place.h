#ifndef KPLAN_WHY_SPEC_PLACE_H_
#define KPLAN_WHY_SPEC_PLACE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

// The entry of cluster.yaml that the artifact LABEL is made for: "certs.kubernetes", "etcd". SPEC is the
// file's tree. The range is not known() when it has no such entry.
struct SpecPlace {
  std::string path;
  Range key;  // where the entry's key stands
};
SpecPlace PlaceOfLabel(const YamlNode& spec, absl::string_view label);

}  // namespace kplan

#endif  // KPLAN_WHY_SPEC_PLACE_H_
