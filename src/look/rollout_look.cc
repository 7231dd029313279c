#include "src/look/rollout_look.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/reason_list.h"
#include "src/etcd/rollout_etcd.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"
#include "src/step/command_changes.h"
#include "src/step/host_outlook.h"
#include "src/steps/service/service_decision.h"

namespace kplan {
namespace {

std::vector<std::string> ArgvOf(const ServiceRecord& service) {
  std::vector<std::string> argv;
  for (const auto& [text, path] : service.argv) argv.push_back(absl::StrCat(text, path));
  return argv;
}

class Looker {
 public:
  Looker(const Graph& graph, StepId id, const HostSights& sights, const Foreseen& foreseen,
         const std::vector<int64_t>& stamp_times, const JournalEntry* entry)
      : graph_(graph),
        step_(graph.steps()[id]),
        sights_(sights),
        foreseen_(foreseen),
        stamp_times_(stamp_times) {
    if (entry != nullptr) finished_ = entry->failed ? entry->made_at : entry->at;
  }

  // BEFORE: the record of the service that the last rollout was made by; null: it is not known, or the same.
  ServiceOutlook Look(const ServicePart& service, bool first, const ServiceRecord* before) const {
    const ServiceRecord& record = service.record;
    ServiceOutlook outlook;
    outlook.host = service.host;
    outlook.service = service.name;
    if (record.manager == "none") return outlook;
    if (const SeenService* seen = sights_.ServiceOf(service.label); seen != nullptr)
      return LookAtSeen(service, *seen, before);
    if (first) {
      // One that others start reads everything when they do.
      if (record.by_unit()) return outlook;
      outlook.starts = true;
      outlook.reasons.push_back({"not-running", "was not started yet"});
      return outlook;
    }
    AddChanged(service, record.restart_on, /*seen=*/nullptr, &outlook);
    outlook.restarts = !outlook.reasons.empty();
    if (!outlook.restarts) {
      AddChanged(service, record.reload_on, /*seen=*/nullptr, &outlook);
      outlook.reloads = !outlook.reasons.empty();
    }
    if (outlook.restarts && before != nullptr) outlook.changes = CommandChangesOf(*before, record);
    return outlook;
  }

  // What the step of SERVICE returns when it does what LOOKED says; "" when that is not known before.
  std::string DigestOf(const ServicePart& service, const ServiceOutlook& looked) const {
    const SeenService* seen = sights_.ServiceOf(service.label);
    const bool as_it_is = seen != nullptr && !looked.starts && !looked.restarts && !looked.reloads;
    return as_it_is ? seen->digest : "";
  }

  // A unit beside a service's own, that is made to work.
  ServiceOutlook LookAtUnit(const std::string& host, const std::string& root, const std::string& path,
                            bool first) const {
    ServiceOutlook outlook;
    outlook.starts = first;
    if (first) outlook.reasons.push_back({"not-active", "was not active"});
    if (first || !(foreseen_.Find(OnHost(host, root, path)) != nullptr || WasDelivered(host, path)))
      return outlook;
    outlook.restarts = true;
    outlook.reasons.push_back({"unit", "unit changed"});
    return outlook;
  }

 private:
  // SEEN: what would become of it if nothing new came to its host.
  ServiceOutlook LookAtSeen(const ServicePart& service, const SeenService& seen,
                            const ServiceRecord* before) const {
    const ServiceRecord& record = service.record;
    ServiceOutlook outlook = seen.outlook;
    ForgetWhatIsPutBack(service, seen, &outlook);
    // What is started reads everything.
    if (outlook.starts || (!seen.running && record.by_unit())) return outlook;
    ServiceOutlook coming;
    AddChanged(service, record.restart_on, &seen, &coming);
    if (!coming.reasons.empty()) {
      if (outlook.reloads) outlook.reasons.clear();
      outlook.restarts = true;
      outlook.reloads = false;
    } else if (!outlook.restarts) {
      AddChanged(service, record.reload_on, &seen, &coming);
      outlook.reloads = outlook.reloads || !coming.reasons.empty();
    }
    for (const Reason& reason : coming.reasons) AddOnce(reason, &outlook.reasons);
    if (outlook.restarts && before != nullptr) outlook.changes = CommandChangesOf(*before, record);
    return outlook;
  }

