#ifndef KPLAN_SYSTEMD_UNIT_IN_USE_H_
#define KPLAN_SYSTEMD_UNIT_IN_USE_H_

// What systemd has under a name that is going to be a service of ours: a package's unit, or one that somebody
// wrote. Who puts another unit in its place takes a service away from somebody, and has to know of it.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct UnitInUse {
  std::string fragment;                        // the path of its file
  std::string program;                         // of its ExecStart=, absolute
  std::string arguments;                       // the same with its arguments, as systemd shows them
  std::vector<std::string> environment;        // Environment=: "NAME=value"
  std::vector<std::string> environment_files;  // EnvironmentFile=: paths
  std::string folder;                          // WorkingDirectory=; empty: "/"
  std::string package;                         // that brought its file; empty: none, or nobody says
  pid_t main_pid = 0;
  bool active = false;   // it runs, or is on its way up or down
  bool enabled = false;  // it is started at boot
  int64_t since = 0;     // Unix seconds since when it runs; 0: it does not

  // Its file is in /etc/systemd/system, as ours are, and not where packages bring theirs (systemd.unit(5)).
  bool is_administrators() const;
  // "`/usr/bin/etcd` (unit /lib/systemd/system/etcd.service, package etcd-server, since 10:12 UTC)"
  std::string Describe() const;
};

// PROPERTIES: as `systemctl show` (systemd 252) has them. Nothing where systemd has no file for the unit, or
// one that it cannot read. Without the package.
std::optional<UnitInUse> ParseUnitInUse(const std::map<std::string, std::string>& properties);

// Of the unit NAME ("etcd"). Nothing, too, where systemd does not run.
absl::StatusOr<std::optional<UnitInUse>> FindUnitInUse(const std::string& name);

// Why a unit of ours, whose program is PROGRAM, must not be put in the place of FOUND: somebody has another
// program there, which runs or is started at boot. "": nobody has.
std::string WhyNotReplaced(const UnitInUse& found, absl::string_view program);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_IN_USE_H_
