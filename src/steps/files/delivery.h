#ifndef KPLAN_STEPS_FILES_DELIVERY_H_
#define KPLAN_STEPS_FILES_DELIVERY_H_

// A step that puts something on a host, seen from the two ends of the way there: what would be delivered is
// worked out here without the host, what stands there on the host without what it was made from. Both give
// the digest that the step returns, by the step's own code, so that comparing one with the other, or with
// what was delivered last, says whether the step would do something.
//
// A unit is delivered as any other file is.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/reason.h"
#include "src/host/known_digests.h"
#include "src/step/any_record.h"
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
absl::StatusOr<Delivery> FileDelivery(const LookContext& context, const FileFields& record);
absl::StatusOr<Delivery> PairDelivery(const LookContext& context, const PairRecord& record);
absl::StatusOr<Delivery> DirDelivery(const LookContext& context, const DirRecord& record);

// Of a file that waits for its service (host/waiting_file.h), that one.
struct Standing {
  // What the step would return if it found this right; empty when that cannot be told: nothing is there, or
  // something that the step never put there.
  std::string digest;
  // What is wrong whatever was delivered: "missing", "mode", "owner", "unfinished", "pair".
  std::vector<Reason> reasons;
};

// What stands on this machine of the artifact of RECORD. Changes nothing. Errors: it cannot be looked at, or
// something else is in its place.
//
// KNOWN: digests of large files that need not be read again; null: none.
absl::StatusOr<Standing> FileStanding(const FileFields& record, KnownDigests* known = nullptr);
absl::StatusOr<Standing> PairStanding(const PairRecord& record);
absl::StatusOr<Standing> DirStanding(const DirRecord& record);

// Whether who runs this may put the artifact of RECORD where it belongs on this machine: PermissionDenied in
// the words of its step (host/may_write.h). Other errors: as of FileStanding.
absl::Status CheckMayPutFile(const FileFields& record);
absl::Status CheckMayPutPair(const PairRecord& record);
absl::Status CheckMayPutDir(const DirRecord& record);

// The file or the unit of RECORD; null when it is another kind's.
const FileFields* FileOf(const AnyRecord& record);

// By the kind of RECORD; InvalidArgument for one that puts nothing on a host.
absl::StatusOr<Delivery> DeliveryOf(const LookContext& context, const AnyRecord& record);
absl::StatusOr<Standing> StandingOf(const AnyRecord& record, KnownDigests* known = nullptr);
absl::Status CheckMayPut(const AnyRecord& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_DELIVERY_H_
