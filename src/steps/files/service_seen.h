#ifndef KPLAN_STEPS_FILES_SERVICE_SEEN_H_
#define KPLAN_STEPS_FILES_SERVICE_SEEN_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "src/step/file_records.h"
#include "src/steps/files/placement.h"

namespace kplan {

// What the service that a file waits for would say of it. PATH: the file, inside ROOT; DIGEST gives what a
// marker calls its content (DigestForMarker, host/service_marker.h), "" where that is not known, and is asked
// only where it matters.
//
// A service that systemd is going to start by itself (Restart=) counts as one that runs. So does, without
// systemd, any process that the pid file names where no marker says what it has to be.
absl::StatusOr<PlacementFacts::Service> SeeService(const FileFields::Service& service,
                                                   const std::string& root, const std::string& path,
                                                   absl::FunctionRef<absl::StatusOr<std::string>()> digest);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_SERVICE_SEEN_H_
