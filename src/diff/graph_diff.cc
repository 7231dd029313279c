#include "src/diff/graph_diff.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "src/base/reason_list.h"
#include "src/diff/record_changes.h"
#include "src/look/holdings.h"
#include "src/look/rollout_look.h"
#include "src/look/step_record.h"
#include "src/step/any_record.h"
#include "src/step/foresee.h"
#include "src/steps/service/service_decision.h"
#include "src/why/blame.h"

namespace kplan {
namespace {

class Differ {
 public:
  Differ(const Graph& before, const Graph& after, const SpecDiff& spec, const std::string& path,
         const SourceEdited& source_edited)
      : before_(before), after_(after), spec_(spec), path_(path), source_edited_(source_edited) {
    for (StepId id = 0; id < before.steps().size(); ++id) {
      old_.emplace(before.steps()[id].label, id);
      for (ServicePart& service : ServicesOf(before, before.steps()[id]))
        old_services_.emplace(service.label, std::move(service.record));
    }
  }

  GraphDiff Go() && {
    forecast_.steps.resize(after_.steps().size());
    std::vector<std::string> labels;
    for (StepId id = 0; id < after_.steps().size(); ++id) {
      Foresee(id);
      if (IsOther(id)) labels.push_back(after_.steps()[id].label);
    }
    Blame(labels);
    GraphDiff diff;
    diff.report = MakePlanReport(after_, forecast_, HostSights(), [this](StepId id) { return WhyOf(id); });
    diff.report.compared = true;
    absl::flat_hash_set<absl::string_view> now;
    for (const Step& step : after_.steps()) now.insert(step.label);
    for (const Step& step : before_.steps()) {
      if (!now.contains(step.label)) diff.gone.push_back(step.label);
    }
    diff.report.gone = diff.gone.size();
    diff.forecast = std::move(forecast_);
    return diff;
  }

 private:
  const Step* OldOf(StepId id) const {
    auto found = old_.find(after_.steps()[id].label);
    return found == old_.end() ? nullptr : &before_.steps()[found->second];
  }

  // Whether the step is new, or its record is another one.
  bool IsOther(StepId id) const {
    const Step* old = OldOf(id);
    return old == nullptr || old->digest() != after_.steps()[id].digest();
  }

  // The first input that becomes another one; null: none does.
  const StepId* ChangedInput(StepId id) const {
    const StepIds& inputs = after_.steps()[id].inputs;
    const auto found = std::find_if(inputs.begin(), inputs.end(), [this](StepId input) {
      // A host that is told of in another way is no other content.
      return forecast_.steps[input].changes_digest && after_.steps()[input].kind != StepKind::kHost;
    });
    return found == inputs.end() ? nullptr : &*found;
  }

  void Foresee(StepId id) {
    const Step& step = after_.steps()[id];
    StepForecast& it = forecast_.steps[id];
    const Step* old = OldOf(id);
    const StepId* input = ChangedInput(id);
    if (IsProof(step) || step.kind == StepKind::kSurvey) {
      if (old == nullptr || IsOther(id) || input != nullptr) it.fate = Fate::kCheck;
      if (old == nullptr) it.reasons = {{"missing", "missing"}};
    } else if (step.kind == StepKind::kRollout || step.kind == StepKind::kService ||
               step.kind == StepKind::kActivate) {
      ForeseeServices(id, old, &it);
    } else if (old == nullptr) {
      it.fate = Fate::kChange;
      it.reasons = {{"missing", "missing"}};
      it.changes_digest = true;
    } else if (step.kind == StepKind::kSend) {
      ForeseeSending(step, &it);
    } else {
      RecordChanges own;
      if (IsOther(id)) own = CompareRecords(old->record, step.record, step.secret || old->secret);
      it.reasons = std::move(own.reasons);
      it.changes = std::move(own.changes);
      it.changes_digest = own.other;
      if (step.kind == StepKind::kSource && source_edited_ &&
          source_edited_(RecordOf<SourceRecord>(step).path)) {
        it.reasons.push_back({"content", absl::StrCat(RecordOf<SourceRecord>(step).path, " was edited")});
        it.changes_digest = true;
      }
      if (input != nullptr) Follow(step, *input, &it);
      if (!it.reasons.empty()) it.fate = Fate::kChange;
    }
    if (it.fate == Fate::kFresh) return;
    if (input != nullptr && !IsOther(id)) it.causes.push_back({Cause::Kind::kInput, *input});
    if (IsOther(id)) it.causes.push_back({Cause::Kind::kSpec, 0});
    if (it.fate == Fate::kChange && it.changes_digest) AddPaths(step);
  }

