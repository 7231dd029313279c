#ifndef KPLAN_STEP_ETCD_RECORDS_H_
#define KPLAN_STEP_ETCD_RECORDS_H_

// The records of etcd's members together.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/base/fields.h"
#include "src/step/service_records.h"

namespace kplan {

// A member as planned. Where it is said that something is of a cluster, an etcd of one member on this machine
// does not have it, unless an agent works there as root (`become`): then it is looked at as members elsewhere
// are, with the files in DIR.
struct MemberRecord {
  std::string name;
  std::string id;  // foretold (etcd/facts/etcd_ids.h)
  std::vector<std::string> client_urls, peer_urls;
  std::string probe;        // "https://10.0.0.11:2379": where it is asked
  std::string server_cert;  // what it shows there; of a cluster relative to DIR, else inside the root
  // Only a cluster has these:
  std::string host;
  std::optional<bool> remote;                   // whether an agent does what is done on the host
  std::string manager;                          // "systemd", "process"
  std::string root;                             // the host's
  std::string data;                             // the data folder, inside it
  std::string wal;                              // of the log, where that is not in it: etcd's --wal-dir
  std::string peer_probe, peer_cert, peer_key;  // the same of the members' port; files relative to DIR
  // HOST:PORT where who is on its own host reaches it, of both ports, where that is not as from elsewhere:
  // its addresses there may be translated on the way (NAT).
  std::string own_probe, own_peer_probe;
  std::optional<ServiceRecord> service;  // of a rollout: without its host
  // Of a survey: the URLs at which it is going to listen, where they are others than the usual ones; the
  // folders of its programs and certificates, where they are not the tutorial's.
  std::vector<std::string> listens;
  std::string bin, config;

  bool over_ssh() const { return remote.value_or(false); }

  // Where it listens whose record says nothing of it: at what it advertises. Sorted. (On a host of its own
  // also where who is on the machine asks it, if its certificate is good for that, which its record does not
  // say.)
  std::vector<std::string> UsualListens() const;

  // A key that this one lacks, and that each member of a cluster has; "" when it has them all.
  absl::string_view LackedInCluster() const {
    if (data.empty()) return "data";
    if (host.empty()) return "host";
    if (!remote.has_value()) return "remote";
    return root.empty() ? "root" : "";
  }

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("name", self.name);
    fields.Always("id", self.id);
    fields.Always("client-urls", self.client_urls);
    fields.Always("peer-urls", self.peer_urls);
    fields.Always("probe", self.probe);
    fields.Optional("server-cert", self.server_cert);
    fields.Optional("host", self.host);
    fields.Optional("remote", self.remote);
    fields.Optional("manager", self.manager);
    fields.Optional("root", self.root);
    fields.Optional("data", self.data);
    fields.Optional("wal", self.wal);
    fields.Optional("bin", self.bin);
    fields.Optional("config", self.config);
    fields.Optional("listens", self.listens);
    fields.Optional("peer-probe", self.peer_probe);
    fields.Optional("own-peer-probe", self.own_peer_probe);
    fields.Optional("own-probe", self.own_probe);
    fields.Optional("peer-cert", self.peer_cert);
    fields.Optional("peer-key", self.peer_key);
    fields.Optional("service", self.service);
  }
};

// A cluster, and with what its members are asked.
struct ClusterFields {
  std::string name;               // of its unit; "": "etcd"
  std::string cluster_id;         // foretold
  std::string cacert, cert, key;  // of a cluster relative to DIR, else inside the root
  std::string etcdctl;            // likewise; "": the one that PATH has
  // "new" or "existing", etcd's flag initial-cluster-state; "" where it does not matter.
  std::string initial_cluster_state;
  bool replace = false;  // an etcd that somebody else set up may give way to a member
  // Whence members are asked: "hosts" (by way of their hosts alone), "here"; "": from here where that is
  // possible, otherwise by way of hosts.
  std::string ask_from;
  std::vector<MemberRecord> members;  // in the order of cluster.yaml

  template <typename Self, typename Fields>
  static void VisitInto(Self& self, Fields& fields) {
    fields.Always("cluster-id", self.cluster_id);
    fields.Always("cacert", self.cacert);
    fields.Always("cert", self.cert);
    fields.Always("key", self.key);
    fields.Always("etcdctl", self.etcdctl);
    fields.Optional("initial-cluster-state", self.initial_cluster_state);
    fields.Optional("name", self.name);
    fields.Optional("ask-from", self.ask_from);
    fields.Always("members", self.members);
    fields.Optional("replace", self.replace);
  }
};

