#ifndef KPLAN_STEP_CLAIM_QUESTION_H_
#define KPLAN_STEP_CLAIM_QUESTION_H_

// The one question that leaves something behind on the host: a note in /run of who takes members of a cluster
// away (host/host_claim.h).

#include <cstdint>
#include <string>

#include "src/base/fields.h"

namespace kplan {

struct ClaimQuestion {
  static constexpr absl::string_view kWord = "etcd-claim";
  std::string root, cluster;  // its id
  std::string holder;         // who asks, in the words of etcd/lock_holder.h
  int64_t seconds = 0;        // for how long; 0: it is given back
  std::string gone = {};      // of whom the one that asks knows that he has ended

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("cluster", self.cluster);
    fields.Optional("gone", self.gone);
    fields.Always("holder", self.holder);
    fields.Always("root", self.root);
    fields.Always("seconds", self.seconds);
  }
};

struct ClaimAnswer {
  bool granted = false, had = false;  // had: it was the holder's all the time
  std::string holder;                 // whose it is, where it was not granted

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("granted", self.granted);
    fields.Always("had", self.had);
    fields.Always("holder", self.holder);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_CLAIM_QUESTION_H_
