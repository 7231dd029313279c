#include "src/look/forecast.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/look/drift.h"
#include "src/look/old_records.h"
#include "src/look/remote_look.h"
#include "src/look/rollout_look.h"
#include "src/look/step_record.h"
#include "src/steps/kinds.h"

namespace kplan {
namespace {

// When the stamp was written, in Unix milliseconds, rounded down; 0: there is none.
int64_t StampTime(const std::string& label) {
  struct stat info;
  if (stat(paths::Stamp(label).c_str(), &info) != 0) return 0;
  return int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1000000;
}

class Forecaster {
 public:
  Forecaster(const Graph& graph, absl::Time now)
      : graph_(graph),
        now_(now),
        watches_(graph),
        watcher_(now),
        remote_(graph, now, foreseen_, &old_),
        stamp_times_(graph.steps().size()) {}

  Forecast Make() {
    forecast_.steps.resize(graph_.steps().size());
    for (const Shard& shard : graph_.shards()) {
      forecast_.journals.push_back(Journal::Read(paths::Journal(shard.name)));
    }
    for (StepId id = 0; id < graph_.steps().size(); ++id) forecast_.steps[id] = Foresee(id);
    return std::move(forecast_);
  }

 private:
  StepForecast Foresee(StepId id) {
    const Step& step = graph_.steps()[id];
    stamp_times_[id] = StampTime(step.label);
    StepForecast result;
    result.causes = CausesOf(id);
    // The service is asked what it runs with whether or not somebody saw it change.
    const bool asked = result.causes.empty() && RunsServicesHere(step);
    if (result.causes.empty() && !asked) return result;
    if (!asked && IsBehindTrouble(step, &result)) return result;
    Look(id, forecast_.EntryOf(graph_, id), &result);
    if (asked && result.fate != Fate::kFresh) IsBehindTrouble(step, &result);
    if (result.causes.empty() && result.fate != Fate::kFresh)
      result.causes.push_back({Cause::Kind::kDrift, 0});
    if (result.fate == Fate::kCheck && !NinjaRuns(id, result.causes)) result = StepForecast();
    // A stamp that was not there is news to ninja, whatever is in it.
    const bool runs = result.fate == Fate::kCheck || result.fate == Fate::kChange;
    if (stamp_times_[id] == 0 && runs) result.changes_digest = true;
    return result;
  }

  std::vector<Cause> CausesOf(StepId id) {
    const Step& step = graph_.steps()[id];
    const JournalEntry* entry = forecast_.EntryOf(graph_, id);
    std::vector<Cause> causes;
    auto add = [&causes](Cause::Kind kind, StepId input = 0) { causes.push_back({kind, input}); };
    if (stamp_times_[id] == 0 || entry == nullptr) {
      const bool failed = entry != nullptr && entry->failed;
      add(failed                                      ? Cause::Kind::kFailed
          : stamp_times_[id] == 0 && entry == nullptr ? Cause::Kind::kFirst
                                                      : Cause::Kind::kStamp);
    } else if (entry->failed) {
      add(Cause::Kind::kFailed);
    } else if (!ninja_log_) {
      add(Cause::Kind::kStamp);
    }
    if (entry != nullptr && entry->record != step.digest()) add(Cause::Kind::kSpec);
    for (StepId input : step.inputs) {
      if (forecast_.steps[input].changes_digest || (entry != nullptr && stamp_times_[input] > entry->at)) {
        add(Cause::Kind::kInput, input);
      }
    }
    // What is at its paths on this machine has nothing to do with an artifact that is elsewhere.
    if (IsDoneOverSsh(step)) {
      if (entry != nullptr && HasFailedVerdict(id)) add(Cause::Kind::kDrift);
      return causes;
    }
    if (entry != nullptr && !entry->failed && FilesDiffer(*entry)) add(Cause::Kind::kDrift);
    watches_.ForEach(id, [&](const Watch& watch) {
      bool time = false;
      if (watcher_.WhyStale(watch, &time).empty()) return;
      const Cause::Kind kind = time ? Cause::Kind::kTime : Cause::Kind::kDrift;
      const bool known =
          std::any_of(causes.begin(), causes.end(), [&](const Cause& cause) { return cause.kind == kind; });
      if (!known && entry != nullptr) add(kind);
    });
    return causes;
  }

  static bool RunsServicesHere(const Step& step) {
    if (step.kind == StepKind::kService || step.kind == StepKind::kActivate) return !IsDoneOverSsh(step);
    if (step.kind != StepKind::kRollout) return false;
    const std::vector<MemberRecord> members = RecordOf<RolloutRecord>(step).cluster.members;
    return std::any_of(members.begin(), members.end(),
                       [](const MemberRecord& member) { return !member.over_ssh(); });
  }

  bool HasFailedVerdict(StepId id) {
    bool failed = false;
    watches_.ForEach(id, [&](const Watch& watch) {
      bool time = false;
      if (watch.kind == Watch::Kind::kVerdict && !watcher_.WhyStale(watch, &time).empty()) failed = true;
    });
    return failed;
  }

