#ifndef KPLAN_SHOW_VERDICT_H_
#define KPLAN_SHOW_VERDICT_H_

// What a verification of etcd left in its report (etcd/verify_report.h), as far as people are shown it. The
// report is kplan's own, but a file.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/fields.h"

namespace kplan {

struct Verdict {
  struct Failure {
    std::string check, expected, seen;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Optional("check", self.check);
      fields.Optional("expected", self.expected);
      fields.Optional("seen", self.seen);
    }
  };
  struct Member {
    std::string id, name, version, endpoint;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Optional("id", self.id);
      fields.Optional("name", self.name);
      fields.Optional("version", self.version);
      fields.Optional("endpoint", self.endpoint);
    }
  };

  std::string verdict;  // "pass", "fail"
  std::string time;     // RFC 3339
  Json failure;         // a Failure, when there was one
  std::vector<Json> members;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("verdict", self.verdict);
    fields.Optional("time", self.time);
    fields.Optional("failure", self.failure);
    fields.Always("members", self.members);
  }

  // NotFound when there is none; DataLoss when the file is no report.
  static absl::StatusOr<Verdict> Read(const std::string& path);
};

}  // namespace kplan

#endif  // KPLAN_SHOW_VERDICT_H_
