#ifndef KPLAN_SPEC_SPEC_PKI_H_
#define KPLAN_SPEC_SPEC_PKI_H_

#include "src/spec/map_reader.h"
#include "src/spec/spec.h"

namespace kplan {

// The part of a cluster.yaml that is about certificates: `ca`, `cas`, `signing`, `certs` and `revoked` of the
// map TOP.
void ReadPki(MapReader& top, Spec* spec);

}  // namespace kplan

#endif  // KPLAN_SPEC_SPEC_PKI_H_