  // Where nobody told the host what is put right before (look/notes.h), OUTLOOK has the files that somebody
  // changed there as reasons; those that become again what the service was started with are none.
  void ForgetWhatIsPutBack(const ServicePart& service, const SeenService& seen,
                           ServiceOutlook* outlook) const {
    const ServiceRecord& record = service.record;
    if (outlook->starts || seen.started.empty()) return;
    std::vector<Reason>& reasons = outlook->reasons;
    for (const auto& started : seen.started) {
      const std::string& path = started.first;
      const ForeseenFile* file = ToCome(service, path);
      if (file == nullptr || !RunsWith(seen, path, *file)) continue;
      const std::string text = FileChanged(record.argv, record.unit, path).text;
      reasons.erase(std::remove_if(reasons.begin(), reasons.end(),
                                   [&](const Reason& reason) { return reason.text == text; }),
                    reasons.end());
    }
    if (reasons.empty()) outlook->restarts = outlook->reloads = false;
  }

  // SEEN: what its host says of it; null: nothing, and what is there since the last rollout counts, too.
  void AddChanged(const ServicePart& service, const std::vector<std::string>& paths, const SeenService* seen,
                  ServiceOutlook* outlook) const {
    const ServiceRecord& record = service.record;
    for (const std::string& path : paths) {
      const ForeseenFile* file = ToCome(service, path);
      const bool comes = file != nullptr && !(seen != nullptr && RunsWith(*seen, path, *file));
      if (comes || (seen == nullptr && WasDelivered(service.host, path)))
        outlook->reasons.push_back(FileChanged(record.argv, record.unit, path));
    }
  }

  // Whether SERVICE was started with PATH as it will be: somebody changed it there since.
  static bool RunsWith(const SeenService& service, const std::string& path, const ForeseenFile& file) {
    const std::optional<std::string> digest = kplan::DigestOf(file);
    return digest.has_value() &&
           std::any_of(service.started.begin(), service.started.end(), [&](const auto& started) {
             return started.first == path && started.second == *digest;
           });
  }

  // Null: PATH stays as it is. What is foreseen of this machine has no host.
  const ForeseenFile* ToCome(const ServicePart& service, const std::string& path) const {
    return foreseen_.Find(OnHost(service.over_ssh ? service.host : "", service.record.root, path));
  }

  bool WasDelivered(const std::string& host, const std::string& path) const {
    // Delivered in a run whose rollout did not come to its end.
    return std::any_of(step_.inputs.begin(), step_.inputs.end(), [&](StepId input) {
      const Step& it = graph_.steps()[input];
      return stamp_times_[input] > finished_ && SshHostOf(graph_, it) == host && Makes(it, path);
    });
  }

  // Whether STEP makes the file PATH. A pair is known by the path of its certificate.
  static bool Makes(const Step& step, const std::string& path) {
    const std::vector<Holding> holdings = HoldingsOf(ReadAnyRecord(step.record));
    return !holdings.empty() && holdings.back().kind != Holding::Kind::kService &&
           holdings.back().path == path;
  }

