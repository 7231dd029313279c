#include "src/look/traversal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/base/reason_list.h"
#include "src/base/signature_mode.h"
#include "src/host/ninja_deps.h"
#include "src/look/drift.h"
#include "src/look/holdings.h"
#include "src/look/old_records.h"
#include "src/look/remote_look.h"
#include "src/look/rollout_look.h"
#include "src/look/step_record.h"
#include "src/steps/kinds.h"

namespace kplan {
namespace {

struct Stamp {
  StampSeen seen = StampSeen::kNone;
  int64_t time = 0;  // of a whole one: when it was written, in Unix milliseconds, rounded down
  int64_t nanoseconds = 0;
};

Stamp LookAtStamp(const std::string& label) {
  struct stat info;
  if (stat(paths::Stamp(label).c_str(), &info) != 0) return {};
  if (info.st_size == 0) return {StampSeen::kEmpty};
  const int64_t time = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  return {StampSeen::kWhole, time / 1'000'000, time};
}

// A stamp is written at the end of a step, right behind its entry in the journal.
constexpr int64_t kStampDelayMs = 10'000;

// Whether WATCH is about the mode of a file below DIR that ENTRY has with that mode. While it is as ENTRY
// says, it need not be looked at once more.
bool WasLeftRight(const Watch& watch, const JournalEntry& entry) {
  if (watch.kind != Watch::Kind::kFile || !watch.root.empty()) return false;
  const auto file = std::find_if(entry.files.begin(), entry.files.end(),
                                 [&](const auto& it) { return it.first == watch.path; });
  if (file == entry.files.end()) return false;
  const mode_t mode = ModeInSignature(file->second);
  return S_ISREG(mode) && (watch.mode == 0 || (mode & 07777) == watch.mode);
}

// Finds stamps that are younger than the run that wrote them.
class CopyFinder {
 public:
  bool IsCopied(const std::string& label, const Stamp& stamp, const JournalEntry* entry) {
    if (entry == nullptr || stamp.time <= entry->at + kStampDelayMs) return false;
    // Or the clock by which the journal was written was another one. Ninja knows, and its log is large.
    if (!loaded_) known_ = LoadNinjaDeps();
    loaded_ = true;
    auto found = known_.find(paths::Stamp(label));
    return found != known_.end() && stamp.nanoseconds > found->second;
  }

 private:
  bool loaded_ = false;
  absl::flat_hash_map<std::string, int64_t> known_;
};

class Traversal {
 public:
  Traversal(const Graph& graph, const std::vector<Journal>& journals, const HostSights& sights,
            absl::Time now, TraversalSink* sink, Notes notes)
      : graph_(graph),
        journals_(journals),
        sights_(sights),
        now_(now),
        sink_(sink),
        notes_(notes),
        watches_(graph),
        watcher_(now),
        remote_(graph, now, foreseen_, &old_, notes == Notes::kKept ? nullptr : &elsewhere_, &sights),
        stamp_times_(graph.steps().size()),
        seen_(graph.steps().size()) {
    if (notes_ != Notes::kElsewhere) return;
    keys_ = KeysElsewhere(graph);
    for (const auto& [path, key] : keys_) {
      elsewhere_.Add(path, key);
      foreseen_.Add(path, key);
    }
  }

  void Go() {
    for (StepId id = 0; id < graph_.steps().size(); ++id) {
      const Step& step = graph_.steps()[id];
      Stamp stamp = stamps_ ? LookAtStamp(step.label) : Stamp();
      const JournalEntry* entry = journals_[step.shard].Find(step.label);
      if (copies_.IsCopied(step.label, stamp, entry)) stamp = {StampSeen::kCopied};
      stamp_times_[id] = stamp.time;
      if (!sink_->Wants(id, stamp.seen)) continue;
      const StepSight sight = See(id);
      StepForecast forecast;
      forecast.causes = sight.causes;
      if (sink_->Asks(id, sight)) Foresee(id, sight, &forecast);
      if (forecast.fate == Fate::kFresh) JudgeUnknown(step, sight, &forecast);
      const bool again =
          stamp.seen == StampSeen::kNone && sight.entry == nullptr && IsMadeAgain(id, forecast);
      const bool news = forecast.fate == Fate::kChange && forecast.changes_digest && !again;
      seen_[id] = {forecast.fate, forecast.changes_digest, news};
      sink_->Take(id, sight, std::move(forecast));
    }
  }

