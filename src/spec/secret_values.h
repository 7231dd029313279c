#ifndef KPLAN_SPEC_SECRET_VALUES_H_
#define KPLAN_SPEC_SECRET_VALUES_H_

// The values of a cluster.yaml that are secret (base/secret_content.h): the `content` of the files of
// services that not everybody may read. They are found by the shape of the text, whether or not it is a good
// one, for it is shown where it is wrong, too.

#include "absl/container/flat_hash_set.h"
#include "src/base/diagnostic.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

using SecretValues = absl::flat_hash_set<const YamlNode*>;

// The nodes below ROOT that are secret. A value that an alias repeats is secret wherever it is repeated. An
// entry of `files` that is no map with the keys of one has no mode that could be trusted: all of it is
// secret.
SecretValues FindSecretValues(const YamlNode& root);

// Hides them in the excerpts of DIAGNOSTICS, whose source TREE was read from; where it was not read to its
// end, everything that follows a `content:`.
void HideSecretValues(const YamlTree& tree, Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_SPEC_SECRET_VALUES_H_
