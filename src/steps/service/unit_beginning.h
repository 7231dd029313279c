#ifndef KPLAN_STEPS_SERVICE_UNIT_BEGINNING_H_
#define KPLAN_STEPS_SERVICE_UNIT_BEGINNING_H_

// When a unit of systemd last began, as an instance that has no process: so that it can be asked whether a
// file changed since (host/process_info.h), and whether a marker is about it (host/service_marker.h).

#include <unistd.h>

#include "src/host/process_info.h"
#include "src/systemd/systemctl.h"

namespace kplan {

// systemd's clock stands still while the machine is suspended, that of an instance does not: this moves the
// beginning to the past, and makes a doubt of what would else be none.
inline Instance BeginningOf(const UnitState& state) {
  Instance beginning;
  beginning.boot = BootId();
  beginning.start_ticks = state.began / (1000000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
  return beginning;
}

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_UNIT_BEGINNING_H_