  const Graph& graph_;
  const Step& step_;
  const HostSights& sights_;
  const Foreseen& foreseen_;
  const std::vector<int64_t>& stamp_times_;
  int64_t finished_ = 0;  // the last rollout that came to its end
};

// What its step on the host will find, too.
absl::Status CheckAddresses(const HostSights& sights, const std::string& label, const std::string& host,
                            const ServiceOutlook& seen) {
  const std::string taken = sights.WhyTaken(label, seen.starts || seen.restarts);
  if (taken.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(host, ": ", taken));
}

}  // namespace

std::vector<Change> CommandChangesOf(const ServiceRecord& from, const ServiceRecord& to) {
  std::vector<Change> changes = CommandChanges(ArgvOf(from), ArgvOf(to));
  for (Change& change : EnvironmentChanges(from.environment, to.environment))
    changes.push_back(std::move(change));
  return changes;
}

absl::Status LookAtServicesOverSsh(const Graph& graph, StepId id, const HostSights& sights,
                                   const Foreseen& foreseen, const std::vector<int64_t>& stamp_times,
                                   const JournalEntry* entry, Notes notes, OldRecords* old,
                                   Outlook* outlook) {
  const Step& step = graph.steps()[id];
  const RolloutRecord record = RecordOf<RolloutRecord>(step);
  const std::vector<ServicePart> services = ServicesOf(record);
  const bool unknown = entry == nullptr && notes != Notes::kKept;
  const bool all = unknown && notes == Notes::kElsewhere;
  if (std::none_of(services.begin(), services.end(),
                   [all](const auto& service) { return all || service.over_ssh; }))
    return absl::OkStatus();
  const LastDone last = LastDone::Of(step.label, entry);
  std::optional<std::string> before;
  if (last.record != step.digest())
    before = old->Find(graph.shards()[step.shard].name, step.label, last.record);
  std::map<std::string, ServiceRecord> of_before;  // by label
  absl::StatusOr<RolloutRecord> rollout_before = FromText<RolloutRecord>(before.value_or(""));
  if (rollout_before.ok()) {
    for (ServicePart& service : ServicesOf(*rollout_before))
      of_before.emplace(std::move(service.label), std::move(service.record));
  }

  const Looker looker(graph, id, sights, foreseen, stamp_times, entry);
  std::vector<ServiceOutlook> here = std::exchange(outlook->services, {});
  Sha256Stream digest;  // as the rollout has it (etcd/rollout_run.cc)
  bool all_known = true;
  for (const ServicePart& service : services) {
    if (!service.over_ssh && !all) {
      all_known = false;
      for (ServiceOutlook& it : here) {
        if (it.host == service.host && it.service == service.name) outlook->services.push_back(std::move(it));
      }
      continue;
    }
    auto known = of_before.find(service.label);
    const bool fresh_member = before.has_value() && known == of_before.end();
    const bool first = (last.digest.empty() && !unknown) || fresh_member;
    ServiceOutlook seen = looker.Look(service, first, known != of_before.end() ? &known->second : nullptr);
    const std::string of_service = looker.DigestOf(service, seen);
    all_known = all_known && !of_service.empty();
    digest.Update(absl::StrCat(service.host, " ", of_service, "\n"));
    if (absl::Status status = CheckAddresses(sights, service.label, service.host, seen); !status.ok())
      return status;
    if (!seen.reasons.empty()) outlook->services.push_back(std::move(seen));
  }

  outlook->reasons.clear();
  outlook->starts = outlook->restarts = false;
  for (const ServiceOutlook& service : outlook->services) {
    outlook->starts = outlook->starts || service.starts;
    outlook->restarts = outlook->restarts || service.restarts;
    for (const Reason& reason : service.reasons) AddOnce(reason, &outlook->reasons);
  }
  // A start is another instance, and the digest is over which ones run.
  outlook->changes_digest = outlook->changes_digest || outlook->starts || outlook->restarts;
  outlook->digest = all_known ? digest.FinishHex() : "";
  outlook->note = SnapshotNote(record, outlook->restarts);
  return absl::OkStatus();
}

absl::StatusOr<Outlook> LookAtServiceOverSsh(const Graph& graph, StepId id, const HostSights& sights,
                                             const Foreseen& foreseen,
                                             const std::vector<int64_t>& stamp_times,
                                             const JournalEntry* entry, Notes notes, OldRecords* old) {
  const Step& step = graph.steps()[id];
  const LastDone last = LastDone::Of(step.label, entry);
  const bool first = last.digest.empty() && (entry != nullptr || notes == Notes::kKept);
  const Looker looker(graph, id, sights, foreseen, stamp_times, entry);
  ServiceOutlook seen;
  std::string digest;
  if (step.kind == StepKind::kActivate) {
    absl::StatusOr<ActivateRecord> record = FromText<ActivateRecord>(step.record);
    if (!record.ok()) return record.status();
    seen = looker.LookAtUnit(record->host, record->root, record->path, first);
  } else {
    absl::StatusOr<ServiceRecord> record = FromText<ServiceRecord>(step.record);
    if (!record.ok()) return record.status();
    std::optional<std::string> text;
    if (!first && last.record != step.digest())
      text = old->Find(graph.shards()[step.shard].name, step.label, last.record);
    absl::StatusOr<ServiceRecord> before = FromText<ServiceRecord>(text.value_or(""));
    const ServicePart service = {step.label, record->host, record->name, IsDoneOverSsh(step), *record};
    seen = looker.Look(service, first, before.ok() ? &*before : nullptr);
    digest = looker.DigestOf(service, seen);
  }
  if (absl::Status status = CheckAddresses(sights, step.label, SshHostOf(graph, step), seen); !status.ok())
    return status;
  Outlook outlook;
  outlook.starts = seen.starts;
  outlook.restarts = seen.restarts;
  outlook.reloads = seen.reloads;
  outlook.reasons = std::move(seen.reasons);
  outlook.changes = std::move(seen.changes);
  outlook.changes_digest = first || outlook.starts || outlook.restarts || outlook.reloads;
  if (!outlook.changes_digest) outlook.digest = last.record == step.digest() ? last.digest : digest;
  return outlook;
}

}  // namespace kplan
