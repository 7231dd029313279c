#ifndef KPLAN_SYSTEMD_UNIT_SPEC_H_
#define KPLAN_SYSTEMD_UNIT_SPEC_H_

// Units as somebody writes them in cluster.yaml, each value with its place.

#include <vector>

#include "src/base/source.h"

namespace kplan {

// A key of a unit's section. A list is one line for each value, as systemd means a key that is written again;
// a value of a list that is not set() (written as "") is the empty line that takes back those before.
struct UnitKeySpec {
  Text name;
  std::vector<Text> values;
};

struct UnitSectionSpec {
  Text name;
  std::vector<UnitKeySpec> keys;  // in the order of the text
};

// A unit beside the service's own: "backup.timer".
struct FurtherUnitSpec {
  Text name;  // the key in `services.NAME.units`
  std::vector<UnitSectionSpec> sections;
};

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_SPEC_H_
