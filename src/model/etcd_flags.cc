#include "src/model/etcd_flags.h"

#include <stdint.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "src/base/text.h"
#include "src/model/names.h"

namespace kplan {
namespace {

using Kind = EtcdFlag::Kind;

constexpr char kFromCert[] = "it is made from `etcd.cert`";
constexpr char kData[] =
    "kplan keeps etcd's data in /var/lib/etcd; moving it is a migration that kplan does not do";
constexpr char kNoDiscovery[] = "kplan knows the members; discovery is not used";
constexpr char kNoAutoTls[] = "kplan makes the certificates";
constexpr char kUnsafe[] = "it is for disaster recovery by hand, not for a unit";

// By name.
constexpr EtcdFlag kFlags[] = {
    {"advertise-client-urls", Kind::kUrls, 4, 0, nullptr},
    {"auth-token", Kind::kText, 4, 0, nullptr},
    {"auth-token-ttl", Kind::kNumber, 4, 0, nullptr},
    {"auto-compaction-mode", Kind::kText, 4, 0, nullptr},
    {"auto-compaction-retention", Kind::kText, 4, 0, nullptr},
    {"auto-tls", Kind::kOurs, 4, 0, kNoAutoTls},
    {"backend-batch-interval", Kind::kDuration, 4, 0, nullptr},
    {"backend-batch-limit", Kind::kNumber, 4, 0, nullptr},
    {"backend-bbolt-freelist-type", Kind::kText, 5, 0, nullptr},
    {"bcrypt-cost", Kind::kNumber, 4, 0, nullptr},
    {"cert-file", Kind::kOurs, 4, 0, kFromCert},
    {"cipher-suites", Kind::kText, 4, 0, nullptr},
    {"client-cert-allowed-hostname", Kind::kText, 4, 0, nullptr},
    {"client-cert-auth", Kind::kOurs, 4, 0, kFromCert},
    {"client-cert-file", Kind::kPath, 5, 0, nullptr},
    {"client-crl-file", Kind::kPath, 4, 0, nullptr},
    {"client-key-file", Kind::kPath, 5, 0, nullptr},
    {"compaction-batch-limit", Kind::kNumber, 6, 0, nullptr},
    {"config-file", Kind::kOurs, 4, 0, "with it etcd ignores every flag"},
    {"cors", Kind::kText, 4, 0, nullptr},
    {"data-dir", Kind::kOurs, 4, 0, kData},
    {"debug", Kind::kBool, 4, 5, nullptr},
    {"discovery", Kind::kOurs, 4, 0, kNoDiscovery},
    {"discovery-fallback", Kind::kOurs, 4, 0, kNoDiscovery},
    {"discovery-proxy", Kind::kOurs, 4, 0, kNoDiscovery},
    {"discovery-srv", Kind::kOurs, 4, 0, kNoDiscovery},
    {"discovery-srv-name", Kind::kOurs, 4, 0, kNoDiscovery},
    {"discovery-token", Kind::kOurs, 6, 0, kNoDiscovery},
    {"election-timeout", Kind::kNumber, 4, 0, nullptr},
    {"enable-grpc-gateway", Kind::kBool, 5, 0, nullptr},
    {"enable-log-rotation", Kind::kBool, 5, 0, nullptr},
    {"enable-pprof", Kind::kBool, 4, 0, nullptr},
    {"enable-v2", Kind::kBool, 4, 6, nullptr},
    {"feature-gates", Kind::kText, 6, 0, nullptr},
    {"force-new-cluster", Kind::kOurs, 4, 0, kUnsafe},
    {"grpc-keepalive-interval", Kind::kDuration, 4, 0, nullptr},
    {"grpc-keepalive-min-time", Kind::kDuration, 4, 0, nullptr},
    {"grpc-keepalive-timeout", Kind::kDuration, 4, 0, nullptr},
    {"heartbeat-interval", Kind::kNumber, 4, 0, nullptr},
    {"host-whitelist", Kind::kText, 4, 0, nullptr},
    {"initial-advertise-peer-urls", Kind::kUrls, 4, 0, nullptr},
    {"initial-cluster", Kind::kText, 4, 0, nullptr},
    {"initial-cluster-state", Kind::kText, 4, 0, nullptr},
    {"initial-cluster-token", Kind::kOurs, 4, 0, "it is the key `etcd.initial-cluster-token`"},
    {"initial-election-tick-advance", Kind::kBool, 4, 0, nullptr},
    {"key-file", Kind::kOurs, 4, 0, kFromCert},
    {"listen-client-http-urls", Kind::kUrls, 5, 0, nullptr},
    {"listen-client-urls", Kind::kUrls, 4, 0, nullptr},
    {"listen-metrics-urls", Kind::kUrls, 4, 0, nullptr},
    {"listen-peer-urls", Kind::kUrls, 4, 0, nullptr},
    {"log-format", Kind::kText, 6, 0, nullptr},
    {"log-level", Kind::kText, 4, 0, nullptr},
    {"log-output", Kind::kText, 4, 5, nullptr},
    {"log-outputs", Kind::kText, 4, 0, nullptr},
    {"log-package-levels", Kind::kText, 4, 5, nullptr},
    {"log-rotation-config-json", Kind::kText, 5, 0, nullptr},
    {"logger", Kind::kText, 4, 0, nullptr},
    {"max-concurrent-streams", Kind::kNumber, 4, 0, nullptr},
    {"max-learners", Kind::kNumber, 6, 0, nullptr},
    {"max-request-bytes", Kind::kNumber, 4, 0, nullptr},
    {"max-snapshots", Kind::kNumber, 4, 0, nullptr},
    {"max-txn-ops", Kind::kNumber, 4, 0, nullptr},
    {"max-wals", Kind::kNumber, 4, 0, nullptr},
    {"memory-mlock", Kind::kBool, 6, 0, nullptr},
    {"metrics", Kind::kText, 4, 0, nullptr},
    {"name", Kind::kText, 4, 0, nullptr},
    {"peer-auto-tls", Kind::kOurs, 4, 0, kNoAutoTls},
    {"peer-cert-allowed-cn", Kind::kText, 4, 0, nullptr},
    {"peer-cert-allowed-hostname", Kind::kText, 4, 0, nullptr},
    {"peer-cert-file", Kind::kPath, 4, 0, nullptr},
    {"peer-client-cert-auth", Kind::kBool, 4, 0, nullptr},
    {"peer-client-cert-file", Kind::kPath, 5, 0, nullptr},
    {"peer-client-key-file", Kind::kPath, 5, 0, nullptr},
    {"peer-crl-file", Kind::kPath, 4, 0, nullptr},
    {"peer-key-file", Kind::kPath, 4, 0, nullptr},
    {"peer-trusted-ca-file", Kind::kPath, 4, 0, nullptr},
    {"pre-vote", Kind::kBool, 4, 0, nullptr},
    {"proxy", Kind::kOurs, 4, 6, "kplan provisions members"},
    {"quota-backend-bytes", Kind::kNumber, 4, 0, nullptr},
    {"raft-read-timeout", Kind::kDuration, 5, 0, nullptr},
    {"raft-write-timeout", Kind::kDuration, 5, 0, nullptr},
    {"self-signed-cert-validity", Kind::kOurs, 5, 0, kNoAutoTls},
    {"snapshot-count", Kind::kNumber, 4, 0, nullptr},
    {"socket-reuse-address", Kind::kBool, 5, 0, nullptr},
    {"socket-reuse-port", Kind::kBool, 5, 0, nullptr},
    {"strict-reconfig-check", Kind::kBool, 4, 0, nullptr},
    {"tls-max-version", Kind::kText, 5, 0, nullptr},
    {"tls-min-version", Kind::kText, 5, 0, nullptr},
    {"trusted-ca-file", Kind::kOurs, 4, 0, "it is the cluster's CA"},
    {"unsafe-no-fsync", Kind::kBool, 5, 0, nullptr},
    {"v2-deprecation", Kind::kText, 5, 0, nullptr},
    {"wal-dir", Kind::kOurs, 4, 0, kData},
    {"warning-apply-duration", Kind::kDuration, 6, 0, nullptr},
    {"watch-progress-notify-interval", Kind::kDuration, 6, 0, nullptr},
};

constexpr char kFromAddress[] = "it is made from the `address` of each member's host";
constexpr char kFromTls[] = "it is made from `etcd.tls`";

// What else, or what other than above, kplan makes for the members of a cluster. By name.
constexpr std::pair<absl::string_view, const char*> kInCluster[] = {
    {"advertise-client-urls", kFromAddress},
    {"cert-file", kFromTls},
    {"client-cert-auth", kFromTls},
    {"client-cert-file", kFromTls},
    {"client-key-file", kFromTls},
    {"initial-advertise-peer-urls", kFromAddress},
    {"initial-cluster", "it is made from `etcd.members`"},
    {"key-file", kFromTls},
    {"listen-client-urls", kFromAddress},
    {"listen-peer-urls", kFromAddress},
    {"name", "members are called as their hosts"},
    {"peer-cert-file", kFromTls},
    {"peer-client-cert-auth", kFromTls},
    {"peer-client-cert-file", kFromTls},
    {"peer-client-key-file", kFromTls},
    {"peer-key-file", kFromTls},
    {"peer-trusted-ca-file", "it is the CA of `peer` of `etcd.tls`"},
    {"trusted-ca-file", "it is the CA of `server` of `etcd.tls`"},
};

absl::Status Refuse(absl::string_view reason, absl::string_view remedy) {
  return absl::InvalidArgumentError(absl::StrCat(reason, "\n", remedy));
}

}  // namespace

bool ParseEtcdVersion(absl::string_view text, EtcdVersion* version) {
  std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  int* numbers[] = {&version->major, &version->minor, &version->patch};
  if (parts.size() != 3) return false;
  for (int i = 0; i < 3; ++i) {
    bool plain =
        !parts[i].empty() && parts[i].size() <= 4 &&
        std::all_of(parts[i].begin(), parts[i].end(), [](char c) { return absl::ascii_isdigit(c); }) &&
        (parts[i].size() == 1 || parts[i][0] != '0');
    if (!plain || !absl::SimpleAtoi(parts[i], numbers[i])) return false;
  }
  return true;
}

const EtcdFlag* FindEtcdFlag(absl::string_view name) {
  const EtcdFlag* flag = std::lower_bound(std::begin(kFlags), std::end(kFlags), name,
                                          [](const EtcdFlag& a, absl::string_view b) { return a.name < b; });
  return flag != std::end(kFlags) && flag->name == name ? flag : nullptr;
}

std::vector<absl::string_view> EtcdFlagNames() {
  std::vector<absl::string_view> names;
  for (const EtcdFlag& flag : kFlags) names.push_back(flag.name);
  return names;
}

const char* WhyOursInCluster(const EtcdFlag& flag) {
  for (const auto& [name, why] : kInCluster) {
    if (name == flag.name) return why;
  }
  return flag.kind == EtcdFlag::Kind::kOurs ? flag.text : nullptr;
}

bool ParseUrl(absl::string_view text, Url* url) {
  if (absl::ConsumePrefix(&text, "https://")) {
    url->scheme = "https";
  } else if (absl::ConsumePrefix(&text, "http://")) {
    url->scheme = "http";
  } else {
    return false;
  }
  size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return false;
  absl::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  bool digits = !port.empty() && port.size() <= 5 &&
                std::all_of(port.begin(), port.end(), [](char c) { return absl::ascii_isdigit(c); });
  if (!digits || !absl::SimpleAtoi(port, &url->port) || url->port < 1 || url->port > 65535) return false;
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]") || !IsIpAddress(host) || !absl::StrContains(host, ':')) return false;
  } else if (!IsIpAddress(host) && !CheckDnsName(host).ok()) {
    return false;
  } else if (absl::StrContains(host, ':')) {
    return false;  // IPv6 without brackets
  }
  url->host = std::string(host);
  return true;
}

