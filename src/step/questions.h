#ifndef KPLAN_STEP_QUESTIONS_H_
#define KPLAN_STEP_QUESTIONS_H_

// What can be asked of a host, and what it answers. An answer is worked out on the host itself (by the agent
// there, or here when it is this machine), and changes nothing. Nothing secret is in it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/fields.h"
#include "src/step/ground_question.h"
#include "src/step/service_records.h"

namespace kplan {

// What a host answered (HostAccess::Ask), as the struct that goes with the question.
template <typename Answer>
absl::StatusOr<Answer> ReadAnswer(const absl::StatusOr<Json>& answer) {
  if (!answer.ok()) return answer.status();
  return FromJson<Answer>(*answer);
}

// What the checks of a service come to that are made on the host itself (steps/service/check_local.h).
struct CheckQuestion {
  static constexpr absl::string_view kWord = "check";
  std::vector<ServiceCheckRecord> checks;  // systemd, tcp and exec
  std::string manager, name, root;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("checks", self.checks);
    fields.Always("manager", self.manager);
    fields.Always("name", self.name);
    fields.Always("root", self.root);
  }
};

// What one look at one check of a service came to.
struct CheckOutcome {
  std::string check;  // which: "tcp 127.0.0.1:8443"
  bool holds = false;
  // When it holds:
  std::string said;  // a line for the person
  std::string
      proved;  // what the verdict's digest covers beside the check itself; of a host's own checks empty
  // When it does not:
  std::string expected, seen, advice;
  // Waiting does not put it right: what answers is the wrong one. (It is looked at again all the same, for a
  // moment: a reload takes one.)
  bool lasting = false;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("check", self.check);
    fields.Always("holds", self.holds);
    fields.Always("said", self.said);
    fields.Optional("proved", self.proved);
    fields.Always("expected", self.expected);
    fields.Always("seen", self.seen);
    fields.Always("advice", self.advice);
    fields.Always("lasting", self.lasting);
  }
};

struct CheckAnswer {
  // How the service has ended, when it has, with an error or with nothing that is going to start it; else "".
  std::string ended;
  std::vector<CheckOutcome> outcomes;  // of the checks, in their order

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("ended", self.ended);
    fields.Always("outcomes", self.outcomes);
  }
};

// What a data folder of etcd holds (etcd/etcd_data.h has the answer).
struct EtcdDataQuestion {
  static constexpr absl::string_view kWord = "etcd-data";
  std::string data, root;
  bool versions = false;  // also which etcd may go on with it: the whole log is read for that
  std::string unit =
      {};  // also whether systemd runs an etcd with other data under this name; empty: not asked
  std::string wal = {};                       // of the log, etcd's --wal-dir; empty: in the data folder
  std::optional<GroundQuestion> ground = {};  // also whether the host will do

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("data", self.data);
    fields.Always("root", self.root);
    fields.Optional("ground", self.ground);
    fields.Optional("unit", self.unit);
    fields.Optional("versions", self.versions);
    fields.Optional("wal", self.wal);
  }
};

// The last log lines of a service.
struct ServiceLogQuestion {
  static constexpr absl::string_view kWord = "service-log";
  std::string manager, name, root;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("manager", self.manager);
    fields.Always("name", self.name);
    fields.Always("root", self.root);
  }
};

struct ServiceLogAnswer {
  std::string lines;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("lines", self.lines);
  }
};

// What the step of a service would do.
struct ServiceLookQuestion {
  static constexpr absl::string_view kWord = "service-look";
  ServiceRecord service;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("service", self.service);
  }
};

struct ServiceLookAnswer {
  std::vector<std::string> reasons;
  bool running = false, starts = false, restarts = false, reloads = false;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("reasons", self.reasons);
    fields.Always("running", self.running);
    fields.Always("starts", self.starts);
    fields.Always("restarts", self.restarts);
    fields.Always("reloads", self.reloads);
  }
};

// How everything on a host stands, in one question: what is asked before every build.
struct StandingQuestion {
  static constexpr absl::string_view kWord = "standing";
  std::vector<Json> records;  // of files, pairs, folders, units, users, and units that are made to work
  // The digest that each of them had when it was last done. What is another one now is going to be put right
  // before the services are looked at by their steps.
  std::vector<std::string> delivered;
  std::vector<Json>
      to_come;  // of files, pairs and folders that are put there in any case: whether they can be
  struct Service {
    ServiceRecord record;
    bool settled = false;   // when its step was last done, it ran with what was delivered
    std::string unit_text;  // that its unit is going to have, where it has not been delivered; "": not known

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("record", self.record);
      fields.Always("settled", self.settled);
      fields.Optional("unit-text", self.unit_text);
    }
  };
  std::vector<Service> services;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("records", self.records);
    fields.Always("delivered", self.delivered);
    fields.Optional("to-come", self.to_come);
    fields.Always("services", self.services);
  }
};

// Each list answers the one of the question, in its order. A `problem` is why one cannot be told, else "".
struct StandingAnswer {
  // A Reason.
  struct Why {
    std::string name, text;
    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("name", self.name);
      fields.Always("text", self.text);
    }
  };
  struct Artifact {
    std::string digest, problem;  // no digest: what is asked about has none on the host
    std::string barred;           // why its step could not put it right; "": nothing is known to bar it
    std::vector<Why> reasons;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Optional("barred", self.barred);
      fields.Always("digest", self.digest);
      fields.Always("problem", self.problem);
      fields.Always("reasons", self.reasons);
    }
  };
  struct Service {
    bool managed = true, running = false;
    std::vector<std::string> older;  // files that are others now than those it runs with
    StringPairs started;             // those it runs with: path and digest; empty: that is not known
    int64_t process = 0, since = 0;  // its id, and Unix seconds; 0 where nothing runs
    std::string problem;
    // What its step would return as its digest if it left what runs alone; "": that is not known.
    std::string digest;
    std::string taken;  // why its step could not start it now: another process has an address of it
    // What its step would do now, and why; no reasons: nothing.
    bool starts = false, restarts = false, reloads = false;
    std::vector<Why> reasons;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("digest", self.digest);
      fields.Always("managed", self.managed);
      fields.Always("running", self.running);
      fields.Always("older", self.older);
      fields.Always("process", self.process);
      fields.Always("since", self.since);
      fields.Optional("started", self.started);
      fields.Always("problem", self.problem);
      fields.Optional("taken", self.taken);
      fields.Always("starts", self.starts);
      fields.Always("restarts", self.restarts);
      fields.Always("reloads", self.reloads);
      fields.Always("reasons", self.reasons);
    }
  };
  std::vector<Artifact> artifacts;
  std::vector<std::string> barred;  // of those to come: as Artifact::barred
  std::vector<Service> services;
  int64_t clock = 0;  // of the host, Unix milliseconds, when it began to answer

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("artifacts", self.artifacts);
    fields.Optional("barred", self.barred);
    fields.Always("clock", self.clock);
    fields.Always("services", self.services);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_QUESTIONS_H_
