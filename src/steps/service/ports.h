#ifndef KPLAN_STEPS_SERVICE_PORTS_H_
#define KPLAN_STEPS_SERVICE_PORTS_H_

// Whether the addresses of a service are free for it, before it is started or what runs of it is stopped. Its
// step asks, and its look, in one way; so what `plan` says of a taken port is what the run says.
//
// Not counted are the sockets of the service itself: of what runs of it, of the processes of its unit, and of
// systemd, which may hold its socket for it. Where something of it runs, only addresses count that its
// options give it anew: who has those that it has had all along may be its helper (a container of another
// control group), and goes with it.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/base/url.h"
#include "src/host/process_info.h"
#include "src/steps/service/service_decision.h"

namespace kplan {

// Where SERVICE is going to listen: its `answers`, and the URLs of options like etcd's --listen-peer-urls.
// Each once. RUNS_WITH: the arguments of what runs of it; given, only those of options that are in none of
// them.
std::vector<HostPort> AddressesOf(const ServiceSpec& service,
                                  const std::optional<std::vector<std::string>>& runs_with = std::nullopt);

// FailedPrecondition when another process has an address of SERVICE, or no interface of this machine has one
// at which its options have it listen: which, who, and what to do. RUNNING: the instance that is to be
// stopped before the start, if there is one. Of a name all addresses have to be taken that are this
// machine's, since a service may have one of them only.
absl::Status CheckAddresses(const ServiceSpec& service, const std::optional<Instance>& running);

// The same of the service of RECORD, whatever runs of it: one text of those that nobody here has, and one of
// those that are taken; none when its addresses are free, or it cannot be told.
std::vector<std::string> AddressProblems(const ServiceRecord& record, const std::optional<Instance>& running);

// Both as one; "" for none.
std::string WhyAddressIsTaken(const ServiceRecord& record, const std::optional<Instance>& running);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_PORTS_H_
