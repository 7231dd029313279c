#ifndef KPLAN_SYSTEMD_UNIT_DROP_INS_H_
#define KPLAN_SYSTEMD_UNIT_DROP_INS_H_

// Drop-ins of a unit, which somebody else has put beside it: what they add is theirs, and what they take away
// of the unit's own text is found before systemd has read them (systemd.unit(5), "Unit File Load Path").

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct DropIn {
  std::string path, text;
};

// The drop-ins of the service NAME ("etcd") below ROOT ("/"), in the order in which systemd reads them.
// FailedPrecondition for one that cannot be read.
absl::StatusOr<std::vector<DropIn>> DropInsOf(const std::string& root, absl::string_view name);

// What one of DROP_INS takes away of a unit's TEXT.
struct DropInDifference {
  std::string path;              // the last one that is about the key
  std::string key, wanted, got;  // as UnitDifference
};
std::vector<DropInDifference> TakenByDropIns(absl::string_view text, const std::vector<DropIn>& drop_ins);

// FailedPrecondition names key, wanted, got, the file and the remedy, when one of the drop-ins of NAME takes
// away something of TEXT, which the unit's own file has or will have.
absl::Status CheckDropIns(const std::string& root, absl::string_view name, absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_DROP_INS_H_
