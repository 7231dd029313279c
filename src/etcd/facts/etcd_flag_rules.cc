// What etcd asks of several flags together, what it takes and does not heed beside others, and values that it
// only warns of (embed/config.go Validate, setupLogging and setupLogRotation; pkg/transport/listener.go
// baseConfig and newListener; embed/etcd.go; etcdserver/quota.go, server.go, auth/store.go).

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/etcd/facts/etcd_flags.h"

namespace kplan {
namespace {

constexpr int64_t kMostQuota = int64_t{8} << 30;  // etcdserver.MaxQuotaBytes
// bbolt's file has 20 KiB from the start; etcd's documentation calls 16 MiB a very small quota.
constexpr int64_t kLeastQuota = int64_t{1} << 20;
constexpr int64_t kMostRequest = int64_t{10} << 20;                  // etcdserver, recommendedMaxRequestBytes
constexpr int64_t kDefaultHeartbeat = 100, kDefaultElection = 1000;  // milliseconds
constexpr int kLeastCost = 4, kMostCost = 31;                        // bcrypt.MinCost, MaxCost

class Rules {
 public:
  Rules(const EtcdVersion& version, const std::map<std::string, std::string>& flags)
      : version_(version), flags_(flags) {}

  std::vector<EtcdFlagProblem> Check() {
    CheckElection();
    CheckCompaction();
    CheckTls();
    CheckPairs();
    CheckPeerTls();
    CheckLogs();
    CheckLeases();
    CheckDoubles();
    CheckSizes();
    CheckUnheeded();
    return std::move(problems_);
  }

 private:
  absl::string_view Get(const std::string& name) const {
    auto found = flags_.find(name);
    return found == flags_.end() ? absl::string_view() : found->second;
  }
  bool Has(const std::string& name) const { return flags_.count(name) != 0; }
  bool On(const std::string& name) const { return Get(name) == "true"; }
  int64_t Number(const std::string& name, int64_t fallback) const {
    int64_t number;
    return absl::SimpleAtoi(Get(name), &number) ? number : fallback;
  }

  void Add(const std::string& flag, const std::string& other, std::string reason, Remedy remedy) {
    problems_.push_back(
        {flag, Has(other) && other != flag ? other : "", std::move(reason), std::move(remedy), false});
  }
  void Warn(const std::string& flag, std::string reason, Remedy remedy) {
    problems_.push_back({flag, "", std::move(reason), std::move(remedy), true});
  }

  void CheckElection() {
    const int64_t heartbeat = Number("heartbeat-interval", kDefaultHeartbeat);
    const int64_t election = Number("election-timeout", kDefaultElection);
    if (election / 5 >= heartbeat) return;
    const bool by_election = Has("election-timeout");
    Add(by_election ? "election-timeout" : "heartbeat-interval", "heartbeat-interval",
        absl::StrCat("an election-timeout of ", election,
                     " ms is less than five times the heartbeat-interval of ", heartbeat, " ms"),
        heartbeat > 5000 ? "write a heartbeat-interval of at most 5000"
        : by_election
            ? Remedy(absl::StrCat("write election-timeout: ", heartbeat * 10), absl::StrCat(heartbeat * 10))
            : Remedy(absl::StrCat("write election-timeout: ", heartbeat * 10, " as well")));
  }

  void CheckCompaction() {
    const absl::string_view retention = Get("auto-compaction-retention");
    int64_t number;
    if (Get("auto-compaction-mode") != "revision" || retention.empty()) return;
    if (absl::SimpleAtoi(retention, &number)) return;
    Add("auto-compaction-retention", "auto-compaction-mode",
        "with auto-compaction-mode: revision it is a number of revisions",
        "write for example 1000, or auto-compaction-mode: periodic");
  }

  void CheckTls() {
    const bool only_13 = Get("tls-min-version") == "TLS1.3";
    if (only_13 && Get("tls-max-version") == "TLS1.2")
      Add("tls-min-version", "tls-max-version", "later than tls-max-version", "exchange the two");
    if (only_13 && Has("cipher-suites"))
      Add("cipher-suites", "tls-min-version", "TLS 1.3 has none to choose from", "remove it");
  }

