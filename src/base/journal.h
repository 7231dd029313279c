#ifndef KPLAN_BASE_JOURNAL_H_
#define KPLAN_BASE_JOURNAL_H_

// What became of every step when it last ran: .kplan/journal/HOST, beside the records' shards. A step appends
// a line; the last line of a label counts; `gen` now and then drops the others. With it `why` can say why
// something ran, `status` what failed, and `gen` sees a file that was edited by hand without reading it.
//
// A lost or torn journal costs one look at every artifact, and nothing else depends on it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/record.h"

namespace kplan {

// Identifies the content and the attributes of a file without reading it, as git's index does: size, mtime
// and ctime (ns), inode, mode, uid, gid. The ctime is what nobody can set by hand. For a folder only mode,
// uid and gid count, since its times change with what is in it. "-" when nothing is there. A link stands for
// what it leads to.
std::string FileSignature(const std::string& path);

struct JournalEntry {
  bool Known() const { return !label.empty(); }

  // The last run.
  std::string label;
  int64_t at = 0;  // when it ended, Unix milliseconds
  bool failed = false;
  std::string record;  // the digest of the record that it ran with
  std::string digest;  // of the artifact: its stamp; "" when it never was done
  std::string reason;  // why it did something, of a failure what went wrong; empty: all was right already
  StringPairs files;   // (path, FileSignature) of the artifact's files when it ended

  // The last run that made or changed the artifact; 0: none that is known.
  int64_t made_at = 0;
  int64_t made_at_before = 0;  // when the run before that one ended; 0: there was none
  std::string made_reason;
  std::string made_record, made_record_before;  // digests: of that run, and of the run before it ("": none)
};

// The entries of one shard by label. What cannot be read is left out.
class Journal {
 public:
  Journal() = default;
  Journal(Journal&&) = default;
  Journal& operator=(Journal&&) = default;

  static Journal Read(const std::string& path);
  static Journal Parse(absl::string_view text);

  const JournalEntry* Find(absl::string_view label) const;
  const absl::flat_hash_map<absl::string_view, const JournalEntry*>& entries() const { return by_label_; }
  size_t lines() const { return lines_; }

 private:
  // Of every line. Those of all hosts are held at a time, so they stand side by side, where they stay.
  std::vector<JournalEntry> all_;
  absl::flat_hash_map<absl::string_view, const JournalEntry*> by_label_;  // the last one of each label
  size_t lines_ = 0;
};

// The entry of LABEL alone, without parsing the others; not Known() when there is none.
JournalEntry LastEntry(const std::string& path, absl::string_view label);

// Appends ENTRY to the journal at PATH, after whatever was torn there.
absl::Status AppendEntry(const std::string& path, const JournalEntry& entry);

// Writes the journal again with one line an entry, whole. Nobody else may be writing (RunLock::Exclusive).
absl::Status WriteJournal(const std::string& path, const std::vector<const JournalEntry*>& entries);

}  // namespace kplan

#endif  // KPLAN_BASE_JOURNAL_H_
