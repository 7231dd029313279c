#include "src/steps/files/delivery.h"

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

struct Functions {
  absl::string_view kind;
  absl::StatusOr<Delivery> (*delivery)(const LookContext&, const Record&);
  absl::StatusOr<Standing> (*standing)(const Record&);
};

constexpr Functions kKinds[] = {
    {"dir", DirDelivery, DirStanding},
    {"install", InstallDelivery, InstallStanding},
    {"install-pair", InstallPairDelivery, InstallPairStanding},
    {"unit", InstallDelivery, InstallStanding},
};

absl::StatusOr<Functions> FunctionsOf(const Record& record) {
  const std::string kind = record.StringOr("kind", "");
  for (const Functions& known : kKinds) {
    if (known.kind == kind) return known;
  }
  return absl::InvalidArgumentError(absl::StrCat("a step of the kind \"", kind, "\" puts nothing on a host"));
}

}  // namespace

absl::StatusOr<Delivery> DeliveryOf(const LookContext& context, const Record& record) {
  absl::StatusOr<Functions> functions = FunctionsOf(record);
  return functions.ok() ? functions->delivery(context, record) : functions.status();
}

absl::StatusOr<Standing> StandingOf(const Record& record) {
  absl::StatusOr<Functions> functions = FunctionsOf(record);
  return functions.ok() ? functions->standing(record) : functions.status();
}

}  // namespace kplan
