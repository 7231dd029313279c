#ifndef KPLAN_IMPORTER_CLUSTER_YAML_H_
#define KPLAN_IMPORTER_CLUSTER_YAML_H_

#include <string>
#include <vector>

#include "src/importer/pki_import.h"
#include "src/importer/yaml_text.h"

namespace kplan {

// The cluster.yaml of IMPORT, for people: what kplan takes for granted is not written. The same import gives
// the same bytes. Every value knows the file it comes from.
YamlText WriteClusterYaml(const PkiImport& import);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_CLUSTER_YAML_H_
