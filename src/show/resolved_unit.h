#ifndef KPLAN_SHOW_RESOLVED_UNIT_H_
#define KPLAN_SHOW_RESOLVED_UNIT_H_

// The unit of a service, or of etcd, as a part of a resolved spec.

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/show/resolved_walk.h"

namespace kplan {

// A key of a unit's text.
struct ShownUnitKey {
  std::string section, name;
  std::vector<std::string> values;  // a line each, continued lines put together with a space
  bool everywhere = true;           // the units of the other hosts have the same
};

// Where a key came from that nobody wrote, and whether it is better not written.
struct UnitKeyOrigin {
  ValueOrigin origin;
  bool note = false;
};

// `unit`: what SPEC has, and of TEXT, the unit of one host, what it has not, with the origins that ORIGIN
// knows. OTHERS: the units of the other hosts.
void WalkResolvedUnit(const ResolvedWalk& walk, const std::vector<UnitSectionSpec>& spec,
                      absl::string_view text, const std::vector<absl::string_view>& others,
                      const std::function<UnitKeyOrigin(const ShownUnitKey&)>& origin);

// A key as it was written.
void PutUnitKey(const ResolvedWalk& walk, const UnitKeySpec& key);

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_UNIT_H_
