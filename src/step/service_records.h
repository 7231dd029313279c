#ifndef KPLAN_STEP_SERVICE_RECORDS_H_
#define KPLAN_STEP_SERVICE_RECORDS_H_

// The records of users, services and what proves that they serve. Paths are inside the host's root but where
// a field says that they are relative to DIR.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/base/fields.h"
#include "src/step/holding.h"

namespace kplan {

struct UserRecord {
  static constexpr absl::string_view kWord = "sysusers";
  std::string host;  // of one over ssh: its name
  std::string root;
  std::string file;  // what systemd-sysusers reads: /etc/sysusers.d/NAME.conf
  std::string name;  // the user's, and the group's

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("host", self.host);
    fields.Always("root", self.root);
    fields.Always("file", self.file);
    fields.Always("name", self.name);
  }
};

// A unit beside a service's own, at work.
struct ActivateRecord {
  static constexpr absl::string_view kWord = "activate";
  std::string host;  // of one over ssh: its name
  std::string root;
  std::string name;  // "metrics-backup.timer"
  std::string path;  // its unit's

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("host", self.host);
    fields.Always("root", self.root);
    fields.Always("name", self.name);
    fields.Always("path", self.path);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kService, root, name, host}}; }
};

struct ServiceRecord {
  static constexpr absl::string_view kWord = "service";
  std::string host;     // of one over ssh: its name
  std::string manager;  // "systemd", "process", "none"
  std::string root;
  std::string name;  // "etcd"
  std::string unit;  // the unit's path
  // (TEXT, PATH), PATH below the root. Under systemd, too: a service without a marker is adopted when it was
  // started with these.
  StringPairs argv;
  std::vector<std::string> environment;            // NAME=value
  std::string environment_file;                    // read at each start; systemd has it from the unit
  std::vector<std::string> restart_on, reload_on;  // the files whose change calls for that
  std::vector<std::string> answers;                // host:port that accept connections when it runs
  std::string start;                               // "by-unit": another unit starts it
  std::string await;  // "start": returns once it was started, and does not wait for an answer
  // Of those files: what these alone call for is done; for all else the service keeps what it was started
  // with. Empty: all. No step of a plan has it (trust_records.h).
  std::vector<std::string> only;
  int64_t timeout = 0;  // seconds

  bool by_unit() const { return start == "by-unit"; }

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("host", self.host);
    fields.Always("manager", self.manager);
    fields.Always("root", self.root);
    fields.Always("name", self.name);
    fields.Always("unit", self.unit);
    fields.Always("argv", self.argv);
    fields.Always("environment", self.environment);
    fields.Optional("environment-file", self.environment_file);
    fields.Always("restart-on", self.restart_on);
    fields.Optional("reload-on", self.reload_on);
    fields.Always("answers", self.answers);
    fields.Optional("start", self.start);
    fields.Optional("await", self.await);
    fields.Optional("only", self.only);
    fields.Always("timeout", self.timeout);
  }
  std::vector<Holding> Holds() const {
    if (manager == "none") return {};
    return {{Holding::Kind::kService, root, name, host}};
  }
};

// One thing that has to be true of a service: the one of `systemd`, `tcp`, `exec` and `https` that is set.
struct ServiceCheckRecord {
  std::string systemd;              // "active"
  std::string tcp;                  // host:port
  std::optional<StringPairs> exec;  // as ServiceRecord::argv
  std::string https;                // the URL
  bool from_host = false;           // of https: it is asked by way of the host
  // Only `https` has these. Files are relative to DIR.
  std::string cacert, cert, key;
  std::string serves;               // the certificate that it has to show
  std::vector<std::string> refuse;  // strangers that it has to refuse (probe/stranger.h)
  std::optional<int64_t> status;    // HTTP's

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("systemd", self.systemd);
    fields.Optional("tcp", self.tcp);
    fields.Optional("exec", self.exec);
    fields.Optional("https", self.https);
    fields.Optional("from-host", self.from_host);
    fields.Optional("cacert", self.cacert);
    fields.Optional("cert", self.cert);
    fields.Optional("key", self.key);
    fields.Optional("serves", self.serves);
    fields.Optional("refuse", self.refuse);
    fields.Optional("status", self.status);
  }
};

struct CheckRecord {
  static constexpr absl::string_view kWord = "check";
  std::vector<ServiceCheckRecord> checks;
  std::string host;           // of one over ssh: its name; the step itself is done from here
  std::string manager, root;  // as of the service
  std::string name;           // the service's
  int64_t timeout = 0;        // seconds

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("checks", self.checks);
    fields.Optional("host", self.host);
    fields.Always("manager", self.manager);
    fields.Always("root", self.root);
    fields.Always("name", self.name);
    fields.Always("timeout", self.timeout);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_SERVICE_RECORDS_H_