 private:
  // What those behind it need to know of a step.
  struct Seen {
    Fate fate = Fate::kFresh;
    bool changes_digest = false;
    bool news = false;  // it changes something, and its digest, whatever its stamp is like
  };

  // Nobody has looked: it is not called fresh. A proof is about what it was made from.
  void JudgeUnknown(const Step& step, const StepSight& sight, StepForecast* forecast) const {
    std::string why = sight.unknown;
    for (size_t i = 0; why.empty() && IsProof(step) && i < step.inputs.size(); ++i) {
      if (seen_[step.inputs[i]].fate == Fate::kUnknown)
        why = absl::StrCat("behind ", graph_.steps()[step.inputs[i]].label);
    }
    if (why.empty()) return;
    forecast->fate = Fate::kUnknown;
    forecast->failure = std::move(why);
  }

  void Foresee(StepId id, const StepSight& sight, StepForecast* result) {
    const Step& step = graph_.steps()[id];
    // Nothing was seen, and it is asked all the same: whether it is behind trouble matters only when there is
    // something to do.
    const bool unprompted = sight.causes.empty();
    if (!unprompted && IsBehindTrouble(step, result)) return;
    Look(id, sight.entry, result);
    if (result->fate != Fate::kFail && result->fate != Fate::kWait) AddDrift(sight, result);
    if (unprompted && result->fate != Fate::kFresh) IsBehindTrouble(step, result);
    if (result->causes.empty() && result->fate != Fate::kFresh)
      result->causes.push_back({Cause::Kind::kDrift, 0});
    if (sight.entry == nullptr && stamp_times_[id] == 0) JudgeWithoutNotes(id, result);
    if (result->fate == Fate::kCheck && !NinjaRuns(id, sight, result->causes)) *result = StepForecast();
    if (result->fate == Fate::kCheck || result->fate == Fate::kChange) AddRefusal(id, result);
    // A stamp that was not there is news to ninja, whatever is in it.
    const bool runs = result->fate == Fate::kCheck || result->fate == Fate::kChange;
    if (stamp_times_[id] == 0 && runs) result->changes_digest = true;
  }

  // What drifted there is put right, whatever else there is to do. There is no file here by which ninja could
  // be told, so the stamp goes (look.h), which is news to what is behind it.
  static void AddDrift(const StepSight& sight, StepForecast* result) {
    if (sight.drift->empty()) return;
    result->changes_digest = true;
    if (!sight.drift->failure.empty()) {
      result->fate = Fate::kFail;
      result->failure = sight.drift->failure;
      return;
    }
    result->fate = Fate::kChange;
    // The services say it one by one.
    if (!result->services.empty()) return;
    for (const Reason& reason : sight.drift->reasons) AddOnce(reason, &result->reasons);
  }

  // What it finds on the hosts lets it go no further.
  void AddRefusal(StepId id, StepForecast* result) const {
    // What a rollout may not do matters where it does something.
    if (graph_.steps()[id].kind == StepKind::kRollout && !result->starts && !result->restarts) return;
    std::string why = sights_.RefusalOf(id);
    if (why.empty()) return;
    result->fate = Fate::kFail;
    result->failure = std::move(why);
  }

  StepSight See(StepId id) {
    const Step& step = graph_.steps()[id];
    StepSight sight;
    sight.drift = &sights_.DriftOf(id);
    sight.unknown = sights_.WhyUnknown(id);
    sight.entry = journals_[step.shard].Find(step.label);
    const JournalEntry* entry = sight.entry;
    // What is at its paths on this machine has nothing to do with an artifact that is elsewhere. Nothing of
    // it is here but, of a service, the verdict.
    const bool elsewhere = IsDoneOverSsh(step);
    const bool compared = !elsewhere && entry != nullptr && !entry->failed;
    sight.files_differ = compared && FilesDiffer(*entry);
    watches_.ForEach(id, [&](const Watch& watch) {
      if (elsewhere && watch.kind != Watch::Kind::kVerdict) return;
      if (compared && !sight.files_differ && WasLeftRight(watch, *entry)) return;
      bool time = false;
      std::string reason = watcher_.WhyStale(watch, &time);
      if (!reason.empty()) sight.findings.push_back({&watch, std::move(reason), time});
    });
    sight.causes = CausesOf(id, sight);
    return sight;
  }