  // A certificate and its key, each of which etcd refuses alone.
  void CheckPairs() {
    for (const char* of : {"peer-", "client-", "peer-client-"}) {
      const std::string cert = absl::StrCat(of, "cert-file"), key = absl::StrCat(of, "key-file");
      if (Has(cert) == Has(key)) continue;
      const std::string &one = Has(cert) ? cert : key, &other = Has(cert) ? key : cert;
      Add(one, "", absl::StrCat("etcd takes it together with ", other, " only"), absl::StrCat("add ", other));
    }
    if (Has("peer-cert-allowed-cn") && Has("peer-cert-allowed-hostname"))
      Add("peer-cert-allowed-hostname", "peer-cert-allowed-cn",
          "etcd takes one of peer-cert-allowed-cn and peer-cert-allowed-hostname", "remove one");
  }

  // Of an etcd of one member; of a cluster kplan makes all of these.
  void CheckPeerTls() {
    const bool https = absl::StrContains(Get("listen-peer-urls"), "https://");
    if (https && !Has("peer-cert-file") && !Has("peer-key-file"))
      Add("listen-peer-urls", "",
          "without peer-cert-file and peer-key-file etcd cannot listen on https there",
          "add both, or write http://");
    if (!https && Has("peer-cert-file") && Has("peer-key-file"))
      Warn("peer-cert-file", "etcd does not heed it, because its peer URLs are http",
           "write https:// in listen-peer-urls and initial-advertise-peer-urls, or remove it");
    if (https && On("peer-client-cert-auth") && !Has("peer-trusted-ca-file"))
      Warn("peer-client-cert-auth", "without peer-trusted-ca-file etcd turns every peer away",
           "add peer-trusted-ca-file");
  }

  void CheckLogs() {
    // Before 3.5 etcd's logger is capnslog unless it is told otherwise.
    const bool capnslog = version_.minor == 4 && Get("logger") != "zap";
    for (const char* name : {"log-outputs", "log-output"}) {
      const absl::string_view outputs = Get(name);
      const bool known = outputs == "default" || outputs == "stderr" || outputs == "stdout";
      if (!capnslog || outputs.empty() || known) continue;
      Add(name, "logger", "etcd's logger capnslog takes one of default, stderr and stdout",
          "add logger: zap");
    }
    if (Has("log-output") && Has("log-outputs"))
      Add("log-output", "log-outputs", "etcd takes one of log-output and log-outputs", "remove it");
    if (Get("logger") == "capnslog") Warn("logger", "capnslog is deprecated, and gone in 3.5", Write("zap"));
    if (On("enable-log-rotation")) {
      int files = 0;
      for (absl::string_view output : absl::StrSplit(Get("log-outputs"), ',', absl::SkipEmpty()))
        files += absl::StartsWith(output, "/") ? 1 : 0;
      if (files != 1)
        Add("enable-log-rotation", "log-outputs",
            absl::StrCat("etcd rotates one file, and log-outputs names ", files == 0 ? "none" : "several"),
            "for example log-outputs: /var/log/etcd.log");
    }
  }

  void CheckLeases() {
    const char* const kPersist = "experimental-enable-lease-checkpoint-persist";
    const char* const kCheckpoint = "experimental-enable-lease-checkpoint";
    const absl::string_view gates = Get("feature-gates");
    const bool gate =
        absl::StrContains(gates, "LeaseCheckpoint=true") || absl::StrContains(gates, "AllAlpha=true");
    if (On(kPersist) && !On(kCheckpoint) && !gate)
      Add(kPersist, kCheckpoint, absl::StrCat("etcd takes it with ", kCheckpoint, " alone"),
          absl::StrCat("add ", kCheckpoint, ": true"));
    if (absl::StrContains(gates, "LeaseCheckpointPersist=true") && !gate && !On(kCheckpoint))
      Add("feature-gates", kCheckpoint, "etcd takes LeaseCheckpointPersist with LeaseCheckpoint alone",
          "add LeaseCheckpoint=true");
  }