  // Of a step that is right: whether ninja has a reason of its own to run it.
  bool NinjaRuns(StepId id, const std::vector<Cause>& causes) {
    const JournalEntry* entry = forecast_.EntryOf(graph_, id);
    // Somebody touched a file and gave it its old time again; `gen` asks the step, as we did.
    auto all_are = [&causes](Cause::Kind kind) {
      return std::all_of(causes.begin(), causes.end(),
                         [kind](const Cause& cause) { return cause.kind == kind; });
    };
    if (all_are(Cause::Kind::kDrift) && entry != nullptr)
      return FilesAreNewer(*entry) || HasFailedVerdict(id);
    if (!all_are(Cause::Kind::kStamp)) return true;
    // Our own note of it alone is gone.
    return entry != nullptr || stamp_times_[id] == 0 || !ninja_log_;
  }

  // Ninja does not come to what is behind a step that fails.
  bool IsBehindTrouble(const Step& step, StepForecast* result) {
    for (absl::Span<const StepId> list :
         {absl::MakeConstSpan(step.inputs), absl::MakeConstSpan(step.after)}) {
      for (StepId before : list) {
        const Fate fate = forecast_.steps[before].fate;
        if (fate != Fate::kFail && fate != Fate::kWait) continue;
        std::vector<Cause> causes = std::move(result->causes);
        *result = StepForecast();
        result->causes = std::move(causes);
        result->fate = Fate::kWait;
        result->failure = absl::StrCat("behind ", graph_.steps()[before].label);
        return true;
      }
    }
    return false;
  }

  void Look(StepId id, const JournalEntry* entry, StepForecast* result) {
    const Step& step = graph_.steps()[id];
    const bool elsewhere = step.kind == StepKind::kHost || IsDoneOverSsh(step);
    const bool service = step.kind == StepKind::kService || step.kind == StepKind::kActivate;
    absl::StatusOr<Outlook> outlook =
        elsewhere && service ? LookAtServiceOverSsh(graph_, id, foreseen_, stamp_times_, entry, &old_)
        : elsewhere          ? remote_.Look(id, entry, forecast_.journals[step.shard])
                             : LookAtStep(step.label, step.record, now_, foreseen_);
    if (step.kind == StepKind::kRollout && outlook.ok())
      LookAtServicesOverSsh(graph_, id, foreseen_, stamp_times_, entry, &old_, &*outlook);
    if (!outlook.ok()) {
      result->fate = Fate::kFail;
      result->failure = std::string(outlook.status().message());
      return;
    }
    result->note = std::move(outlook->note);
    if (outlook->waits) {
      result->fate = Fate::kWait;
      result->failure = outlook->reasons.empty() ? result->note : outlook->reasons[0].text;
      return;
    }
    result->reasons = std::move(outlook->reasons);
    result->changes = std::move(outlook->changes);
    result->changes_digest = outlook->changes_digest;
    // Whether it is the stamp's is what ninja goes by: what is put back as it was is no news.
    if (entry != nullptr && !outlook->digest.empty())
      result->changes_digest = outlook->digest != entry->digest;
    // Its step would change nothing: somebody has.
    if (step.kind == StepKind::kSource && entry != nullptr && !entry->failed && result->changes_digest)
      result->reasons.push_back({"content", absl::StrCat(RecordOf<SourceRecord>(step).path, " was edited")});
    result->starts = outlook->starts;
    result->restarts = outlook->restarts;
    result->reloads = outlook->reloads;
    result->services = std::move(outlook->services);
    for (auto& [path, file] : outlook->files) foreseen_.Add(path, std::move(file));
    result->fate = !result->reasons.empty() ? Fate::kChange
                   : result->causes.empty() ? Fate::kFresh
                                            : Fate::kCheck;
  }

  const Graph& graph_;
  absl::Time now_;
  WatchIndex watches_;
  Watcher watcher_;
  Foreseen foreseen_;
  OldRecords old_;
  RemoteLooker remote_;
  std::vector<int64_t> stamp_times_;  // as Graph::steps()
  const bool ninja_log_ = access(paths::kNinjaLog, F_OK) == 0;
  Forecast forecast_;
};

}  // namespace

const char* FateName(Fate fate) {
  switch (fate) {
    case Fate::kFresh:
      return "fresh";
    case Fate::kCheck:
      return "check";
    case Fate::kChange:
      return "change";
    case Fate::kFail:
      return "fail";
    case Fate::kWait:
      return "wait";
  }
  return "";
}

const char* StateName(StepState state) {
  switch (state) {
    case StepState::kFresh:
      return "fresh";
    case StepState::kStale:
      return "stale";
    case StepState::kFailed:
      return "failed";
    case StepState::kWaiting:
      return "waiting";
  }
  return "";
}

const JournalEntry* Forecast::EntryOf(const Graph& graph, StepId step) const {
  const Step& it = graph.steps()[step];
  return it.shard < journals.size() ? journals[it.shard].Find(it.label) : nullptr;
}

StepState Forecast::StateOf(const Graph& graph, StepId step) const {
  const StepForecast& forecast = steps[step];
  if (forecast.fate == Fate::kFresh) return StepState::kFresh;
  if (forecast.fate == Fate::kWait) return StepState::kWaiting;
  const JournalEntry* entry = EntryOf(graph, step);
  if (forecast.fate == Fate::kFail || (entry != nullptr && entry->failed)) return StepState::kFailed;
  return StepState::kStale;
}

Forecast MakeForecast(const Graph& graph, absl::Time now) { return Forecaster(graph, now).Make(); }

}  // namespace kplan
