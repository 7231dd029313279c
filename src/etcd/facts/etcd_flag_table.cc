#include "src/etcd/facts/etcd_flags.h"

// One row a flag, by name. Where they come from: for every release tag v3.4.0 to v3.4.45, v3.5.0 to v3.5.33
// and v3.6.0 to v3.6.14 of github.com/etcd-io/etcd, each flag that etcdmain/config.go and embed/config.go
// (server/... since 3.5) register, with the function that registers it for its type, and the list `ignored`
// of the first. `etcd --help` lacks some flags that are there (of 3.6.0 to 3.6.4 it misspells one), so it is
// not the source; and etcd's list of what is deprecated (`deprecatedFlags`) lacks some of which its help says
// so: both are heeded. For newer releases do the same once more, and read the difference.
//
// A row says: name, type, the first patch release of 3.4, 3.5 and 3.6 that has it (kNo: none); see EtcdFlag
// for the rest.

namespace kplan {
namespace {

using Type = EtcdFlag::Type;
using Change = EtcdFlag::Change;
constexpr int kNo = PatchOfMinor::kNo;
constexpr int64_t kNoLimit = EtcdFlag::kNoLimit;

// The least of flags that etcd takes from 0 on, and then refuses all work: with max-txn-ops: 0 every
// transaction (api/v3rpc/key.go checkTxnRequest), with auth-token-ttl: 0 every token at once
// (auth/simple_token.go), with less max-request-bytes than its own requests have (a member's attributes, the
// cluster's version: a header and some hundred bytes) also those (v3_server.go
// processInternalRaftRequestOnce).
constexpr int64_t kLeastRequest = 1024;

// For the member of this machine alone.
constexpr char kCaOfCert[] = "it is the CA that signs `etcd.cert`";
constexpr char kForClusters[] = "it is for clusters";
constexpr char kFromCert[] = "it is made from `etcd.cert`";

// For the members of a cluster.
constexpr char kCaOfPeer[] = "it is the CA of `peer` of `etcd.tls`";
constexpr char kCaOfServer[] = "it is the CA of `server` of `etcd.tls`";
constexpr char kAdvertise[] = "it is made from `address` or `etcd.advertise` of each member's host";
constexpr char kListen[] = "it is made from `address` or `etcd.listen` of each member's host";
constexpr char kPeerAdvertise[] = "it is made from `address` or `etcd.peer-advertise` of each member's host";
constexpr char kPeerListen[] = "it is made from `address` or `etcd.peer-listen` of each member's host";
constexpr char kFromHosts[] = "members are called as their hosts";
constexpr char kFromMembers[] = "it is made from `etcd.members`";
constexpr char kFromTls[] = "it is made from `etcd.tls`";

// For both.
constexpr char kDataKey[] = "it is the key `etcd.data-dir`";
constexpr char kWalKey[] = "it is the folder `wal` in the key `etcd.wal-dir`";
constexpr char kNoAutoTls[] = "kplan makes the certificates";
constexpr char kNoConfigFile[] = "with it etcd ignores every flag";
constexpr char kNoDiscovery[] = "kplan knows the members; discovery is not used";
constexpr char kNoProxy[] = "kplan provisions members";
constexpr char kPrintsVersion[] = "with it etcd prints its version and ends";
constexpr char kTokenKey[] = "it is the key `etcd.initial-cluster-token`";
constexpr char kUnsafe[] = "it is for disaster recovery by hand, not for a unit";

constexpr PatchOfMinor kEver{{0, 0, 0}}, kFrom35{{kNo, 0, 0}}, kFrom36{{kNo, kNo, 0}};
constexpr PatchOfMinor kOnly34{{0, kNo, kNo}}, kOnly35{{kNo, 0, kNo}}, kTo35{{0, 0, kNo}};

constexpr EtcdFlag Discovery(const char* name, Type type, PatchOfMinor since) {
  return EtcdFlag(name, type, since).Needs(Change::kFirstStart).Ours(kNoDiscovery);
}

// What 3.6 has under another name, and takes with a warning under the old one.
constexpr EtcdFlag Renamed(const char* name, Type type, PatchOfMinor since, const char* in_36) {
  return EtcdFlag(name, type, since).DeprecatedIn(kFrom36).Instead(in_36);
}

constexpr EtcdFlag kFlags[] = {
    EtcdFlag("advertise-client-urls", Type::kUrls, kEver).OursInCluster(kAdvertise),
    EtcdFlag("auth-token", Type::kText, kEver),
    EtcdFlag("auth-token-ttl", Type::kSeconds, {{10, 0, 0}}).Range(1, kNoLimit),
    EtcdFlag("auto-compaction-mode", Type::kWord, kEver).Words("periodic|revision"),
    EtcdFlag("auto-compaction-retention", Type::kRetention, kEver),
    EtcdFlag("auto-tls", Type::kBool, kEver).Ours(kNoAutoTls),
    EtcdFlag("backend-batch-interval", Type::kDuration, kEver),
    EtcdFlag("backend-batch-limit", Type::kNumber, kEver),
    EtcdFlag("backend-bbolt-freelist-type", Type::kWord, kFrom35).Words("array|map"),
    EtcdFlag("bcrypt-cost", Type::kNumber, kEver),
    EtcdFlag("bootstrap-defrag-threshold-megabytes", Type::kMegabytes, kFrom36),
    EtcdFlag("cert-file", Type::kPath, kEver).Ours(kFromCert).OursInCluster(kFromTls),
    EtcdFlag("cipher-suites", Type::kCiphers, kEver),
    EtcdFlag("client-cert-allowed-hostname", Type::kList, kEver).ListIn({{kNo, 15, 0}}),
    EtcdFlag("client-cert-auth", Type::kBool, kEver).Ours(kFromCert).OursInCluster(kFromTls),
    EtcdFlag("client-cert-file", Type::kPath, kFrom35).OursInCluster(kFromTls),
    EtcdFlag("client-crl-file", Type::kPath, kEver),
    EtcdFlag("client-key-file", Type::kPath, kFrom35).OursInCluster(kFromTls),
    EtcdFlag("cluster-active-size", Type::kIgnored, kEver),
    EtcdFlag("cluster-remove-delay", Type::kIgnored, kEver),
    EtcdFlag("cluster-sync-interval", Type::kIgnored, kEver),
    EtcdFlag("compact-hash-check-time", Type::kDuration, kFrom36).Range(1, kNoLimit),
    EtcdFlag("compaction-batch-limit", Type::kNumber, kFrom36),
    EtcdFlag("compaction-sleep-interval", Type::kDuration, kFrom36),
    EtcdFlag("config", Type::kIgnored, kEver),
    EtcdFlag("config-file", Type::kPath, kEver).Ours(kNoConfigFile),
    EtcdFlag("corrupt-check-time", Type::kDuration, kFrom36),
    EtcdFlag("cors", Type::kOrigins, kEver),
    EtcdFlag("data-dir", Type::kPath, kEver).Needs(Change::kMigration).Ours(kDataKey),
    EtcdFlag("debug", Type::kBool, kOnly34).DeprecatedIn(kOnly34).Instead("log-level: debug"),
    Discovery("discovery", Type::kText, kEver),
    Discovery("discovery-cacert", Type::kPath, kFrom36),
    Discovery("discovery-cert", Type::kPath, kFrom36),
    Discovery("discovery-dial-timeout", Type::kDuration, kFrom36),
    Discovery("discovery-endpoints", Type::kList, kFrom36),
    Discovery("discovery-fallback", Type::kWord, kEver).Words("exit|proxy"),
    Discovery("discovery-insecure-skip-tls-verify", Type::kBool, kFrom36),
    Discovery("discovery-insecure-transport", Type::kBool, kFrom36),
    Discovery("discovery-keepalive-time", Type::kDuration, kFrom36),
    Discovery("discovery-keepalive-timeout", Type::kDuration, kFrom36),
    Discovery("discovery-key", Type::kPath, kFrom36),
    Discovery("discovery-password", Type::kText, kFrom36),
    Discovery("discovery-proxy", Type::kText, kEver),
    Discovery("discovery-request-timeout", Type::kDuration, kFrom36),
    Discovery("discovery-srv", Type::kText, kEver),
    Discovery("discovery-srv-name", Type::kText, kEver),
    Discovery("discovery-token", Type::kText, kFrom36),
    Discovery("discovery-user", Type::kText, kFrom36),
    EtcdFlag("distributed-tracing-address", Type::kText, kFrom36),
    EtcdFlag("distributed-tracing-instance-id", Type::kText, kFrom36),
    EtcdFlag("distributed-tracing-sampling-rate", Type::kNumber, kFrom36).Range(0, 1000000),
    EtcdFlag("distributed-tracing-service-name", Type::kText, kFrom36),
    EtcdFlag("downgrade-check-time", Type::kDuration, kFrom36),
    EtcdFlag("election-timeout", Type::kMilliseconds, kEver).Range(1, 50000),
    EtcdFlag("enable-distributed-tracing", Type::kBool, kFrom36),
    EtcdFlag("enable-grpc-gateway", Type::kBool, kEver),
    EtcdFlag("enable-log-rotation", Type::kBool, kFrom35),
    EtcdFlag("enable-pprof", Type::kBool, kEver),
    EtcdFlag("enable-v2", Type::kBool, kTo35).DeprecatedIn(kOnly35),
    EtcdFlag("experimental-backend-bbolt-freelist-type", Type::kWord, kOnly34)
        .Words("array|map")
        .Instead("backend-bbolt-freelist-type"),
    Renamed("experimental-bootstrap-defrag-threshold-megabytes", Type::kMegabytes, kFrom35,
            "bootstrap-defrag-threshold-megabytes"),
    Renamed("experimental-compact-hash-check-enabled", Type::kBool, {{kNo, 5, 0}},
            "feature-gates: CompactHashCheck=true"),
    Renamed("experimental-compact-hash-check-time", Type::kDuration, {{kNo, 5, 0}}, "compact-hash-check-time")
        .Range(1, kNoLimit),
    Renamed("experimental-compaction-batch-limit", Type::kNumber, kEver, "compaction-batch-limit"),
    Renamed("experimental-compaction-sleep-interval", Type::kDuration, {{kNo, 16, 0}},
            "compaction-sleep-interval"),
    Renamed("experimental-corrupt-check-time", Type::kDuration, kEver, "corrupt-check-time"),
    Renamed("experimental-distributed-tracing-address", Type::kText, kFrom35, "distributed-tracing-address"),
    Renamed("experimental-distributed-tracing-instance-id", Type::kText, kFrom35,
            "distributed-tracing-instance-id"),
    Renamed("experimental-distributed-tracing-sampling-rate", Type::kNumber, {{kNo, 11, 0}},
            "distributed-tracing-sampling-rate")
        .Range(0, 1000000),
    Renamed("experimental-distributed-tracing-service-name", Type::kText, kFrom35,
            "distributed-tracing-service-name"),
    Renamed("experimental-downgrade-check-time", Type::kDuration, kFrom35, "downgrade-check-time"),
    Renamed("experimental-enable-distributed-tracing", Type::kBool, kFrom35, "enable-distributed-tracing"),
    Renamed("experimental-enable-lease-checkpoint", Type::kBool, kEver,
            "feature-gates: LeaseCheckpoint=true"),
    Renamed("experimental-enable-lease-checkpoint-persist", Type::kBool, {{20, 2, 0}},
            "feature-gates: LeaseCheckpointPersist=true"),
    EtcdFlag("experimental-enable-v2v3", Type::kText, kTo35).DeprecatedIn(kOnly35),
    Renamed("experimental-initial-corrupt-check", Type::kBool, kEver,
            "feature-gates: InitialCorruptCheck=true"),
    Renamed("experimental-memory-mlock", Type::kBool, kFrom35, "memory-mlock"),
    Renamed("experimental-peer-skip-client-san-verification", Type::kBool, kEver,
            "peer-skip-client-san-verification"),
    Renamed("experimental-snapshot-catchup-entries", Type::kNumber, {{kNo, 14, 0}},
            "snapshot-catchup-entries"),
    Renamed("experimental-stop-grpc-service-on-defrag", Type::kBool, {{kNo, 14, 0}},
            "feature-gates: StopGRPCServiceOnDefrag=true"),
    Renamed("experimental-txn-mode-write-with-shared-buffer", Type::kBool, kFrom35,
            "feature-gates: TxnModeWriteWithSharedBuffer=true"),
    Renamed("experimental-warning-apply-duration", Type::kDuration, {{16, 0, 0}}, "warning-apply-duration"),
    Renamed("experimental-warning-unary-request-duration", Type::kDuration, kFrom36,
            "warning-unary-request-duration"),
    Renamed("experimental-watch-progress-notify-interval", Type::kDuration, {{11, 0, 0}},
            "watch-progress-notify-interval"),
    EtcdFlag("feature-gates", Type::kFeatures, kFrom36),
    EtcdFlag("force", Type::kIgnored, kEver),
    EtcdFlag("force-new-cluster", Type::kBool, kEver).Ours(kUnsafe),
    EtcdFlag("grpc-keepalive-interval", Type::kDuration, kEver),
    EtcdFlag("grpc-keepalive-min-time", Type::kDuration, kEver),
    EtcdFlag("grpc-keepalive-timeout", Type::kDuration, kEver),
    EtcdFlag("heartbeat-interval", Type::kMilliseconds, kEver).Range(1, kNoLimit),
    EtcdFlag("host-whitelist", Type::kList, kEver),
    EtcdFlag("initial-advertise-peer-urls", Type::kUrls, kEver)
        .Needs(Change::kMemberUpdate)
        .OursInCluster(kPeerAdvertise),
    EtcdFlag("initial-cluster", Type::kText, kEver).Needs(Change::kFirstStart).OursInCluster(kFromMembers),
    EtcdFlag("initial-cluster-state", Type::kWord, kEver)
        .Words("new|existing")
        .Needs(Change::kFirstStart)
        .OursAlone(kForClusters),
    EtcdFlag("initial-cluster-token", Type::kText, kEver).Needs(Change::kFirstStart).Ours(kTokenKey),
    EtcdFlag("initial-election-tick-advance", Type::kBool, kEver),
    EtcdFlag("key-file", Type::kPath, kEver).Ours(kFromCert).OursInCluster(kFromTls),
    EtcdFlag("listen-client-http-urls", Type::kUrls, {{25, 8, 0}}),
    EtcdFlag("listen-client-urls", Type::kUrls, kEver).OursInCluster(kListen),
    EtcdFlag("listen-metrics-urls", Type::kUrls, kEver),
    EtcdFlag("listen-peer-urls", Type::kUrls, kEver).OursInCluster(kPeerListen),
    EtcdFlag("log-format", Type::kWord, kFrom36).Words("console|json"),
    EtcdFlag("log-level", Type::kWord, kEver).Words("debug|info|warn|error|panic|fatal"),
    EtcdFlag("log-output", Type::kOutputs, kOnly34).DeprecatedIn(kOnly34).Instead("log-outputs"),
    EtcdFlag("log-outputs", Type::kOutputs, kEver),
    EtcdFlag("log-package-levels", Type::kText, kOnly34).DeprecatedIn(kOnly34).Instead("log-level"),
    EtcdFlag("log-rotation-config-json", Type::kJson, kFrom35),
    EtcdFlag("logger", Type::kWord, kEver).Words("capnslog|zap", "zap", "zap"),
    EtcdFlag("max-concurrent-streams", Type::kNumber, {{20, 5, 0}}).Range(0, 4294967295),
    EtcdFlag("max-learners", Type::kNumber, kFrom36),
    EtcdFlag("max-request-bytes", Type::kBytes, kEver).Range(kLeastRequest, kNoLimit),
    EtcdFlag("max-result-buffer", Type::kIgnored, kEver),
    EtcdFlag("max-retry-attempts", Type::kIgnored, kEver),
    EtcdFlag("max-snapshots", Type::kNumber, kEver).DeprecatedIn(kFrom36),
    EtcdFlag("max-txn-ops", Type::kNumber, kEver).Range(1, kNoLimit),
    EtcdFlag("max-wals", Type::kNumber, kEver),
    EtcdFlag("memory-mlock", Type::kBool, kFrom36),
    EtcdFlag("metrics", Type::kWord, kEver).Words("basic|extensive"),
    EtcdFlag("name", Type::kText, kEver).OursInCluster(kFromHosts),
    EtcdFlag("next-cluster-version-compatible", Type::kBool, {{31, kNo, kNo}}),
    EtcdFlag("peer-auto-tls", Type::kBool, kEver).Ours(kNoAutoTls),
    EtcdFlag("peer-cert-allowed-cn", Type::kList, kEver).ListIn({{kNo, 15, 0}}),
    EtcdFlag("peer-cert-allowed-hostname", Type::kList, kEver).ListIn({{kNo, 15, 0}}),
    EtcdFlag("peer-cert-file", Type::kPath, kEver).OursInCluster(kFromTls),
    EtcdFlag("peer-client-cert-auth", Type::kBool, kEver).OursInCluster(kFromTls),
    EtcdFlag("peer-client-cert-file", Type::kPath, kFrom35).OursInCluster(kFromTls),
    EtcdFlag("peer-client-key-file", Type::kPath, kFrom35).OursInCluster(kFromTls),
    EtcdFlag("peer-crl-file", Type::kPath, kEver),
    EtcdFlag("peer-election-timeout", Type::kIgnored, kEver),
    EtcdFlag("peer-heartbeat-interval", Type::kIgnored, kEver),
    EtcdFlag("peer-key-file", Type::kPath, kEver).OursInCluster(kFromTls),
    EtcdFlag("peer-skip-client-san-verification", Type::kBool, kFrom36),
    EtcdFlag("peer-trusted-ca-file", Type::kPath, kEver).OursInCluster(kCaOfPeer),
    EtcdFlag("pre-vote", Type::kBool, kEver),
    EtcdFlag("proxy", Type::kWord, kTo35).Words("off|readonly|on").Ours(kNoProxy),
    EtcdFlag("proxy-dial-timeout", Type::kMilliseconds, kTo35).Ours(kNoProxy),
    EtcdFlag("proxy-failure-wait", Type::kMilliseconds, kTo35).Ours(kNoProxy),
    EtcdFlag("proxy-read-timeout", Type::kMilliseconds, kTo35).Ours(kNoProxy),
    EtcdFlag("proxy-refresh-interval", Type::kMilliseconds, kTo35).Ours(kNoProxy),
    EtcdFlag("proxy-write-timeout", Type::kMilliseconds, kTo35).Ours(kNoProxy),
    EtcdFlag("quota-backend-bytes", Type::kBytes, kEver).Range(-1, kNoLimit),
    EtcdFlag("raft-read-timeout", Type::kDuration, kFrom35),
    EtcdFlag("raft-write-timeout", Type::kDuration, kFrom35),
    EtcdFlag("retry-interval", Type::kIgnored, kEver),
    EtcdFlag("self-signed-cert-validity", Type::kNumber, kFrom35).Ours(kNoAutoTls),
    EtcdFlag("snapshot", Type::kIgnored, kEver),
    EtcdFlag("snapshot-catchup-entries", Type::kNumber, kFrom36),
    EtcdFlag("snapshot-count", Type::kNumber, kEver).DeprecatedIn(kFrom36, /*until=*/7),
    EtcdFlag("socket-reuse-address", Type::kBool, kFrom35),
    EtcdFlag("socket-reuse-port", Type::kBool, kFrom35),
    EtcdFlag("strict-reconfig-check", Type::kBool, kEver),
    EtcdFlag("test.coverprofile", Type::kIgnored, kEver),
    EtcdFlag("test.outputdir", Type::kIgnored, kEver),
    EtcdFlag("tls-max-version", Type::kWord, {{25, 8, 0}}).Words("TLS1.2|TLS1.3"),
    EtcdFlag("tls-min-version", Type::kWord, {{25, 8, 0}}).Words("TLS1.2|TLS1.3"),
    EtcdFlag("trusted-ca-file", Type::kPath, kEver).Ours(kCaOfCert).OursInCluster(kCaOfServer),
    EtcdFlag("unsafe-no-fsync", Type::kBool, {{10, 0, 0}}),
    EtcdFlag("v", Type::kIgnored, kEver),
    EtcdFlag("v2-deprecation", Type::kWord, kFrom35)
        .Words(nullptr, "not-yet|write-only|write-only-drop-data|write-only-skip-check@32|gone",
               "write-only|write-only-drop-data|write-only-skip-check@13|gone")
        .DeprecatedIn(kFrom36),
    EtcdFlag("version", Type::kBool, kEver).Ours(kPrintsVersion),
    EtcdFlag("vv", Type::kIgnored, kEver),
    EtcdFlag("wal-dir", Type::kPath, kEver).Needs(Change::kMigration).Ours(kWalKey),
    EtcdFlag("warning-apply-duration", Type::kDuration, kFrom36),
    EtcdFlag("warning-unary-request-duration", Type::kDuration, kFrom36),
    EtcdFlag("watch-progress-notify-interval", Type::kDuration, kFrom36),
};

}  // namespace

absl::Span<const EtcdFlag> AllEtcdFlags() { return kFlags; }

}  // namespace kplan
