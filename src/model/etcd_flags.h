#ifndef KPLAN_MODEL_ETCD_FLAGS_H_
#define KPLAN_MODEL_ETCD_FLAGS_H_

// The flags of etcd 3.4 to 3.6 (`etcd --help` of each), because etcd itself exits with 2 for an unknown one,
// after everything else was done.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct EtcdVersion {
  int major = 0, minor = 0, patch = 0;
};

// "3.4.15".
bool ParseEtcdVersion(absl::string_view text, EtcdVersion* version);

struct EtcdFlag {
  enum class Kind {
    kText,
    kBool,      // true or false
    kNumber,    // a decimal number, 0 or more
    kDuration,  // Go's: 5s, 1h
    kUrls,      // http(s)://host:port, with commas between several
    kPath,      // an absolute path on the host
    kOurs,      // made from other keys of cluster.yaml, or never used; `text` says from which
  };

  const char* name;
  Kind kind;
  int since_minor;    // of 3.x; 4 when it was there before
  int removed_minor;  // 0: still there
  const char* text;   // of kOurs
};

// Null when no version has it.
const EtcdFlag* FindEtcdFlag(absl::string_view name);

std::vector<absl::string_view> EtcdFlagNames();

// From what kplan makes FLAG for the members of a cluster, each of which has its own value of some; null when
// it can be written there.
const char* WhyOursInCluster(const EtcdFlag& flag);

// Whether VALUE has the form that FLAG wants. The message is the reason and, after a line end, the remedy.
absl::Status CheckEtcdFlagValue(const EtcdFlag& flag, absl::string_view value);

struct Url {
  std::string scheme;  // "http", "https"
  std::string host;    // without brackets
  int port = 0;
};

// http(s)://HOST:PORT, nothing behind it; an IPv6 host in brackets.
bool ParseUrl(absl::string_view text, Url* url);

}  // namespace kplan

#endif  // KPLAN_MODEL_ETCD_FLAGS_H_
