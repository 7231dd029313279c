#ifndef KPLAN_LOOK_REMOTE_LOOK_H_
#define KPLAN_LOOK_REMOTE_LOOK_H_

// What the steps that work on a host over ssh would do, without asking the host: what they would deliver now
// (steps/files/delivery.h) beside what they delivered last, by the journal. Drift on the host itself is
// what the host says of it (contact.h), and is added by the traversal.

#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/contact.h"
#include "src/look/old_records.h"
#include "src/step/any_record.h"
#include "src/step/outlook.h"
#include "src/steps/files/delivery.h"

namespace kplan {

class RemoteLooker {
 public:
  // All must outlive it. FORESEEN grows with every step that has been looked at, in the order of the graph.
  // ASSUMED: where there are no notes (notes.h), the private keys that are elsewhere. A step of which nothing
  // is known is then taken for one that put on its host what it would put there from the files that are here.
  // Null: it was never done. SIGHTS: what stands on hosts that were asked then; null: none was.
  RemoteLooker(const Graph& graph, absl::Time now, const Foreseen& foreseen, OldRecords* old,
               const Foreseen* assumed = nullptr, const HostSights* sights = nullptr);

  // STEP has a host over ssh (SshHostOf), and is about no service. ENTRY: the last run of it; null: none.
  // JOURNAL: that of its shard.
  absl::StatusOr<Outlook> Look(StepId step, const JournalEntry* entry, const Journal& journal);

 private:
  absl::StatusOr<Outlook> LookAtDelivery(StepId step, const AnyRecord& record, const JournalEntry* entry);
  absl::StatusOr<Outlook> LookAtHost(const Step& step, const HostRecord& record, const JournalEntry* entry);
  absl::StatusOr<Outlook> LookAtSend(const Step& step, const SendRecord& record, const Journal& journal);
  absl::StatusOr<Outlook> LookAtUser(const Step& step, const JournalEntry* entry);
  // What stands on its host, where nobody here knows what was delivered; null: that is known, or needs not
  // be.
  const FoundThere* FoundAt(StepId step) const;
  // Whether DELIVERY of STEP, done as LAST says, is what it was before, as far as that can be known here.
  bool StaysAsItIs(StepId step, const LastDone& last, const Delivery& delivery) const;
  // What STEP, with RECORD, did last, or is taken for having done.
  LastDone LastOf(StepId step, const AnyRecord& record, const JournalEntry* entry);

  // The record that STEP had when it was last done; nothing when that is its record of now, or not known at
  // all. One that is lost is a reason of OUTLOOK.
  std::optional<AnyRecord> RecordBefore(const Step& step, const LastDone& last, Outlook* outlook);
  // What changes in the content of the public files, where the old ones are still here.
  void CompareContent(const AnyRecord& record, const LastDone& last, const Delivery& delivery,
                      Outlook* outlook);
  absl::StatusOr<const Delivery*> DeliveryOfStep(StepId step, const AnyRecord& record);

  const Graph& graph_;
  absl::Time now_;
  const Foreseen& foreseen_;
  OldRecords* old_;
  const Foreseen* const assumed_;
  const HostSights* const sights_;
  absl::flat_hash_map<StepId, std::unique_ptr<Delivery>> deliveries_;
};

}  // namespace kplan

#endif  // KPLAN_LOOK_REMOTE_LOOK_H_