  std::vector<Cause> CausesOf(StepId id, const StepSight& sight) const {
    const Step& step = graph_.steps()[id];
    const JournalEntry* entry = sight.entry;
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
      if (seen_[input].changes_digest || (entry != nullptr && stamp_times_[input] > entry->at))
        add(Cause::Kind::kInput, input);
    }
    if (entry == nullptr) return causes;
    if (sight.files_differ || !sight.drift->empty()) add(Cause::Kind::kDrift);
    for (const StepSight::Finding& finding : sight.findings) {
      const Cause::Kind kind = finding.time ? Cause::Kind::kTime : Cause::Kind::kDrift;
      const bool known =
          std::any_of(causes.begin(), causes.end(), [&](const Cause& cause) { return cause.kind == kind; });
      if (!known) add(kind);
    }
    return causes;
  }

  // Whether ninja has a reason of its own to run a step that is right.
  bool NinjaRuns(StepId id, const StepSight& sight, const std::vector<Cause>& causes) const {
    // Somebody touched a file and gave it its old time again; `gen` asks the step, as we did.
    auto all_are = [&causes](Cause::Kind kind) {
      return std::all_of(causes.begin(), causes.end(),
                         [kind](const Cause& cause) { return cause.kind == kind; });
    };
    if (all_are(Cause::Kind::kDrift) && sight.entry != nullptr)
      return FilesAreNewer(*sight.entry) || HasFailedVerdict(sight);
    if (!all_are(Cause::Kind::kStamp)) return true;
    // Our own note of it alone is gone.
    return sight.entry != nullptr || stamp_times_[id] == 0 || !ninja_log_;
  }

  // Whether the artifact of step ID, of which there is no note, is missing here, and nothing says that it was
  // another one.
  bool IsMadeAgain(StepId id, const StepForecast& forecast) const {
    if (notes_ == Notes::kKept || IsEvidence(graph_.steps()[id])) return false;
    if (sights_.StandingOf(id) != nullptr) return false;  // its host says so
    if (forecast.reasons.empty() || forecast.reasons[0].name != "missing") return false;
    return ChangedInput(id) == nullptr;
  }

  // The first of the inputs of step ID that becomes another one; null: none does.
  const StepId* ChangedInput(StepId id) const {
    const StepIds& inputs = graph_.steps()[id].inputs;
    const auto found =
        std::find_if(inputs.begin(), inputs.end(), [this](StepId input) { return seen_[input].news; });
    return found == inputs.end() ? nullptr : &*found;
  }

  // Of a step that has neither a line in the journal nor a stamp, where there are no notes at all (notes.h).
  void JudgeWithoutNotes(StepId id, StepForecast* result) const {
    if (notes_ == Notes::kKept) return;
    const Step& step = graph_.steps()[id];
    const StepId* const changed = ChangedInput(id);
    const bool follows = changed != nullptr;
    if (notes_ == Notes::kElsewhere && !follows && IsSeenRight(id, *result)) {
      *result = StepForecast();
      return;
    }
    if (result->fate == Fate::kChange) {
      const bool missing = !result->reasons.empty() && result->reasons[0].name == "missing";
      if (notes_ == Notes::kElsewhere && IsMadeAgain(id, *result)) {
        SetUnseen(Fate::kUnknown, absl::StrCat(KindOf(step.kind).what, " is not here"), result);
      } else if (!missing || follows) {
        result->causes = {follows ? Cause{Cause::Kind::kInput, *changed} : Cause{Cause::Kind::kAsked, 0}};
      }
    } else if (result->fate == Fate::kCheck && follows) {
      result->causes = {{Cause::Kind::kInput, *changed}};
    } else if (result->fate == Fate::kCheck) {
      result->causes = {{Cause::Kind::kStamp, 0}};
      const bool there =
          step.kind == StepKind::kHost || IsDoneOverSsh(step) || step.kind == StepKind::kRollout;
      if (notes_ == Notes::kLost && step.contacts && there) {
        SetUnseen(Fate::kCheck, "", result);
      } else if (notes_ == Notes::kElsewhere) {
        if (const std::string key = KeyElsewhereOf(step); !key.empty())
          SetUnseen(Fate::kUnknown, absl::StrCat(key, " is not here"), result);
        if (KindOf(step.kind).where != Where::kHere)
          SetUnseen(Fate::kUnknown, "its hosts were not asked", result);
      }
    }
    if (result->fate == Fate::kChange) AddNeeds(step, result);
  }

