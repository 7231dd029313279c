#include "src/look/look.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/host/host_file.h"
#include "src/look/drift.h"
#include "src/look/step_record.h"
#include "src/look/traversal.h"

namespace kplan {
namespace {

// A file is touched: it is an input of its own stamp, so ninja runs the step, and, where the digest stays,
// nothing that depends on it.
bool Touch(const std::string& path, bool follow) {
  return utimensat(AT_FDCWD, path.c_str(), nullptr, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0;
}

// Takes STAMP away. Says why not, to be put behind the reason: then ninja will not run the step.
std::string RemoveStamp(const std::string& stamp) {
  if (unlink(stamp.c_str()) == 0 || errno == ENOENT) return "";
  return absl::StrCat("; ", ErrnoStatus(errno, absl::StrCat("cannot remove ", stamp)).message());
}

// What has no file loses its stamp. Says what went wrong, as RemoveStamp().
std::string MakeStale(const Watch& watch, const std::string& stamp) {
  const bool file = watch.kind != Watch::Kind::kFolder && watch.kind != Watch::Kind::kGone &&
                    watch.kind != Watch::Kind::kService && watch.kind != Watch::Kind::kVerdict;
  // Below DIR a link is the user's own affair, and what it leads to is the artifact; on a host there are
  // none.
  if (file && Touch(PathFromHere(watch.root, watch.path), watch.root.empty())) return "";
  return RemoveStamp(stamp);
}

std::string MakeStale(const JournalEntry& entry, const std::string& stamp) {
  for (const auto& [path, signature] : entry.files) {
    struct stat info;
    // One that is gone ninja misses by itself. (Without its stamp the step would make all stale that depends
    // on it, also when it comes back the same.)
    if (lstat(path.c_str(), &info) != 0) return "";
    if (S_ISREG(info.st_mode) && Touch(path, /*follow=*/false)) return "";
  }
  return RemoveStamp(stamp);
}

// Makes stale what is not as it should be.
class StaleMaker : public TraversalSink {
 public:
  StaleMaker(const Graph& graph, const HostSights& sights)
      : graph_(graph), sights_(sights), touched_(graph.shards().size()) {}

  // What was not done before is ninja's to find.
  bool Wants(StepId id, StampSeen stamp) override {
    const Step& step = graph_.steps()[id];
    if (stamp == StampSeen::kEmpty) {
      Say(step,
          absl::StrCat("its stamp is empty, as after a power cut", RemoveStamp(paths::Stamp(step.label))));
    }
    if (stamp == StampSeen::kCopied) {
      ++copied_;
      copied_trouble_ = RemoveStamp(paths::Stamp(step.label));
    }
    if (stamp != StampSeen::kWhole) return false;
    return step.kind == StepKind::kService || !IsDoneOverSsh(step) || !sights_.DriftOf(id).empty();
  }

  // When its files are not as it left them. One that failed, or has another record now, ninja runs in any
  // case.
  bool Asks(StepId id, const StepSight& sight) override {
    asked_ =
        sight.findings.empty() && sight.files_differ && sight.entry->record == graph_.steps()[id].digest();
    return asked_;
  }

  void Take(StepId id, const StepSight& sight, StepForecast forecast) override {
    const Step& step = graph_.steps()[id];
    const std::string stamp = paths::Stamp(step.label);
    for (const StepSight::Finding& finding : sight.findings) {
      Say(step,
          absl::StrCat(WhoseIs(step, *finding.watch), finding.reason, MakeStale(*finding.watch, stamp)));
    }
    // Of what is there no file is here that ninja could find newer.
    if (!sight.drift->empty()) Say(step, absl::StrCat(sight.drift->Text(), RemoveStamp(stamp)));
    // Behind one that fails it is looked at again when that one does not.
    if (!asked_ || forecast.behind) return;
    std::string reason = forecast.failure.empty() ? Join(forecast.reasons) : std::move(forecast.failure);
    // That somebody edited it, ninja sees as we do.
    if (step.kind == StepKind::kSource && forecast.fate != Fate::kFail) reason.clear();
    if (reason.empty()) {
      touched_[step.shard].push_back(sight.entry);
      return;
    }
    Say(step, absl::StrCat(reason, MakeStale(*sight.entry, stamp)));
  }

  // What was found, shard by shard.
  std::vector<std::string> Found() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> texts;
    for (auto& [shard, text] : found_) texts.push_back(std::move(text));
    if (copied_ > 0) {
      texts.push_back(absl::StrCat("this folder is a copy: ", Count(copied_, "artifact"), " ",
                                   copied_ == 1 ? "is" : "are", " looked at once more", copied_trouble_));
    }
    return texts;
  }

  // By shard: those that are right, though a file was touched.
  const std::vector<std::vector<const JournalEntry*>>& touched() const { return touched_; }

 private:
  static std::string WhoseIs(const Step& step, const Watch& watch) {
    // A step that keeps two files of a host has the label of one of them.
    if (step.kind == StepKind::kPair && watch.kind == Watch::Kind::kFile &&
        !absl::EndsWith(step.label, watch.path))
      return absl::StrCat(watch.path, " ");
    // One that keeps the services of several hosts has the label of none.
    if (step.kind == StepKind::kRollout && watch.kind == Watch::Kind::kService)
      return absl::StrCat(watch.path, " below ", watch.root, " ");
    return "";
  }

  void Say(const Step& step, const std::string& reason) {
    found_.emplace_back(step.shard, absl::StrCat(step.label, ": ", reason));
  }

  const Graph& graph_;
  const HostSights& sights_;
  bool asked_ = false;
  std::vector<std::pair<uint32_t, std::string>> found_;
  size_t copied_ = 0;           // stamps
  std::string copied_trouble_;  // with the last of them
  std::vector<std::vector<const JournalEntry*>> touched_;
};

// Notes in the journal PATH how the files of TOUCHED are now, and keeps it short. A journal that cannot be
// written is no reason to stop: it is asked the same again next time.
void Keep(const std::string& path, const Journal& journal, const std::vector<const JournalEntry*>& touched) {
  for (const JournalEntry* entry : touched) {
    JournalEntry now = *entry;
    for (auto& [file, signature] : now.files) signature = FileSignature(file);
    if (!AppendEntry(path, now).ok()) return;
  }
  constexpr size_t kSlack = 64;
  if (journal.lines() < 2 * journal.entries().size() + kSlack) return;
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return;  // what cannot be read just now is not written over
  const Journal all = Journal::Parse(*text);
  std::vector<const JournalEntry*> entries;
  for (const auto& [label, entry] : all.entries()) entries.push_back(entry);
  WriteJournal(path, entries).IgnoreError();
}

}  // namespace

std::vector<std::string> LookForStale(const Graph& graph, const std::vector<Journal>& journals,
                                      const HostSights& sights, absl::Time now) {
  StaleMaker maker(graph, sights);
  Traverse(graph, journals, sights, now, &maker);
  for (size_t i = 0; i < journals.size(); ++i)
    Keep(paths::Journal(graph.shards()[i].name), journals[i], maker.touched()[i]);
  return maker.Found();
}

}  // namespace kplan