struct SurveyRecord {
  static constexpr absl::string_view kWord = "survey-etcd";
  ClusterFields cluster;
  std::string version;  // of the etcd that shall run, "3.4.15"

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    ClusterFields::VisitInto(self.cluster, fields);
    fields.Optional("version", self.version);
  }
};

struct RolloutRecord {
  static constexpr absl::string_view kWord = "rollout-etcd";
  struct Snapshot {
    std::string dir;   // relative to DIR
    int64_t keep = 0;  // how many
    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("dir", self.dir);
      fields.Always("keep", self.keep);
    }
  };
  ClusterFields cluster;
  int64_t max_unavailable = 1;
  std::optional<Snapshot> snapshot;  // taken before the first restart
  int64_t timeout = 0;               // seconds, for each member

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    ClusterFields::VisitInto(self.cluster, fields);
    fields.Always("max-unavailable", self.max_unavailable);
    fields.Optional("snapshot", self.snapshot);
    fields.Always("timeout", self.timeout);
  }
  std::vector<Holding> Holds() const;
};

struct VerifyRecord {
  static constexpr absl::string_view kWord = "verify-etcd";
  ClusterFields cluster;
  std::string peer_cacert;          // of a cluster
  std::string version;              // empty: any, if all members have the same
  std::string manager;              // "systemd", "process"; of a cluster "elsewhere"
  std::string root;                 // of a cluster ""
  std::string service;              // its name
  std::vector<std::string> refuse;  // strangers that have to be refused (probe/stranger.h)
  std::string report;               // relative to DIR
  int64_t timeout = 0;              // seconds

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    ClusterFields::VisitInto(self.cluster, fields);
    fields.Optional("peer-cacert", self.peer_cacert);
    fields.Optional("version", self.version);
    fields.Always("manager", self.manager);
    fields.Always("root", self.root);
    fields.Always("service", self.service);
    fields.Always("refuse", self.refuse);
    fields.Always("report", self.report);
    fields.Always("timeout", self.timeout);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", report}}; }
};

// One part of a restore, on the host of a member. It is no step of a plan: `kplan restore` has it done.
struct RestorePartRecord {
  static constexpr absl::string_view kWord = "restore-etcd";
  // The phases; etcd/restore_etcd.cc says what each does.
  static constexpr char kPrepare[] = "prepare", kStop[] = "stop", kHold[] = "hold", kSwap[] = "swap",
                        kRelease[] = "release", kDiscard[] = "discard";
  std::string phase;
  std::string restore;  // whose parts belong together
  std::string root, data;
  std::string wal;                       // of the log, where that is not in the data folder
  std::optional<ServiceRecord> service;  // of all but prepare
  // Only prepare has these:
  std::string file;    // what the snapshot is called, for a person
  std::string from;    // the snapshot
  std::string target;  // the name that it travels under
  std::string name, member_id, cluster_id, initial_cluster, token;
  std::vector<std::string> peer_urls;
  std::string etcdctl;  // inside the root
  std::string mode;     // "0700", of the data folder where there is none yet
  std::string owner;    // likewise; empty: who runs kplan there
  int64_t revision = 0;
  std::string time;  // "20261122T205905.123Z"

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("phase", self.phase);
    fields.Always("restore", self.restore);
    fields.Always("root", self.root);
    fields.Always("data", self.data);
    fields.Optional("wal", self.wal);
    if (self.phase != kPrepare) return fields.Optional("service", self.service);
    fields.Always("file", self.file);
    fields.Always("from", self.from);
    fields.Always("target", self.target);
    fields.Always("name", self.name);
    fields.Always("member-id", self.member_id);
    fields.Always("cluster-id", self.cluster_id);
    fields.Always("initial-cluster", self.initial_cluster);
    fields.Always("token", self.token);
    fields.Always("peer-urls", self.peer_urls);
    fields.Always("etcdctl", self.etcdctl);
    fields.Always("mode", self.mode);
    fields.Optional("owner", self.owner);
    fields.Always("revision", self.revision);
    fields.Always("time", self.time);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_ETCD_RECORDS_H_
