#ifndef KPLAN_ETCD_FACTS_ETCD_FLAGS_H_
#define KPLAN_ETCD_FACTS_ETCD_FLAGS_H_

// The flags of etcd 3.4 to 3.6, by patch release, because etcd itself exits with 2 for an unknown one, after
// everything else was done. The table is in etcd_flag_table.cc, what values look like in
// etcd_flag_values.cc, what goes together in etcd_flag_rules.cc; docs/etcd-flags.md is made from the table.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/base/diagnostic.h"
#include "src/etcd/facts/etcd_version.h"

namespace kplan {

// The first patch release of 3.4, of 3.5 and of 3.6 that has something, kNo where none does. No patch release
// took away what an earlier one of its minor had.
struct PatchOfMinor {
  static constexpr int kNo = -1;
  static constexpr int kFirstMinor = 4, kLastMinor = 6;

  int patch[3] = {kNo, kNo, kNo};

  // Releases that are not known yet are taken to be as the newest known ones.
  constexpr bool Has(const EtcdVersion& version) const {
    return version.minor >= kFirstMinor && version.minor <= kLastMinor &&
           patch[version.minor - kFirstMinor] != kNo && version.patch >= patch[version.minor - kFirstMinor];
  }
};

struct EtcdFlag {
  enum class Type {
    kText,          // any
    kBool,          // true or false
    kNumber,        // a decimal number within `least` and `most`
    kBytes,         // the same, and what it counts
    kMegabytes,     //
    kMilliseconds,  //
    kSeconds,       //
    kDuration,      // Go's: 5s, 1h30m; within `least` and `most` nanoseconds
    kUrls,          // http(s)://host:port, with commas between several
    kOrigins,       // the same, or *
    kPath,          // an absolute path on the host
    kWord,          // one of `words`
    kList,          // texts with commas between them
    kCiphers,       // a list of Go's names of cipher suites
    kOutputs,       // a list of where the log goes
    kFeatures,      // a list of NAME=true|false
    kRetention,     // of auto-compaction: by its mode a duration, hours, or a number of revisions
    kJson,          // JSON
    kIgnored,       // etcd takes it and does nothing
  };

  // What a running cluster needs for another value to take effect.
  enum class Change {
    kRestart,
    kFirstStart,    // has none once there is a WAL: etcd heeds it at its first start alone
    kMemberUpdate,  // `member update`, then a restart; the flag alone is silently ignored
    kMigration,     // moving the data, which kplan refuses to do
  };

  static constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

  constexpr EtcdFlag(const char* flag, Type of, PatchOfMinor first) : name(flag), type(of), since(first) {}

  // How a row of the table says the rest.
  constexpr EtcdFlag Words(const char* in_all) const { return Words(in_all, in_all, in_all); }
  constexpr EtcdFlag Words(const char* in_34, const char* in_35, const char* in_36) const {
    EtcdFlag flag = *this;
    flag.words[0] = in_34;
    flag.words[1] = in_35;
    flag.words[2] = in_36;
    return flag;
  }
  constexpr EtcdFlag Range(int64_t from, int64_t to) const {
    EtcdFlag flag = *this;
    flag.least = from;
    flag.most = to;
    return flag;
  }
  constexpr EtcdFlag ListIn(PatchOfMinor first) const {
    EtcdFlag flag = *this;
    flag.list_since = first;
    return flag;
  }
  constexpr EtcdFlag Needs(Change what) const {
    EtcdFlag flag = *this;
    flag.change = what;
    return flag;
  }
  constexpr EtcdFlag Ours(const char* why) const {
    EtcdFlag flag = *this;
    flag.ours = why;
    if (flag.ours_in_cluster == nullptr) flag.ours_in_cluster = why;
    return flag;
  }
  constexpr EtcdFlag OursInCluster(const char* why) const {
    EtcdFlag flag = *this;
    flag.ours_in_cluster = why;
    return flag;
  }
  constexpr EtcdFlag OursAlone(const char* why) const {
    EtcdFlag flag = *this;
    flag.ours = why;
    return flag;
  }
  constexpr EtcdFlag DeprecatedIn(PatchOfMinor first, int until = kNeverAgain) const {
    EtcdFlag flag = *this;
    flag.deprecated = first;
    flag.deprecated_until = until;
    return flag;
  }
  constexpr EtcdFlag Instead(const char* other) const {
    EtcdFlag flag = *this;
    flag.instead = other;
    return flag;
  }