  // STEP is made from INPUT, which becomes another one.
  void Follow(const Step& step, StepId input, StepForecast* it) {
    const StepForecast& from = forecast_.steps[input];
    const StepKind kind = after_.steps()[input].kind;
    switch (step.kind) {
      case StepKind::kKey:
        return;
      case StepKind::kCsr:
      case StepKind::kCaCert:
        if (kind == StepKind::kKey) it->reasons.push_back({"key", "its key is made anew"});
        if (kind != StepKind::kKey) return;
        break;
      case StepKind::kCert:
        // The same CA under a new certificate has the same name and the same key.
        if (HasNewKey(input)) {
          it->reasons.push_back({"key", "its key is made anew"});
          it->changes.push_back({"key", "", kNewKey});
        } else if (kind != StepKind::kCsr) {
          if (!IsOtherIssuer(from)) return;
          it->reasons.push_back({"issuer", "issuer changed"});
        } else if (it->reasons.empty()) {
          return;  // what the request says the certificate's own record says, too
        }
        break;
      default:
        if (it->reasons.empty()) it->reasons.push_back({"content", "content differs"});
        // What is made from a text, a certificate or a program says the same of it.
        if (it->changes.empty()) it->changes = from.changes;
    }
    it->changes_digest = true;
  }

  // Whether INPUT, of a certificate, is a key that is made anew, or a request of one.
  bool HasNewKey(StepId input) const {
    const StepKind kind = after_.steps()[input].kind;
    if (kind == StepKind::kKey) return true;
    const std::vector<Reason>& reasons = forecast_.steps[input].reasons;
    return kind == StepKind::kCsr && std::any_of(reasons.begin(), reasons.end(),
                                                 [](const Reason& reason) { return reason.name == "key"; });
  }

  static bool IsOtherIssuer(const StepForecast& issuer) {
    return std::any_of(issuer.changes.begin(), issuer.changes.end(),
                       [](const Change& change) {
                         return change.what == "CN" || change.what == "subject" || change.what == "key";
                       }) ||
           (!issuer.reasons.empty() &&
            (issuer.reasons[0].name == "missing" || issuer.reasons[0].name == "key"));
  }

  void ForeseeSending(const Step& step, StepForecast* it) {
    std::vector<std::string> names;
    for (const SendRecord::File& file : RecordOf<SendRecord>(step).files) {
      if (IsChanged("", "", file.from)) names.push_back(file.from.substr(file.from.rfind('/') + 1));
    }
    if (names.empty()) return;
    it->fate = Fate::kChange;
    it->reasons.push_back({"content", absl::StrJoin(names, ", ")});
    it->changes_digest = true;
  }

  void ForeseeServices(StepId id, const Step* old, StepForecast* it) {
    const Step& step = after_.steps()[id];
    const bool several = step.kind == StepKind::kRollout;
    std::vector<ServiceOutlook> touched;
    if (step.kind == StepKind::kActivate) {
      const ActivateRecord record = RecordOf<ActivateRecord>(step);
      ServiceOutlook outlook;
      outlook.starts = old == nullptr;
      if (outlook.starts) outlook.reasons.push_back({"not-active", "was not active"});
      outlook.restarts = !outlook.starts && IsChanged(record.host, record.root, record.path);
      if (outlook.restarts) outlook.reasons.push_back({"unit", "unit changed"});
      if (!outlook.reasons.empty()) touched.push_back(std::move(outlook));
    }
    for (const ServicePart& service : ServicesOf(after_, step)) {
      ServiceOutlook outlook = OutlookOf(service);
      if (!outlook.reasons.empty()) touched.push_back(std::move(outlook));
    }
    for (const ServiceOutlook& service : touched) {
      it->starts = it->starts || service.starts;
      it->restarts = it->restarts || service.restarts;
      it->reloads = it->reloads || service.reloads;
      for (const Reason& reason : service.reasons) AddOnce(reason, &it->reasons);
    }
    if (touched.empty()) return;
    it->fate = Fate::kChange;
    it->changes_digest = true;
    if (several) {
      it->services = std::move(touched);
    } else {
      it->changes = std::move(touched[0].changes);
    }
  }

