#ifndef KPLAN_STEPS_SERVICE_SERVICE_INFO_H_
#define KPLAN_STEPS_SERVICE_SERVICE_INFO_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/string_pairs.h"
#include "src/host/process_info.h"
#include "src/step/service_records.h"

namespace kplan {

// What a person wants to know of a service that runs, or does not.
struct ServiceInfo {
  bool managed = true;               // false with service-manager: none, where nothing is started
  std::optional<Instance> instance;  // none: it does not run
  absl::Time since = absl::InfinitePast();
  // The files, paths inside its root, that are others now than when it was started, or read them last. Empty
  // when that is not known: it was started by hand, or at boot.
  std::vector<std::string> older;
  // The files that it was started with, or read last, by path, and their digests (host/service_marker.h).
  // Likewise.
  StringPairs started;
};

// Starts, stops and waits for nothing.
absl::StatusOr<ServiceInfo> ServiceInfoOf(const ServiceRecord& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_INFO_H_
