#ifndef KPLAN_LOOK_OLD_RECORDS_H_
#define KPLAN_LOOK_OLD_RECORDS_H_

// What is known here of a step's last run, for artifacts that cannot be looked at from here.

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "src/base/journal.h"

namespace kplan {

// The records that steps had before this plan: of the shards on disk, until `gen` replaces them, and of the
// specs that `gen` went by.
class OldRecords {
 public:
  OldRecords();
  ~OldRecords();

  // The record of the step LABEL in SHARD that has DIGEST; no value when it is not known any more.
  std::optional<std::string> Find(const std::string& shard, const std::string& label,
                                  absl::string_view digest);

 private:
  class Versions;
  std::unique_ptr<Versions> versions_;
};

// What a step did last, by the journal and, where that is lost, by the stamp.
struct LastDone {
  std::string digest;  // of the artifact; empty: there is none
  std::string record;  // the digest of the record by which it was made; empty: not known

  // ENTRY: the last run of the step LABEL; null: none is known.
  static LastDone Of(const std::string& label, const JournalEntry* entry);
};

}  // namespace kplan

#endif  // KPLAN_LOOK_OLD_RECORDS_H_
