#ifndef KPLAN_ETCD_ETCD_DATA_H_
#define KPLAN_ETCD_ETCD_DATA_H_

// What an etcd data folder holds, read from its write-ahead log without etcd and without changing anything;
// also while etcd runs and writes. The layout is that of etcd 3.4 to 3.6: member/wal, or the folder of etcd's
// --wal-dir, has the log (wal_segment.h), member/snap the snapshots and the database. Everything in the
// folder may be damaged or made by an enemy: no link is followed and nothing in it is believed without a
// check.

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/fields.h"
#include "src/etcd/unit_etcd.h"
#include "src/step/questions.h"

namespace kplan {

// An index of the log, as it stands in JSON: it may have all 64 bits.
struct LogIndex {
  uint64_t value = 0;
  bool operator==(const LogIndex& other) const { return value == other.value; }
};
void AppendValue(const LogIndex& index, std::string* out);
bool ReadValue(const Json& json, LogIndex* index);

// The answer to an EtcdDataQuestion, too.
struct EtcdData {
  // Not empty: the folder holds something that is neither nothing nor an etcd member's data, or a member's
  // data that is damaged; the text says what. Nothing else is set then.
  std::string strange;
  // A write-ahead log is there: an etcd that starts here is the member below, whatever its flags say. False
  // for a folder that is missing or empty, or in which an etcd was stopped before it had written a log.
  bool initialised = false;
  std::string member_id, cluster_id;  // as etcdctl prints them (etcd/facts/etcd_ids.h)
  // The highest index of the log that this member knew to be committed; of a folder in use, or with a torn
  // tail, what could be read.
  uint64_t commit = 0;
  bool snapshot = false;  // a snapshot was taken here, or came from another member or a backup
  // Where versions were asked for: the version of the cluster that this data is of, by which etcd itself
  // judges whether it may go on with it ("3.5.0", membership.MustDetectDowngrade), and the earlier one that
  // the cluster may go down to; "": the log does not say. An entry that is not committed counts, too.
  std::string version, downgrade;
  // Likewise: the highest index of an entry with which etcd 3.6 does not start (raft_entry.h), of those that
  // an etcd which starts here reads again: those past the newest snapshot. 0: of none.
  uint64_t refused_by_36 = 0;
  // Not empty: there is data, and its log is in another folder than the one that was asked about, without
  // which etcd would start anew; the text says where it is, and how it gets there. Set beside all of the
  // others.
  std::string unlogged;
  // The same text for the same folder on the same machine, by whatever name or address it was reached;
  // another one for every other. The folder need not exist yet. Good until the machine is booted again.
  std::string place;
  // Not empty: a restore of this snapshot was begun here and did not come to its end (restore_stage.h). Other
  // members may have other data now, and nobody may be started with this. Set beside all of the above.
  std::string held;
  // Where a unit was asked about: the etcd that it runs, or is going to run, with another data folder.
  std::optional<UnitEtcd> unit;
  // Where the ground was asked about: why the host will not do, each with what to do (host_ground.h).
  std::vector<std::string> lacks;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("place", self.place);
    fields.Optional("held", self.held);
    fields.Optional("lacks", self.lacks);
    fields.Optional("unlogged", self.unlogged);
    fields.Optional("strange", self.strange);
    fields.Optional("unit", self.unit);
    if (!self.strange.empty()) return;
    LogIndex commit = {self.commit};
    fields.Always("cluster-id", self.cluster_id);
    fields.Always("commit", commit);
    fields.Always("initialised", self.initialised);
    fields.Always("member-id", self.member_id);
    fields.Always("snapshot", self.snapshot);
    fields.Optional("version", self.version);
    fields.Optional("downgrade", self.downgrade);
    LogIndex refused = {self.refused_by_36};
    fields.Optional("refused-by-3.6", refused);
    if constexpr (!std::is_const_v<Self>) {
      self.commit = commit.value;
      self.refused_by_36 = refused.value;
    }
  }
};

// What is in the folder PATH inside ROOT (host/host_file.h); VERSIONS: with those, for which all of the log
// is read, and not only its newest segment. WAL: the folder of the log, likewise; empty: it is in PATH. A
// ROOT or a folder that is not there is one that holds nothing. PermissionDenied when it must not be read;
// DataLoss when a part of the log that etcd needs is damaged.
absl::StatusOr<EtcdData> ReadEtcdData(const std::string& root, const std::string& path, bool versions = false,
                                      const std::string& wal = "");

// The answer to QUESTION. AGENT: the folder of the agent that answers; "": none does.
absl::StatusOr<Json> EtcdDataJson(const EtcdDataQuestion& question, const std::string& agent = "");

// ANSWER, which may come from a host that lies. DataLoss when it is no such answer.
absl::StatusOr<EtcdData> ParseEtcdData(const Json& answer);

}  // namespace kplan

#endif  // KPLAN_ETCD_ETCD_DATA_H_
