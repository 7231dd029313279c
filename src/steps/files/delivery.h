#ifndef KPLAN_STEPS_FILES_DELIVERY_H_
#define KPLAN_STEPS_FILES_DELIVERY_H_

// A step that puts something on a host, seen from the two ends of the way there: what would be delivered is
// worked out here without the host, what stands there on the host without what it was made from. Both give
// the digest that the step returns, by the step's own code, so that comparing one with the other, or with
// what was delivered last, says whether the step would do something.
//
// Of the kinds "install", "install-pair", "dir" and "unit", which is delivered as "install" is.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/pki/certificate_check.h"
#include "src/step/outlook.h"

namespace kplan {

struct DeliveredFile {
  std::string path;  // inside the host's root
  std::string from;  // relative to DIR
  bool secret = false;
  ForeseenFile file;  // what is known of what will be there
};

struct Delivery {
  // What the step would return as its digest; empty where that is not known before.
  std::string digest;
  std::vector<DeliveredFile> files;  // none of a folder
};

// What the step of RECORD would put on its host, by the files of the working folder as they are or are
// foreseen. Neither the host nor its accounts are asked: the owner in RECORD is its business.
absl::StatusOr<Delivery> InstallDelivery(const LookContext&, const Record&);
absl::StatusOr<Delivery> InstallPairDelivery(const LookContext&, const Record&);
absl::StatusOr<Delivery> DirDelivery(const LookContext&, const Record&);

struct Standing {
  // What the step would return if it found this right; empty when that cannot be told: nothing is there, or
  // something that the step never put there.
  std::string digest;
  // What is wrong whatever was delivered: "missing", "mode", "owner", "unfinished", "pair".
  std::vector<Reason> reasons;
};

// What stands on this machine of the artifact of RECORD. Changes nothing. Errors: it cannot be looked at, or
// something else is in its place.
absl::StatusOr<Standing> InstallStanding(const Record&);
absl::StatusOr<Standing> InstallPairStanding(const Record&);
absl::StatusOr<Standing> DirStanding(const Record&);

// By the kind of RECORD; InvalidArgument for any other.
absl::StatusOr<Delivery> DeliveryOf(const LookContext& context, const Record& record);
absl::StatusOr<Standing> StandingOf(const Record& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_DELIVERY_H_
