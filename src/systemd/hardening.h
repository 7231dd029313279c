#ifndef KPLAN_SYSTEMD_HARDENING_H_
#define KPLAN_SYSTEMD_HARDENING_H_

// `hardening: strict`: a service that may do what a service of the network needs, and little else. What is in
// the unit scores at most 1.5 by `systemd-analyze security` (the tutorial's unit: 9.6), and is what etcd 3.4
// to 3.6 run with.

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/systemd/unit.h"

namespace kplan {

// Whether HARDENING, as it is written, is `strict`; anything but that and `off` is an error.
bool IsStrict(const Text& hardening, Diagnostics* diagnostics);

// Adds what makes UNIT strict to its [Service], to be merged over by what the spec says. USER: of this name,
// and of a group of this name, the service runs; empty where the spec says itself who runs it.
// STATE_DIRECTORY: the folder below /var/lib that the service may write to ("etcd"), which systemd makes, and
// gives to the user with all that is in it; empty when there is none.
void HardenStrictly(absl::string_view user, absl::string_view state_directory, Unit* unit);

// Says that HARDENING is an error where no systemd reads the unit. MANAGER: as in cluster.yaml.
void RefuseStrict(const Text& hardening, absl::string_view manager, Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_HARDENING_H_