  // 3.6 refuses a flag beside the one that took its place.
  void CheckDoubles() {
    const absl::string_view gates = Get("feature-gates");
    for (const auto& [name, value] : flags_) {
      const EtcdFlag* flag = FindEtcdFlag(name);
      if (flag == nullptr || flag->instead == nullptr || version_.minor < 6) continue;
      absl::string_view other = flag->instead;
      if (absl::ConsumePrefix(&other, "feature-gates: ")) {
        if (!absl::StrContains(gates, absl::StripSuffix(other, "=true"))) continue;
        Add(name, "feature-gates",
            absl::StrCat("feature-gates has ", absl::StripSuffix(other, "=true"), " too"), "remove it");
      } else if (Has(std::string(other))) {
        Add(name, std::string(other), absl::StrCat("etcd takes one of it and ", other), "remove it");
      }
    }
  }

  void CheckSizes() {
    const int64_t quota = Number("quota-backend-bytes", 0);
    if (quota > 0 && quota < kLeastQuota)
      Add("quota-backend-bytes", "", "an empty database is nearly as large: etcd would take no write",
          absl::StrCat("it is in bytes: 8 GiB are ", kMostQuota));
    if (quota > kMostQuota)
      Warn("quota-backend-bytes", "more than 8 GiB, the most that etcd recommends",
           absl::StrCat("8 GiB are ", kMostQuota));
    if (Number("max-request-bytes", 0) > kMostRequest)
      Warn("max-request-bytes", "more than 10 MiB, the most that etcd recommends",
           absl::StrCat("10 MiB are ", kMostRequest));
    const int64_t cost = Number("bcrypt-cost", kLeastCost);
    if (cost < kLeastCost || cost > kMostCost)
      Warn("bcrypt-cost", "etcd takes its default instead", "write 4 to 31");
  }

  // What etcd takes and does not heed, without a word.
  void CheckUnheeded() {
    const absl::string_view retention = Get("auto-compaction-retention");
    if (Has("auto-compaction-mode") && (retention.empty() || retention == "0"))
      Warn("auto-compaction-mode", "without auto-compaction-retention etcd compacts nothing",
           Get("auto-compaction-mode") == "revision" ? "add for example auto-compaction-retention: 1000"
                                                     : "add for example auto-compaction-retention: 1h");
    if (Has("log-rotation-config-json") && !On("enable-log-rotation"))
      Warn("log-rotation-config-json", "without enable-log-rotation etcd does not heed it",
           "add enable-log-rotation: true");
    if (Has("auth-token-ttl") && absl::StartsWith(Get("auth-token"), "jwt"))
      Warn("auth-token-ttl", "it is about simple tokens; those of JWT have a ttl of their own",
           "write it into auth-token, as in jwt,...,ttl=10m");
    WarnOfTracing("experimental-");
    WarnOfTracing("");
    const bool gate = absl::StrContains(Get("feature-gates"), "CompactHashCheck=true") ||
                      absl::StrContains(Get("feature-gates"), "AllAlpha=true");
    for (const char* time : {"experimental-compact-hash-check-time", "compact-hash-check-time"}) {
      if (!Has(time) || gate || On("experimental-compact-hash-check-enabled")) continue;
      Warn(time, "etcd does not compare hashes, so it does not heed it",
           version_.minor < 6 ? "add experimental-compact-hash-check-enabled: true"
                              : "add feature-gates: CompactHashCheck=true");
    }
  }

  void WarnOfTracing(absl::string_view prefix) {
    const std::string enable = absl::StrCat(prefix, "enable-distributed-tracing");
    if (On("enable-distributed-tracing") || On("experimental-enable-distributed-tracing")) return;
    for (const char* what : {"address", "instance-id", "sampling-rate", "service-name"}) {
      const std::string flag = absl::StrCat(prefix, "distributed-tracing-", what);
      if (Has(flag))
        Warn(flag, absl::StrCat("without ", enable, " etcd does not heed it"),
             absl::StrCat("add ", enable, ": true"));
    }
  }

  const EtcdVersion& version_;
  const std::map<std::string, std::string>& flags_;
  std::vector<EtcdFlagProblem> problems_;
};

}  // namespace

std::vector<EtcdFlagProblem> CheckEtcdFlagsTogether(const EtcdVersion& version,
                                                    const std::map<std::string, std::string>& flags) {
  return Rules(version, flags).Check();
}

}  // namespace kplan
