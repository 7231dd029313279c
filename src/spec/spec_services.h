#ifndef KPLAN_SPEC_SPEC_SERVICES_H_
#define KPLAN_SPEC_SPEC_SERVICES_H_

#include <vector>

#include "src/spec/map_reader.h"
#include "src/spec/spec.h"

namespace kplan {

// `services.NAME`, which READER stands at.
GenericServiceSpec ReadService(MapReader& reader, Text name);

// What a service and etcd have both: all of an archive but its members, which READER stands at and whose key
// is at RANGE; and the sections of the key `unit` of the map that READER stands at.
ArchiveSpec ReadArchive(MapReader& reader, Range range);
std::vector<UnitSectionSpec> ReadUnit(MapReader& reader);

}  // namespace kplan

#endif  // KPLAN_SPEC_SPEC_SERVICES_H_
