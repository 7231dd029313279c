#include "src/etcd/facts/etcd_flags.h"

#include <fstream>
#include <iterator>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/etcd/facts/etcd_flag_page.h"

namespace kplan {
namespace {

using Type = EtcdFlag::Type;

EtcdVersion Version(absl::string_view text) {
  EtcdVersion version;
  EXPECT_TRUE(ParseEtcdVersion(text, &version)) << text;
  return version;
}

const EtcdFlag& Flag(absl::string_view name) {
  const EtcdFlag* flag = FindEtcdFlag(name);
  if (flag == nullptr) ADD_FAILURE() << "no flag " << name;
  return flag == nullptr ? AllEtcdFlags()[0] : *flag;
}

bool Has(absl::string_view version, absl::string_view flag) { return HasFlag(Version(version), Flag(flag)); }

// "" when it is good, else "reason / remedy".
std::string Said(absl::string_view version, absl::string_view flag, absl::string_view value) {
  absl::Status status = CheckEtcdFlagValue(Version(version), Flag(flag), value);
  std::string text(status.message());
  if (const size_t end = text.find('\n'); end != std::string::npos) text.replace(end, 1, " / ");
  return text;
}

TEST(EtcdFlags, AreInOrder) {
  // FindEtcdFlag searches by halves.
  const std::vector<absl::string_view> names = EtcdFlagNames();
  for (size_t i = 1; i < names.size(); ++i) EXPECT_LT(names[i - 1], names[i]);
  for (absl::string_view name : names) EXPECT_NE(FindEtcdFlag(name), nullptr) << name;
  EXPECT_EQ(FindEtcdFlag("nmae"), nullptr);
  EXPECT_EQ(FindEtcdFlag(""), nullptr);
  EXPECT_EQ(names.size(), 166);
}

TEST(EtcdFlags, EveryRowIsConsistent) {
  for (const EtcdFlag& flag : AllEtcdFlags()) {
    SCOPED_TRACE(flag.name);
    int minors = 0;
    for (int i = 0; i < 3; ++i) {
      const int since = flag.since.patch[i];
      minors += since == PatchOfMinor::kNo ? 0 : 1;
      EXPECT_GE(since, PatchOfMinor::kNo);
      if (since != PatchOfMinor::kNo) {
        EXPECT_EQ(flag.type == Type::kWord, flag.words[i] != nullptr);
      }
      if (flag.deprecated.patch[i] != PatchOfMinor::kNo) {
        EXPECT_NE(since, PatchOfMinor::kNo) << "deprecated where it is not";
      }
      // What came with a patch release of 3.4 or 3.5 did so after 3.6 was branched off, or stayed.
      if (i > 0 && since > 0) {
        EXPECT_EQ(flag.since.patch[2], 0);
      }
    }
    EXPECT_GT(minors, 0);
    EXPECT_LE(flag.least, flag.most);
    if (flag.ours != nullptr && flag.name != absl::string_view("initial-cluster-state")) {
      EXPECT_NE(flag.ours_in_cluster, nullptr) << "kplan makes it for one member, and for more nobody does";
    }
    EXPECT_FALSE(DescribeValue(flag).empty());
    if (flag.instead == nullptr) continue;
    const absl::string_view other =
        absl::string_view(flag.instead).substr(0, absl::string_view(flag.instead).find(": "));
    ASSERT_NE(FindEtcdFlag(other), nullptr) << other;
    const EtcdVersion latest{3, 6, std::numeric_limits<int>::max()};
    EXPECT_TRUE(HasFlag(latest, *FindEtcdFlag(other)));
    if (other != flag.instead) {
      const std::string value(absl::string_view(flag.instead).substr(other.size() + 2));
      EXPECT_TRUE(CheckEtcdFlagValue(latest, *FindEtcdFlag(other), value).ok()) << value;
    } else if (other != "log-level") {
      EXPECT_EQ(FindEtcdFlag(other)->type, flag.type) << "another name for the same";
    }
  }
}

// How many flags some releases have, counted in etcd's source.
TEST(EtcdFlags, OfEachRelease) {
  const std::pair<const char*, size_t> kCounts[] = {{"3.4.0", 95},  {"3.4.15", 98},  {"3.4.45", 105},
                                                    {"3.5.0", 116}, {"3.5.33", 127}, {"3.6.0", 153},
                                                    {"3.6.14", 153}};
  for (const auto& [version, count] : kCounts) {
    EXPECT_EQ(EtcdFlagNames(Version(version)).size(), count) << version;
  }
}

TEST(EtcdFlags, ComeWithPatchReleases) {
  EXPECT_FALSE(Has("3.4.24", "tls-min-version"));
  EXPECT_TRUE(Has("3.4.25", "tls-min-version"));
  EXPECT_FALSE(Has("3.5.7", "tls-min-version"));
  EXPECT_TRUE(Has("3.5.8", "tls-min-version"));
  EXPECT_TRUE(Has("3.6.0", "tls-min-version"));
  EXPECT_TRUE(Has("3.4.99", "tls-min-version")) << "as the newest that is known";
  EXPECT_TRUE(Has("3.4.31", "next-cluster-version-compatible"));
  EXPECT_FALSE(Has("3.5.0", "next-cluster-version-compatible"));
  EXPECT_TRUE(Has("3.5.33", "enable-v2"));
  EXPECT_FALSE(Has("3.6.0", "enable-v2"));
}

TEST(WhyNoFlag, SaysWithWhichRelease) {
  auto why = [](absl::string_view version, absl::string_view flag) {
    return WhyNoFlag(Version(version), Flag(flag));
  };
  EXPECT_EQ(why("3.4.15", "tls-min-version"), "it came with 3.4.25");
  EXPECT_EQ(why("3.4.15", "socket-reuse-port"), "it came with 3.5");
  EXPECT_EQ(why("3.4.45", "experimental-compact-hash-check-time"), "it came with 3.5.5");
  EXPECT_EQ(why("3.4.45", "feature-gates"), "it came with 3.6");
  EXPECT_EQ(why("3.5.1", "experimental-enable-lease-checkpoint-persist"), "it came with 3.5.2");
  EXPECT_EQ(why("3.5.1", "debug"), "it was removed in 3.5");
  EXPECT_EQ(why("3.6.1", "debug"), "it was removed in 3.5");
  EXPECT_EQ(why("3.6.1", "enable-v2"), "it was removed in 3.6");
}

TEST(InsteadOf, LooksBothWays) {
  auto instead = [](absl::string_view version, absl::string_view flag, absl::string_view value) {
    return InsteadOf(Version(version), Flag(flag), value);
  };
  EXPECT_EQ(instead("3.5.1", "debug", "true"), "log-level: debug");
  EXPECT_EQ(instead("3.5.1", "debug", "false"), "");
  EXPECT_EQ(instead("3.6.1", "experimental-initial-corrupt-check", "true"),
            "feature-gates: InitialCorruptCheck=true");
  EXPECT_EQ(instead("3.6.1", "experimental-txn-mode-write-with-shared-buffer", "false"),
            "feature-gates: TxnModeWriteWithSharedBuffer=false");
  EXPECT_EQ(instead("3.5.1", "experimental-initial-corrupt-check", "true"), "") << "3.5 has no gates";
  EXPECT_EQ(instead("3.5.1", "compaction-batch-limit", "5"), "experimental-compaction-batch-limit");
  EXPECT_EQ(instead("3.6.1", "experimental-compaction-batch-limit", "5"), "compaction-batch-limit");
  EXPECT_EQ(instead("3.5.10", "feature-gates", "CompactHashCheck=true"),
            "experimental-compact-hash-check-enabled");
  EXPECT_EQ(instead("3.5.1", "feature-gates", "CompactHashCheck=true"), "") << "3.5.1 has not that either";
  EXPECT_EQ(instead("3.4.1", "backend-bbolt-freelist-type", "map"),
            "experimental-backend-bbolt-freelist-type");
}

TEST(IsDeprecated, ByRelease) {
  EXPECT_TRUE(IsDeprecated(Version("3.4.0"), Flag("debug")));
  EXPECT_FALSE(IsDeprecated(Version("3.4.0"), Flag("enable-v2")));
  EXPECT_TRUE(IsDeprecated(Version("3.5.0"), Flag("enable-v2")));
  EXPECT_TRUE(IsDeprecated(Version("3.6.7"), Flag("snapshot-count")));
  EXPECT_FALSE(IsDeprecated(Version("3.6.8"), Flag("snapshot-count"))) << "taken back";
}

TEST(CheckEtcdFlagValue, Numbers) {
  EXPECT_EQ(Said("3.4.15", "snapshot-count", "10000"), "");
  EXPECT_EQ(Said("3.4.15", "snapshot-count", "many"), "not a number / write a decimal number");
  EXPECT_EQ(Said("3.4.15", "snapshot-count", "-1"), "not a number / write a decimal number");
  EXPECT_EQ(Said("3.4.15", "snapshot-count", "0x10"), "not a number / write a decimal number");
  EXPECT_EQ(Said("3.4.15", "snapshot-count", "010"),
            "etcd takes a number that begins with 0 for an octal one / write it without the 0");
  EXPECT_EQ(Said("3.4.15", "snapshot-count", "99999999999999999999"),
            "larger than etcd takes / the largest number is 9223372036854775807");
  EXPECT_EQ(Said("3.4.20", "max-concurrent-streams", "4294967296"),
            "larger than etcd takes / the largest is 4294967295");
  EXPECT_EQ(Said("3.4.15", "election-timeout", "50001"), "larger than etcd takes / the largest is 50000");
  EXPECT_EQ(Said("3.4.15", "heartbeat-interval", "0"), "less than etcd takes / the least is 1");
}

TEST(CheckEtcdFlagValue, SaysTheNumberOfWhatHasAUnit) {
  // With which etcd starts, and refuses all work.
  EXPECT_EQ(Said("3.4.15", "max-request-bytes", "10"), "less than etcd can work with / the least is 1024");
  EXPECT_EQ(Said("3.4.15", "max-request-bytes", "1024"), "");
  EXPECT_EQ(Said("3.4.15", "max-txn-ops", "0"), "less than etcd takes / the least is 1");
  EXPECT_EQ(Said("3.4.15", "auth-token-ttl", "0"), "less than etcd takes / the least is 1");
  EXPECT_EQ(Said("3.4.15", "quota-backend-bytes", "8589934592"), "");
  EXPECT_EQ(Said("3.4.15", "quota-backend-bytes", "-1"), "") << "no quota";
  for (const char* text : {"8GiB", "8 GiB", "8Gi", "8G", "8gib", "8192MiB"}) {
    EXPECT_EQ(Said("3.4.15", "quota-backend-bytes", text),
              "it is a number of bytes, without a unit / write 8589934592")
        << text;
  }
  EXPECT_EQ(Said("3.4.15", "quota-backend-bytes", "8GB"),
            "it is a number of bytes, without a unit / write 8000000000");
  EXPECT_EQ(Said("3.4.15", "max-request-bytes", "1.5MiB"),
            "it is a number of bytes, without a unit / write 1572864");
  EXPECT_EQ(Said("3.4.15", "quota-backend-bytes", "8 apples"),
            "not a number / write a decimal number of bytes");
  EXPECT_EQ(Said("3.4.15", "heartbeat-interval", "100ms"),
            "it is a number of milliseconds, without a unit / write 100");
  EXPECT_EQ(Said("3.4.15", "election-timeout", "1s"),
            "it is a number of milliseconds, without a unit / write 1000");
  EXPECT_EQ(Said("3.4.15", "auth-token-ttl", "5m"), "it is a number of seconds, without a unit / write 300");
  EXPECT_EQ(Said("3.4.15", "heartbeat-interval", "1us"),
            "not a number / write a decimal number of milliseconds");
  EXPECT_EQ(Said("3.5.1", "experimental-bootstrap-defrag-threshold-megabytes", "1GiB"),
            "it is a number of megabytes, without a unit / write 1024");
}

TEST(CheckEtcdFlagValue, Durations) {
  for (const char* good : {"5s", "100ms", "1h30m", "1.5h", "0", "0s", "10us", ".5s", "1.s"})
    EXPECT_EQ(Said("3.4.15", "grpc-keepalive-interval", good), "") << good;
  for (const char* bad : {"5", "inf", "-1s", "1h30", "s", "5 s", "1y", "1,5s", "1e3s", ".s", "999999999h"}) {
    EXPECT_EQ(Said("3.4.15", "grpc-keepalive-interval", bad),
              "not a duration / write for example 5s, 100ms or 1h30m")
        << bad;
  }
  EXPECT_EQ(Said("3.4.15", "grpc-keepalive-interval", "2d"),
            "not a duration / hours are the largest unit: write 48h");
  EXPECT_EQ(Said("3.6.0", "compact-hash-check-time", "0s"),
            "etcd wants more than 0 here / write for example 5s, 100ms or 1h30m");
}

TEST(CheckEtcdFlagValue, Words) {
  EXPECT_EQ(Said("3.4.15", "log-level", "debug"), "");
  EXPECT_EQ(Said("3.4.15", "log-level", "DEBUG"),
            "not debug, info, warn, error, panic or fatal / write debug");
  EXPECT_EQ(Said("3.4.15", "log-level", "eror"),
            "not debug, info, warn, error, panic or fatal / did you mean \"error\"?");
  EXPECT_EQ(Said("3.4.15", "logger", "capnslog"), "");
  EXPECT_EQ(Said("3.5.0", "logger", "capnslog"), "not zap / write zap");
  EXPECT_EQ(Said("3.5.31", "v2-deprecation", "write-only-skip-check"),
            "not not-yet, write-only, write-only-drop-data or gone / write not-yet, write-only, "
            "write-only-drop-data or gone");
  EXPECT_EQ(Said("3.5.32", "v2-deprecation", "write-only-skip-check"), "");
  EXPECT_EQ(Said("3.4.15", "pre-vote", "yes"), "not true or false / write true or false");
}

TEST(CheckEtcdFlagValue, Lists) {
  EXPECT_EQ(Said("3.5.15", "peer-cert-allowed-cn", "a,b"), "");
  EXPECT_EQ(Said("3.5.14", "peer-cert-allowed-cn", "a"), "");
  EXPECT_TRUE(absl::StartsWith(Said("3.5.14", "peer-cert-allowed-cn", "a,b"), "a list only from 3.5.15 on"));
  EXPECT_TRUE(absl::StartsWith(Said("3.4.45", "peer-cert-allowed-cn", "a,b"), "a list only from 3.5.15 on"));
  EXPECT_EQ(Said("3.4.15", "host-whitelist", "a,b"), "");
  EXPECT_EQ(Said("3.4.15", "log-outputs", "stderr,/var/log/etcd.log"), "");
  EXPECT_EQ(Said("3.4.15", "log-outputs", "stdrr"),
            "\"stdrr\" is no output and no absolute path / did you mean \"stderr\"?");
  EXPECT_EQ(Said("3.4.15", "log-outputs", "default,stderr"),
            "default does not go with other outputs / write it alone, or remove it");
  EXPECT_EQ(Said("3.4.15", "cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "");
  EXPECT_EQ(Said("3.4.21", "cipher-suites", "TLS_AES_128_GCM_SHA256") == "", false);
  EXPECT_EQ(Said("3.4.22", "cipher-suites", "TLS_AES_128_GCM_SHA256"), "");
  EXPECT_EQ(Said("3.4.15", "cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265"),
            "there is no cipher suite \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265\" / did you mean "
            "\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"?");
  EXPECT_EQ(Said("3.6.0", "feature-gates", "CompactHashCheck=true,AllAlpha=false"), "");
  EXPECT_EQ(Said("3.6.0", "feature-gates", "CompactHashChek=true"),
            "there is no feature gate \"CompactHashChek\" / did you mean \"CompactHashCheck\"?");
  EXPECT_EQ(Said("3.6.0", "feature-gates", "CompactHashCheck"),
            "whether CompactHashCheck is on or off is not said / write CompactHashCheck=true or "
            "CompactHashCheck=false");
}

TEST(CheckEtcdFlagValue, TheRest) {
  EXPECT_EQ(Said("3.4.15", "cors", "*"), "");
  EXPECT_EQ(Said("3.4.15", "cors", "https://a.example:443"), "");
  EXPECT_TRUE(absl::StrContains(Said("3.4.15", "cors", "https://a.example"), "is not a URL that etcd takes"));
  EXPECT_EQ(Said("3.4.15", "auth-token", "simple"), "");
  EXPECT_EQ(Said("3.4.15", "auth-token", "jwt,pub-key=/a,sign-method=RS256"), "");
  EXPECT_TRUE(absl::StartsWith(Said("3.4.15", "auth-token", "jwt,pub-key=/a"), "jwt without a sign-method"));
  EXPECT_TRUE(absl::StartsWith(Said("3.4.15", "auth-token", "smple"), "not simple and no jwt"));
  for (const char* good : {"0", "24", "1h", "30m"})
    EXPECT_EQ(Said("3.4.15", "auto-compaction-retention", good), "");
  for (const char* bad : {"daily", "-1", "-1h", "1d"})
    EXPECT_NE(Said("3.4.15", "auto-compaction-retention", bad), "") << bad;
  EXPECT_EQ(Said("3.5.0", "log-rotation-config-json", R"({"maxsize": 100})"), "");
  EXPECT_NE(Said("3.5.0", "log-rotation-config-json", "maxsize=100"), "");
  EXPECT_EQ(Said("3.4.15", "snapshot", "5"), "etcd takes it and does nothing / remove it");
  EXPECT_EQ(Said("3.4.15", "auth-token", ""), "empty / remove it, or write a value");
}

// "FLAG: reason" of each problem, warnings with a "?".
std::string Together(absl::string_view version, const std::map<std::string, std::string>& flags) {
  std::string text;
  for (const EtcdFlagProblem& problem : CheckEtcdFlagsTogether(Version(version), flags)) {
    EXPECT_EQ(flags.count(problem.flag), 1) << problem.flag;
    if (!problem.other.empty()) {
      EXPECT_EQ(flags.count(problem.other), 1) << problem.other;
    }
    EXPECT_FALSE(problem.remedy.words.empty());
    absl::StrAppend(&text, text.empty() ? "" : "; ", problem.flag, ": ", problem.reason,
                    problem.warning ? "?" : "");
  }
  return text;
}

TEST(CheckEtcdFlagsTogether, ElectionAndHeartbeat) {
  EXPECT_EQ(Together("3.4.15", {}), "");
  EXPECT_EQ(Together("3.4.15", {{"heartbeat-interval", "200"}}), "");
  EXPECT_EQ(
      Together("3.4.15", {{"heartbeat-interval", "201"}}),
      "heartbeat-interval: an election-timeout of 1000 ms is less than five times the heartbeat-interval of "
      "201 ms");
  EXPECT_EQ(Together("3.4.15", {{"election-timeout", "499"}}),
            "election-timeout: an election-timeout of 499 ms is less than five times the heartbeat-interval "
            "of 100 ms");
  EXPECT_EQ(Together("3.4.15", {{"election-timeout", "500"}}), "");
  EXPECT_EQ(Together("3.4.15", {{"election-timeout", "50000"}, {"heartbeat-interval", "10000"}}), "");
}

TEST(CheckEtcdFlagsTogether, TheOthers) {
  EXPECT_EQ(Together("3.4.15", {{"auto-compaction-retention", "5m"}, {"auto-compaction-mode", "revision"}}),
            "auto-compaction-retention: with auto-compaction-mode: revision it is a number of revisions");
  EXPECT_EQ(Together("3.4.15", {{"auto-compaction-retention", "5m"}}), "");
  EXPECT_EQ(Together("3.5.8", {{"tls-min-version", "TLS1.3"}, {"tls-max-version", "TLS1.2"}}),
            "tls-min-version: later than tls-max-version");
  EXPECT_EQ(Together("3.5.8", {{"tls-min-version", "TLS1.3"}, {"cipher-suites", "TLS_AES_128_GCM_SHA256"}}),
            "cipher-suites: TLS 1.3 has none to choose from");
  EXPECT_EQ(Together("3.4.15", {{"log-outputs", "/var/log/etcd"}}),
            "log-outputs: etcd's logger capnslog takes one of default, stderr and stdout");
  EXPECT_EQ(Together("3.4.15", {{"log-outputs", "/var/log/etcd"}, {"logger", "zap"}}), "");
  EXPECT_EQ(Together("3.5.0", {{"log-outputs", "/var/log/etcd"}}), "");
  EXPECT_EQ(Together("3.5.0", {{"enable-log-rotation", "true"}}),
            "enable-log-rotation: etcd rotates one file, and log-outputs names none");
  EXPECT_EQ(Together("3.5.0", {{"enable-log-rotation", "true"}, {"log-outputs", "stderr,/a"}}), "");
  EXPECT_EQ(
      Together("3.5.2", {{"experimental-enable-lease-checkpoint-persist", "true"}}),
      "experimental-enable-lease-checkpoint-persist: etcd takes it with experimental-enable-lease-checkpoint "
      "alone");
  EXPECT_EQ(
      Together("3.6.0", {{"compaction-batch-limit", "1"}, {"experimental-compaction-batch-limit", "1"}}),
      "experimental-compaction-batch-limit: etcd takes one of it and compaction-batch-limit");
  EXPECT_EQ(Together("3.6.0", {{"feature-gates", "CompactHashCheck=true"},
                               {"experimental-compact-hash-check-enabled", "true"}}),
            "experimental-compact-hash-check-enabled: feature-gates has CompactHashCheck too");
}

TEST(CheckEtcdFlagsTogether, WarnsOfWhatEtcdWarnsOf) {
  EXPECT_EQ(Together("3.4.15", {{"quota-backend-bytes", "8589934592"}}), "");
  for (const char* none : {"0", "-1", "1048576"})
    EXPECT_EQ(Together("3.4.15", {{"quota-backend-bytes", none}}), "");
  EXPECT_EQ(Together("3.4.15", {{"quota-backend-bytes", "8192"}}),
            "quota-backend-bytes: an empty database is nearly as large: etcd would take no write");
  EXPECT_EQ(Together("3.4.15", {{"quota-backend-bytes", "8589934593"}}),
            "quota-backend-bytes: more than 8 GiB, the most that etcd recommends?");
  EXPECT_EQ(Together("3.4.15", {{"max-request-bytes", "10485761"}}),
            "max-request-bytes: more than 10 MiB, the most that etcd recommends?");
  EXPECT_EQ(Together("3.4.15", {{"bcrypt-cost", "32"}}), "bcrypt-cost: etcd takes its default instead?");
  EXPECT_EQ(Together("3.4.15", {{"logger", "capnslog"}}), "logger: capnslog is deprecated, and gone in 3.5?");
}

TEST(CheckEtcdFlagsTogether, CertificatesHaveTheirKeys) {
  EXPECT_EQ(Together("3.4.15", {{"peer-cert-file", "/a"}}),
            "peer-cert-file: etcd takes it together with peer-key-file only");
  EXPECT_EQ(Together("3.5.0", {{"client-key-file", "/a"}}),
            "client-key-file: etcd takes it together with client-cert-file only");
  EXPECT_EQ(Together("3.5.0", {{"peer-client-cert-file", "/a"}}),
            "peer-client-cert-file: etcd takes it together with peer-client-key-file only");
  EXPECT_EQ(Together("3.5.0", {{"client-cert-file", "/a"}, {"client-key-file", "/b"}}), "");
  EXPECT_EQ(
      Together("3.4.15", {{"peer-cert-allowed-cn", "a"}, {"peer-cert-allowed-hostname", "b"}}),
      "peer-cert-allowed-hostname: etcd takes one of peer-cert-allowed-cn and peer-cert-allowed-hostname");
}

TEST(CheckEtcdFlagsTogether, PeerUrlsAndTheirTls) {
  EXPECT_EQ(Together("3.4.15", {{"listen-peer-urls", "https://127.0.0.1:2380"}}),
            "listen-peer-urls: without peer-cert-file and peer-key-file etcd cannot listen on https there");
  EXPECT_EQ(Together("3.4.15", {{"listen-peer-urls", "http://127.0.0.1:2380"}}), "");
  const std::map<std::string, std::string> pair = {{"peer-cert-file", "/a"}, {"peer-key-file", "/b"}};
  std::map<std::string, std::string> flags = pair;
  EXPECT_EQ(Together("3.4.15", flags),
            "peer-cert-file: etcd does not heed it, because its peer URLs are http?");
  flags["listen-peer-urls"] = "https://127.0.0.1:2380";
  EXPECT_EQ(Together("3.4.15", flags), "");
  flags["peer-client-cert-auth"] = "true";
  EXPECT_EQ(Together("3.4.15", flags),
            "peer-client-cert-auth: without peer-trusted-ca-file etcd turns every peer away?");
  flags["peer-trusted-ca-file"] = "/c";
  EXPECT_EQ(Together("3.4.15", flags), "");
}

TEST(CheckEtcdFlagsTogether, WarnsOfWhatEtcdDoesNotHeed) {
  for (const char* mode : {"periodic", "revision"}) {
    EXPECT_EQ(Together("3.4.15", {{"auto-compaction-mode", mode}}),
              "auto-compaction-mode: without auto-compaction-retention etcd compacts nothing?");
  }
  EXPECT_EQ(Together("3.4.15", {{"auto-compaction-mode", "periodic"}, {"auto-compaction-retention", "0"}}),
            "auto-compaction-mode: without auto-compaction-retention etcd compacts nothing?");
  EXPECT_EQ(Together("3.4.15", {{"auto-compaction-mode", "periodic"}, {"auto-compaction-retention", "1h"}}),
            "");
  EXPECT_EQ(Together("3.5.0", {{"log-rotation-config-json", "{}"}}),
            "log-rotation-config-json: without enable-log-rotation etcd does not heed it?");
  EXPECT_EQ(Together("3.4.15", {{"auth-token", "jwt,sign-method=RS256"}, {"auth-token-ttl", "30"}}),
            "auth-token-ttl: it is about simple tokens; those of JWT have a ttl of their own?");
  EXPECT_EQ(Together("3.4.15", {{"auth-token", "simple"}, {"auth-token-ttl", "30"}}), "");
  EXPECT_EQ(
      Together("3.5.16", {{"experimental-distributed-tracing-address", "localhost:4317"}}),
      "experimental-distributed-tracing-address: without experimental-enable-distributed-tracing etcd does "
      "not heed it?");
  EXPECT_EQ(
      Together("3.6.0", {{"distributed-tracing-address", "a:1"}, {"enable-distributed-tracing", "true"}}),
      "");
  EXPECT_EQ(Together("3.6.0", {{"distributed-tracing-service-name", "a"}}),
            "distributed-tracing-service-name: without enable-distributed-tracing etcd does not heed it?");
  EXPECT_EQ(Together("3.5.16", {{"experimental-compact-hash-check-time", "1m"}}),
            "experimental-compact-hash-check-time: etcd does not compare hashes, so it does not heed it?");
  EXPECT_EQ(
      Together("3.6.0", {{"compact-hash-check-time", "1m"}, {"feature-gates", "CompactHashCheck=true"}}), "");
}

TEST(DescribeVersions, SaysFromWhichPatchOn) {
  EXPECT_EQ(DescribeVersions(Flag("name")), "");
  EXPECT_EQ(DescribeVersions(Flag("tls-min-version")), "etcd 3.4 from 3.4.25 on, 3.5 from 3.5.8 on and 3.6");
  EXPECT_EQ(DescribeVersions(Flag("debug")), "etcd 3.4");
}

TEST(EtcdFlagPage, IsWhatTheTableSays) {
  std::ifstream in("docs/etcd-flags.md");
  const std::string doc{std::istreambuf_iterator<char>(in), {}};
  absl::StatusOr<std::string> today = WithFlagTable(doc);
  ASSERT_TRUE(today.ok()) << today.status();
  EXPECT_EQ(doc, *today) << "When this is what you want: bazel run //src/etcd/facts:etcd_flags_test.update";
  for (const EtcdFlag& flag : AllEtcdFlags())
    EXPECT_TRUE(absl::StrContains(doc, absl::StrCat("| `", flag.name, "` |")));
  EXPECT_FALSE(WithFlagTable("<!-- flags -->\n").ok()) << "without an end";
}

TEST(ParseUrl, TakesWhatEtcdTakes) {
  Url url;
  ASSERT_TRUE(ParseUrl("https://[::1]:2379", &url));
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 2379);
  ASSERT_TRUE(ParseUrl("http://localhost:2380", &url));
  for (const char* bad :
       {"", "127.0.0.1:2379", "https://127.0.0.1", "https://127.0.0.1:0", "https://127.0.0.1:65536",
        "https://127.0.0.1:2379/", "https://:2379", "https://::1:2379", "ftp://a:1", "https://a b:1",
        "https://a:1x", "https://[1.2.3.4]:1"}) {
    EXPECT_FALSE(ParseUrl(bad, &url)) << bad;
  }
}

}  // namespace
}  // namespace kplan
