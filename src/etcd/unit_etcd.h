#ifndef KPLAN_ETCD_UNIT_ETCD_H_
#define KPLAN_ETCD_UNIT_ETCD_H_

// The etcd that systemd has under a unit's name on this machine, and where its data is: a distribution's, or
// one that somebody set up by hand. With another unit in its place and another data folder, its keys would be
// out of sight.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/fields.h"

namespace kplan {

struct UnitEtcd {
  std::string shown;  // for a person: UnitInUse::Describe
  std::string data;   // its data folder, absolute
  std::string wal;    // the folder of its log, likewise; empty: it is in that
  bool active = false;
  bool initialised = false;           // there is a member's data in it
  std::string member_id, cluster_id;  // of that data; empty: it cannot be read

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("active", self.active);
    fields.Optional("cluster-id", self.cluster_id);
    fields.Always("data", self.data);
    fields.Always("initialised", self.initialised);
    fields.Optional("member-id", self.member_id);
    fields.Always("shown", self.shown);
    fields.Optional("wal", self.wal);
  }
};

// Where an etcd that is started with ARGV and ENVIRONMENT ("NAME=value") in the folder FOLDER keeps its data
// (etcd 3.4 to 3.6, etcdmain/config.go: flags before variables). CONFIG: the text of its --config-file, with
// which it heeds neither; empty: it has none.
std::string EtcdDataFolder(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                           absl::string_view folder, absl::string_view config);

// The folder of its log, if its arguments, variables or CONFIG say one, as above; "": it is in its data
// folder.
std::string EtcdWalFolder(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                          absl::string_view folder, absl::string_view config);

// The path of its file of settings, by its arguments or variables (--config-file); "": it has none.
std::string EtcdConfigFile(const std::vector<std::string>& argv, const std::vector<std::string>& environment);

// What the unit NAME ("etcd") runs, or is going to run at boot, with its data elsewhere than in DATA, or its
// log elsewhere than in WAL ("": in DATA); nothing where it does neither, or has those folders, as a member
// of ours has.
absl::StatusOr<std::optional<UnitEtcd>> FindOtherEtcd(const std::string& name, const std::string& data,
                                                      const std::string& wal);

// Why a member of the cluster CLUSTER_ID with its data in the folder DATA, and its log in WAL, must not take
// the place of FOUND: it would be without the data that FOUND has, which is the member's own, or somebody
// else's. With what to do. "": nothing is in the way.
std::string WhyEtcdIsInTheWay(const UnitEtcd& found, absl::string_view data, absl::string_view wal,
                              absl::string_view cluster_id);

// Where the log is of an etcd with its data in DATA and --wal-dir WAL ("": none).
std::string LogOf(absl::string_view data, absl::string_view wal);

// That etcd's log is in the folder FROM, and it is going to look for it in TO, with what to do.
std::string HowToMoveLog(absl::string_view from, absl::string_view to);

}  // namespace kplan

#endif  // KPLAN_ETCD_UNIT_ETCD_H_
