#include "src/look/old_records.h"

#include <deque>
#include <optional>

#include "absl/strings/ascii.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/look/spec_history.h"
#include "src/lower/compile.h"

namespace kplan {

// The texts of cluster.yaml that are known, newest first, each compiled when it is asked for.
class OldRecords::Versions {
 public:
  // That they cannot be read was told by whoever opened the plan, or wrote it.
  Versions() : history_(SpecHistory::Load().value_or(SpecHistory())) {}

  std::optional<std::string> Find(const std::string& label, absl::string_view digest) {
    for (size_t i = 0; i < history_.versions().size(); ++i) {
      if (i == files_.size()) {
        const SpecVersion& version = history_.versions()[i];
        files_.push_back(SpecFile::CompileText(version.path, version.text));
      }
      const Compiled* compiled = files_[i].compiled();
      if (compiled == nullptr) continue;  // it does not compile with this kplan
      for (const Step& step : compiled->graph.steps()) {
        if (step.label == label && step.digest() == digest) return std::string(step.record);
      }
    }
    return std::nullopt;
  }

 private:
  SpecHistory history_;
  std::deque<SpecFile> files_;
};

OldRecords::OldRecords() = default;
OldRecords::~OldRecords() = default;

std::optional<std::string> OldRecords::Find(const std::string& shard, const std::string& label,
                                            absl::string_view digest) {
  if (digest.empty()) return std::nullopt;
  if (absl::StatusOr<std::string> text = ReadFile(paths::Shard(shard)); text.ok()) {
    const absl::string_view record = FindRecordText(*text, label);
    if (!record.empty() && Sha256Hex(record) == digest) return std::string(record);
  }
  if (versions_ == nullptr) versions_ = std::make_unique<Versions>();
  return versions_->Find(label, digest);
}

LastDone LastDone::Of(const std::string& label, const JournalEntry* entry) {
  LastDone last;
  if (entry != nullptr) {
    last.digest = entry->digest;
    // A run that failed has done nothing that is known.
    last.record = entry->failed ? entry->made_record : entry->record;
  } else if (absl::StatusOr<std::string> stamp = ReadFile(paths::Stamp(label), 4096); stamp.ok()) {
    last.digest = std::string(absl::StripAsciiWhitespace(*stamp));
  }
  return last;
}

}  // namespace kplan
