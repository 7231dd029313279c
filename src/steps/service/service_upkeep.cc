#include "src/steps/service/service_upkeep.h"

#include <algorithm>
#include <utility>

#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/waiting_file.h"
#include "src/steps/service/service_reach.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_drop_ins.h"
#include "src/systemd/unit_text.h"

namespace kplan {

std::optional<std::string> UnitTextToCome(const ServiceSpec& service, const Foreseen& foreseen) {
  if (service.manager != "systemd" || service.unit.empty()) return std::nullopt;
  const ForeseenFile* file = foreseen.Find(PathFromHere(service.root, service.unit));
  if (file != nullptr && file->comes != ForeseenFile::Comes::kAlready) return file->content;
  const std::string& root = service.process.root;
  const std::string path = HasWaiting(root, service.unit) ? WaitingPath(service.unit) : service.unit;
  absl::StatusOr<std::string> text = ReadFile(PathFromHere(root, path), kMaxUnitText);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

bool IsNotEnabled(const ServiceSpec& service, const std::optional<std::string>& text) {
  // What another unit starts is enabled where its own text says so, which the step does not take back.
  if (!text.has_value() || service.by_unit) return false;
  const std::vector<UnitAssignment> assignments =
      ParseUnitText(*text).value_or(std::vector<UnitAssignment>());
  const bool wanted = std::any_of(assignments.begin(), assignments.end(), [](const UnitAssignment& it) {
    return it.section == "Install" && (it.key == "WantedBy" || it.key == "RequiredBy") && !it.value.empty();
  });
  return wanted && EnablementLinks(service.process.name).empty();
}

std::vector<Reason> UnitUpkeep(bool unread, bool not_enabled, bool coming_up) {
  std::vector<Reason> reasons;
  if (unread) reasons.push_back({"unit-unread", "systemd had not read its unit again"});
  if (not_enabled) reasons.push_back({"not-enabled", "was not enabled"});
  if (coming_up) reasons.push_back({kComingUp, "was on its way up"});
  return reasons;
}

absl::Status CheckUnitOf(const ServiceSpec& service, const std::optional<std::string>& text,
                         const Foreseen& foreseen) {
  if (!text.has_value()) return absl::OkStatus();
  const std::string& name = service.process.name;
  if (absl::Status status = CheckDropIns(service.process.root, name, *text); !status.ok()) return status;
  return CheckReach(name, *text, foreseen);
}

std::string WhyUnitCannotStart(const ServiceRecord& record, const Foreseen& foreseen) {
  absl::StatusOr<ServiceSpec> service = ServiceSpec::From(record, /*root_to_come=*/true);
  if (!service.ok()) return "";  // as its look says
  return std::string(CheckUnitOf(*service, UnitTextToCome(*service, foreseen), foreseen).message());
}

}  // namespace kplan