  // Whether the hosts of step ID say that it would find nothing to do.
  bool IsSeenRight(StepId id, const StepForecast& forecast) const {
    const Step& step = graph_.steps()[id];
    const auto answered = [&](const std::string& host) { return !host.empty() && sights_.HasAnswered(host); };
    if (!sights_.DriftOf(id).empty()) return false;
    switch (step.kind) {
      case StepKind::kHost:
      case StepKind::kUser:
        return answered(SshHostOf(graph_, step));
      case StepKind::kActivate:
      case StepKind::kSend:
      case StepKind::kService:
        return forecast.fate == Fate::kCheck && answered(SshHostOf(graph_, step));
      case StepKind::kRollout: {
        const std::vector<ServicePart> services = ServicesOf(graph_, step);
        return forecast.fate == Fate::kCheck &&
               std::all_of(services.begin(), services.end(),
                           [&](const ServicePart& service) { return answered(service.host); });
      }
      default:
        // Where it is not known here what would be delivered (a program out of an archive), it was not
        // compared.
        return forecast.fate == Fate::kCheck && compared_ && sights_.StandingOf(id) != nullptr;
    }
  }

  static void SetUnseen(Fate fate, std::string why, StepForecast* result) {
    result->fate = fate;
    result->unseen = true;
    result->failure = std::move(why);
    result->reasons.clear();
    result->changes.clear();
    result->note.clear();
  }

  // Whether it is in every clone, so that one that is missing was not made yet. A key is known by its
  // certificate.
  static bool IsEvidence(const Step& step) {
    return step.kind == StepKind::kCaCert || step.kind == StepKind::kAdoptCa ||
           step.kind == StepKind::kCert || step.kind == StepKind::kKey;
  }

  // The private key that is STEP's artifact, and is elsewhere; "": there is none, or another one will be
  // made.
  std::string KeyElsewhereOf(const Step& step) const {
    if (step.kind != StepKind::kKey) return "";
    std::string path = RecordOf<KeyRecord>(step).path;
    return keys_.count(path) > 0 ? path : "";
  }

  void AddNeeds(const Step& step, StepForecast* result) const {
    for (const std::string& key : SigningKeysOf(step)) {
      const ForeseenFile* file = foreseen_.Find(key);
      if (keys_.count(key) > 0 && file != nullptr && !file->spki.empty()) result->needs.push_back(key);
    }
  }

  static bool HasFailedVerdict(const StepSight& sight) {
    return std::any_of(sight.findings.begin(), sight.findings.end(), [](const StepSight::Finding& finding) {
      return finding.watch->kind == Watch::Kind::kVerdict;
    });
  }

  // Ninja does not come to what is behind a step that fails.
  bool IsBehindTrouble(const Step& step, StepForecast* result) const {
    for (absl::Span<const StepId> list :
         {absl::MakeConstSpan(step.inputs), absl::MakeConstSpan(step.after)}) {
      for (StepId before : list) {
        const Fate fate = seen_[before].fate;
        if (fate != Fate::kFail && fate != Fate::kWait) continue;
        std::vector<Cause> causes = std::move(result->causes);
        *result = StepForecast();
        result->causes = std::move(causes);
        result->fate = Fate::kWait;
        result->behind = true;
        result->failure = absl::StrCat("behind ", graph_.steps()[before].label);
        return true;
      }
    }
    return false;
  }

