#include "src/look/look.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/host/host_file.h"
#include "src/look/contact.h"
#include "src/look/drift.h"
#include "src/look/step_record.h"
#include "src/steps/kinds.h"

namespace kplan {
namespace {

// A file is touched: it is an input of its own stamp, so ninja runs the step, and, where the digest stays,
// nothing that depends on it.
bool Touch(const std::string& path, bool follow) {
  return utimensat(AT_FDCWD, path.c_str(), nullptr, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0;
}

// What has no file loses its stamp.
void MakeStale(const Watch& watch, const std::string& stamp) {
  const bool file = watch.kind != Watch::Kind::kFolder && watch.kind != Watch::Kind::kService &&
                    watch.kind != Watch::Kind::kVerdict;
  // Below DIR a link is the user's own affair, and what it leads to is the artifact; on a host there are
  // none.
  if (file && Touch(PathFromHere(watch.root, watch.path), watch.root.empty())) return;
  unlink(stamp.c_str());
}

void MakeStale(const JournalEntry& entry, const std::string& stamp) {
  for (const auto& [path, signature] : entry.files) {
    struct stat info;
    // One that is gone ninja misses by itself. (Without its stamp the step would make all stale that depends
    // on it, also when it comes back the same.)
    if (lstat(path.c_str(), &info) != 0) return;
    if (S_ISREG(info.st_mode) && Touch(path, /*follow=*/false)) return;
  }
  unlink(stamp.c_str());
}

class Looker {
 public:
  Looker(const Graph& graph, absl::Time now) : graph_(graph), now_(now), watches_(graph), watcher_(now) {}

  std::vector<std::string> Look() {
    for (const Shard& shard : graph_.shards()) LookAtShard(shard);
    return std::move(found_);
  }

 private:
  void LookAtShard(const Shard& shard) {
    const std::string path = paths::Journal(shard.name);
    Journal journal = Journal::Read(path);
    std::vector<JournalEntry> touched;
    for (StepId id : shard.steps) {
      const Step& step = graph_.steps()[id];
      const bool elsewhere = IsDoneOverSsh(step);
      // Nothing of it is here but, of a service, the verdict.
      if (elsewhere && step.kind != StepKind::kService) continue;
      const std::string stamp = paths::Stamp(step.label);
      if (access(stamp.c_str(), F_OK) != 0) continue;
      if (LookAtWatches(id, stamp) || elsewhere) continue;
      const JournalEntry* entry = journal.Find(step.label);
      // One that failed, or has another record now, ninja runs in any case.
      if (entry == nullptr || entry->failed || entry->record != step.digest() || !FilesDiffer(*entry))
        continue;
      if (LookCloser(step, *entry, stamp)) continue;
      touched.push_back(*entry);
      for (auto& [file, signature] : touched.back().files) signature = FileSignature(file);
    }
    Keep(path, journal, touched);
  }

  // Whether something was found.
  bool LookAtWatches(StepId id, const std::string& stamp) {
    bool any = false;
    const Step& step = graph_.steps()[id];
    const std::string& label = step.label;
    watches_.ForEach(id, [&](const Watch& watch) {
      bool time = false;
      std::string reason = watcher_.WhyStale(watch, &time);
      if (reason.empty()) return;
      any = true;
      MakeStale(watch, stamp);
      // A step that keeps two files of a host has the label of one of them.
      const bool other = step.kind == StepKind::kPair && watch.kind == Watch::Kind::kFile &&
                         !absl::EndsWith(label, watch.path);
      // One that keeps the services of several hosts has the label of none.
      const bool below = step.kind == StepKind::kRollout && watch.kind == Watch::Kind::kService;
      found_.push_back(absl::StrCat(label, ": ", other ? absl::StrCat(watch.path, " ") : "",
                                    below ? absl::StrCat(watch.path, " below ", watch.root, " ") : "",
                                    reason));
    });
    return any;
  }

  // The files are not as the step left them: asks the step. Whether something was found.
  bool LookCloser(const Step& step, const JournalEntry& entry, const std::string& stamp) {
    absl::StatusOr<Outlook> outlook = LookAtStep(step.label, step.record, now_, Foreseen());
    std::string reason;
    if (!outlook.ok()) {
      reason = std::string(outlook.status().message());
    } else {
      reason = Join(outlook->reasons);
    }
    if (reason.empty()) return false;
    MakeStale(entry, stamp);
    found_.push_back(absl::StrCat(step.label, ": ", reason));
    return true;
  }

  // A journal that cannot be written is no reason to stop: it is asked the same again next time.
  static void Keep(const std::string& path, const Journal& journal,
                   const std::vector<JournalEntry>& touched) {
    for (const JournalEntry& entry : touched) {
      if (!AppendEntry(path, entry).ok()) return;
    }
    constexpr size_t kSlack = 64;
    if (journal.lines() < 2 * journal.entries().size() + kSlack) return;
    const Journal all = Journal::Read(path);
    std::vector<const JournalEntry*> entries;
    for (const auto& [label, entry] : all.entries()) entries.push_back(&entry);
    WriteJournal(path, entries).IgnoreError();
  }

  const Graph& graph_;
  absl::Time now_;
  WatchIndex watches_;
  Watcher watcher_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> LookForStale(const Graph& graph, absl::Time now) {
  return Looker(graph, now).Look();
}

std::vector<std::string> LookForStaleOverSsh(const Graph& graph, HostAccess* hosts,
                                             std::vector<std::string>* found) {
  std::vector<Journal> journals;
  for (const Shard& shard : graph.shards()) journals.push_back(Journal::Read(paths::Journal(shard.name)));
  std::vector<std::string> problems;
  for (const HostVisit& visit : VisitHosts(graph, journals, hosts)) {
    if (!visit.problem.empty()) problems.push_back(absl::StrCat(visit.host, ": ", visit.problem));
    for (const Drift& drift : visit.drifts) {
      const Step& step = graph.steps()[drift.step];
      // It has no file here that ninja could find newer: its stamp goes.
      if (unlink(paths::Stamp(step.label).c_str()) != 0 && errno != ENOENT) {
        problems.push_back(absl::StrCat(paths::Stamp(step.label), " cannot be removed"));
        continue;
      }
      found->push_back(absl::StrCat(step.label, ": ", Join(drift.reasons)));
    }
  }
  return problems;
}

}  // namespace kplan