absl::Status CheckEtcdFlagValue(const EtcdFlag& flag, absl::string_view value) {
  switch (flag.kind) {
    case Kind::kText:
    case Kind::kOurs:
      // etcd makes initial-cluster of it, "NAME=URL,...", and then cannot take that apart (etcd v3.4,
      // types.NewURLsMap).
      if (absl::string_view(flag.name) == "name" && value.find_first_of("=,") != absl::string_view::npos) {
        return Refuse("a member's name with a comma or an equals sign, at which etcd ends it",
                      "use a hyphen");
      }
      if (absl::string_view(flag.name) == "initial-cluster-state" && value != "new" && value != "existing") {
        return Refuse("not new or existing",
                      "write new, or existing for members that join a cluster that is there");
      }
      return absl::OkStatus();
    case Kind::kBool:
      if (value == "true" || value == "false") return absl::OkStatus();
      return Refuse("not true or false", "write true or false");
    case Kind::kNumber: {
      uint64_t number;
      if (absl::ascii_isdigit(value[0]) && absl::SimpleAtoi(value, &number)) return absl::OkStatus();
      return Refuse("not a number", "write a decimal number");
    }
    case Kind::kDuration: {
      absl::Duration duration;
      if (absl::ParseDuration(value, &duration) && duration >= absl::ZeroDuration()) return absl::OkStatus();
      return Refuse("not a duration", "write for example 5s, 100ms or 1h30m");
    }
    case Kind::kUrls:
      for (absl::string_view text : absl::StrSplit(value, ',')) {
        Url url;
        if (ParseUrl(text, &url)) continue;
        return Refuse(absl::StrCat(Quote(text), " is not a URL that etcd takes"),
                      "write scheme, host and port, for example https://127.0.0.1:2379");
      }
      return absl::OkStatus();
    case Kind::kPath:
      if (value[0] == '/' && IsPlainPath(value) && !absl::StrContains(value, "..")) return absl::OkStatus();
      return Refuse("not an absolute path of letters, digits and / . _ - + @ = ~",
                    "for example /etc/etcd/crl.der");
  }
  return absl::OkStatus();
}

}  // namespace kplan