  static constexpr int kNeverAgain = std::numeric_limits<int>::max();

  const char* name;
  Type type;
  PatchOfMinor since;
  PatchOfMinor list_since{{0, 0, 0}};  // of kList: before, it is one text
  // The words of a kWord, by minor: "a|b". "a|b@32" says that b came with patch 32 of that minor. Null where
  // the flag does not exist.
  const char* words[3] = {nullptr, nullptr, nullptr};
  int64_t least = 0, most = kNoLimit;
  Change change = Change::kRestart;
  // From what kplan makes it, or why nobody may write it; null: it can be written. For the member of this
  // machine alone, and for the members of a cluster, each of which has its own value of some.
  const char* ours = nullptr;
  const char* ours_in_cluster = nullptr;
  // Where etcd warns when it is given, up to this patch release.
  PatchOfMinor deprecated;
  int deprecated_until = kNeverAgain;
  // What to write where it is deprecated or gone: the name of another flag, which takes the same value, or
  // "FLAG: VALUE". Null when there is nothing.
  const char* instead = nullptr;
};

// All flags of all versions, by name.
absl::Span<const EtcdFlag> AllEtcdFlags();

// Null when no version has it.
const EtcdFlag* FindEtcdFlag(absl::string_view name);

std::vector<absl::string_view> EtcdFlagNames();

// The same of those that VERSION has.
std::vector<absl::string_view> EtcdFlagNames(const EtcdVersion& version);

inline bool HasFlag(const EtcdVersion& version, const EtcdFlag& flag) { return flag.since.Has(version); }
bool IsDeprecated(const EtcdVersion& version, const EtcdFlag& flag);

// Why VERSION, which has no FLAG, has none: "it came with 3.4.25", "it was removed in 3.6".
std::string WhyNoFlag(const EtcdVersion& version, const EtcdFlag& flag);

// What to write in VERSION for FLAG with VALUE, "log-level: debug"; "" when nothing is known. Looks both
// ways: at what took its place, and at what it took the place of.
std::string InsteadOf(const EtcdVersion& version, const EtcdFlag& flag, absl::string_view value);

// The words that FLAG, a kWord, takes in VERSION.
std::vector<absl::string_view> WordsOfFlag(const EtcdVersion& version, const EtcdFlag& flag);

// Whether VALUE has the form that FLAG wants in VERSION. The message is the reason and, after a line end, the
// remedy.
absl::Status CheckEtcdFlagValue(const EtcdVersion& version, const EtcdFlag& flag, absl::string_view value);

// A flag that does not go with another one, or whose value etcd only warns of.
struct EtcdFlagProblem {
  std::string flag;
  std::string other;  // the one that it does not go with; empty: none
  std::string reason;
  Remedy remedy;
  bool warning = false;  // etcd starts nevertheless
};

// What is wrong with FLAGS (name to value, each of which is good by itself) together. Those of kplan's own
// are not in it.
std::vector<EtcdFlagProblem> CheckEtcdFlagsTogether(const EtcdVersion& version,
                                                    const std::map<std::string, std::string>& flags);

// "true or false", "a number of bytes, -1 or more", "`a` or `b`": what its value is, for people.
std::string DescribeValue(const EtcdFlag& flag);

// "etcd 3.5 from 3.5.8 on, and 3.6"; empty when all have it.
std::string DescribeVersions(const EtcdFlag& flag);

// A duration as Go's time.ParseDuration takes it, in nanoseconds: "1h30m", "-1.5ms", "0".
bool ParseGoDuration(absl::string_view text, int64_t* nanoseconds);

struct Url {
  std::string scheme;  // "http", "https"
  std::string host;    // without brackets
  int port = 0;
};

// http(s)://HOST:PORT, nothing behind it; an IPv6 host in brackets.
bool ParseUrl(absl::string_view text, Url* url);

}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_FLAGS_H_