  ServiceOutlook OutlookOf(const ServicePart& service) const {
    const ServiceRecord& record = service.record;
    ServiceOutlook outlook;
    outlook.host = service.host;
    outlook.service = service.name;
    if (record.manager == "none") return outlook;
    auto old = old_services_.find(service.label);
    if (old == old_services_.end()) {
      if (record.by_unit()) return outlook;
      outlook.starts = true;
      outlook.reasons.push_back({"not-running", "was not started yet"});
      return outlook;
    }
    const std::string host = service.over_ssh ? service.host : "";
    auto add = [&](const std::vector<std::string>& paths) {
      for (const std::string& path : paths) {
        if (IsChanged(host, record.root, path))
          outlook.reasons.push_back(FileChanged(record.argv, record.unit, path));
      }
    };
    outlook.changes = CommandChangesOf(old->second, record);
    add(record.restart_on);
    if (outlook.reasons.empty() && !outlook.changes.empty())
      outlook.reasons.push_back({"flags", "flags changed"});
    outlook.restarts = !outlook.reasons.empty();
    if (!outlook.restarts) add(record.reload_on);
    outlook.reloads = !outlook.restarts && !outlook.reasons.empty();
    if (!outlook.restarts) outlook.changes.clear();
    return outlook;
  }

  // The files that STEP writes anew.
  void AddPaths(const Step& step) {
    for (const Holding& holding : HoldingsOf(ReadAnyRecord(step.record))) {
      if (holding.kind == Holding::Kind::kService) continue;
      const std::string path = OnHost(holding.host, holding.root, holding.path);
      (holding.kind == Holding::Kind::kUnpacked ? folders_ : paths_).insert(path);
    }
    // A file that is its owner's is nobody's holding.
    if (step.kind == StepKind::kSource) paths_.insert(OnHost("", "", RecordOf<SourceRecord>(step).path));
  }

  bool IsChanged(const std::string& host, const std::string& root, const std::string& path) const {
    const std::string place = OnHost(host, root, path);
    return paths_.contains(place) || folders_.contains(place.substr(0, place.rfind('/')));
  }

  void Blame(const std::vector<std::string>& labels) {
    BlameOptions options;
    options.old_graph = &before_;
    options.new_graph = &after_;
    const std::vector<kplan::Blame> blames = BlameEdits(path_, spec_, labels, options);
    for (size_t i = 0; i < labels.size(); ++i) blames_.emplace(labels[i], blames[i]);
  }

  Why WhyOf(StepId id) const {
    Why why;
    for (;;) {
      const StepForecast& it = forecast_.steps[id];
      why.links.push_back({id, WhatChanges(it)});
      auto blame = blames_.find(after_.steps()[id].label);
      if (blame != blames_.end() && !blame->second.empty()) {
        why.root.kind = RootCause::Kind::kEdit;
        for (size_t edit : blame->second) why.root.edits.push_back(spec_.edits()[edit]);
        return why;
      }
      const StepId* input = ChangedInput(id);
      if (input == nullptr) {
        if (after_.steps()[id].kind != StepKind::kSource) return why;
        why.root.kind = RootCause::Kind::kSource;
        why.root.text = Join(it.reasons);
        return why;
      }
      id = *input;
    }
  }

  const Graph &before_, &after_;
  const SpecDiff& spec_;
  const std::string& path_;
  const SourceEdited& source_edited_;
  absl::flat_hash_map<absl::string_view, StepId> old_;  // by label
  std::map<std::string, ServiceRecord> old_services_;   // likewise
  Forecast forecast_;
  absl::flat_hash_set<std::string> paths_, folders_;  // that become others, as OnHost()
  absl::flat_hash_map<std::string, kplan::Blame> blames_;
};

}  // namespace

GraphDiff DiffGraphs(const Graph& before, const Graph& after, const SpecDiff& spec, const std::string& path,
                     const SourceEdited& source_edited) {
  return Differ(before, after, spec, path, source_edited).Go();
}

}  // namespace kplan