  void Look(StepId id, const JournalEntry* entry, StepForecast* result) {
    const Step& step = graph_.steps()[id];
    const bool absent = notes_ == Notes::kElsewhere && entry == nullptr;
    const bool elsewhere = step.kind == StepKind::kHost || IsDoneOverSsh(step) ||
                           (absent && KindOf(step.kind).where == Where::kOnHost);
    const bool service = step.kind == StepKind::kService || step.kind == StepKind::kActivate;
    absl::StatusOr<Outlook> outlook =
        elsewhere && service
            ? LookAtServiceOverSsh(graph_, id, sights_, foreseen_, stamp_times_, entry, notes_, &old_)
        : elsewhere ? remote_.Look(id, entry, journals_[step.shard])
                    : LookAtStep(step.label, step.record, now_, foreseen_);
    if (step.kind == StepKind::kRollout && outlook.ok()) {
      absl::Status status = LookAtServicesOverSsh(graph_, id, sights_, foreseen_, stamp_times_, entry, notes_,
                                                  &old_, &*outlook);
      if (!status.ok()) outlook = std::move(status);
    }
    if (absent && absl::IsNotFound(outlook.status())) {
      result->fate = Fate::kUnknown;
      result->failure = std::string(outlook.status().message());
      return;
    }
    if (!outlook.ok()) {
      result->fate = Fate::kFail;
      result->failure = std::string(outlook.status().message());
      return;
    }
    compared_ = !outlook->digest.empty();
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
    const bool again = entry == nullptr && stamp_times_[id] == 0 && IsMadeAgain(id, *result);
    for (auto& [path, file] : outlook->files) {
      file.again = again;
      foreseen_.Add(path, std::move(file));
    }
    result->fate = !result->reasons.empty() ? Fate::kChange
                   : result->causes.empty() ? Fate::kFresh
                                            : Fate::kCheck;
    // Its step writes the stamp again as long as its service has not come to it.
    if (outlook->beside && result->fate != Fate::kFresh) result->changes_digest = true;
  }

  const Graph& graph_;
  const std::vector<Journal>& journals_;
  const HostSights& sights_;
  const absl::Time now_;
  TraversalSink* const sink_;
  const Notes notes_;
  std::map<std::string, ForeseenFile> keys_;  // that are elsewhere
  Foreseen elsewhere_;                        // the same
  CopyFinder copies_;
  WatchIndex watches_;
  Watcher watcher_;
  Foreseen foreseen_;
  OldRecords old_;
  RemoteLooker remote_;
  std::vector<int64_t> stamp_times_;  // as Graph::steps()
  std::vector<Seen> seen_;            // likewise
  bool compared_ = false;             // of the step that was looked at last: its digest is known before
  const bool stamps_ = access(paths::kStamps, F_OK) == 0;  // whether there are any: not before the first run
  const bool ninja_log_ = access(paths::kNinjaLog, F_OK) == 0;
};

}  // namespace

bool RunsServicesHere(const Step& step) {
  if (step.kind == StepKind::kService || step.kind == StepKind::kActivate) return !IsDoneOverSsh(step);
  if (step.kind != StepKind::kRollout) return false;
  const std::vector<MemberRecord> members = RecordOf<RolloutRecord>(step).cluster.members;
  return std::any_of(members.begin(), members.end(),
                     [](const MemberRecord& member) { return !member.over_ssh(); });
}

std::vector<Journal> ReadJournals(const Graph& graph) {
  std::vector<Journal> journals;
  journals.reserve(graph.shards().size());
  for (const Shard& shard : graph.shards()) journals.push_back(Journal::Read(paths::Journal(shard.name)));
  return journals;
}

void Traverse(const Graph& graph, const std::vector<Journal>& journals, const HostSights& sights,
              absl::Time now, TraversalSink* sink, Notes notes) {
  Traversal(graph, journals, sights, now, sink, notes).Go();
}

}  // namespace kplan
