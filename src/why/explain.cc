#include "src/why/explain.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/diagnostic.h"
#include "src/base/edited_words.h"
#include "src/base/source.h"
#include "src/look/step_record.h"
#include "src/spec/yaml_path.h"
#include "src/spec/yaml_tree.h"
#include "src/step/file_records.h"

namespace kplan {

// The texts of cluster.yaml that are known, newest first, each compiled when it is asked for.
class Explainer::Versions {
 public:
  // GRAPH is that of TEXT.
  Versions(const SpecHistory& history, std::string path, std::string text, const Graph& graph)
      : path_(std::move(path)) {
    versions_.emplace_back(std::move(text), std::numeric_limits<int64_t>::max());
    versions_[0].graph = &graph;
    for (const SpecVersion& version : history.versions()) {
      if (version.text != versions_.back().text) versions_.emplace_back(version.text, version.at);
    }
  }

  // The first version from FROM on in which LABEL has DIGEST ("": in which there is no LABEL); -1: none.
  int Find(const std::string& label, absl::string_view digest, size_t from) {
    for (size_t i = from; i < versions_.size(); ++i) {
      const Version& version = Compile(i);
      if (version.graph == nullptr) continue;  // it does not compile with this kplan
      auto found = version.digests.find(label);
      const bool there = found != version.digests.end();
      if (digest.empty() ? !there : there && found->second == digest) return static_cast<int>(i);
    }
    return -1;
  }

  // The newest version without LABEL that `gen` went by after the moment AT (Unix milliseconds): LABEL was
  // taken out, and came back. -1: none.
  int AbsentAfter(const std::string& label, int64_t at) {
    for (size_t i = 1; i < versions_.size() && versions_[i].at > at; ++i) {
      const Version& version = Compile(i);
      if (version.graph != nullptr && !version.digests.contains(label)) return static_cast<int>(i);
    }
    return -1;
  }

  // The edits from version OLDER to version NEWER to blame for LABEL.
  std::vector<SpecEdit> Blamed(int older, int newer, const std::string& label) {
    auto known = comparisons_[{older, newer}].blames.find(label);
    if (known == comparisons_[{older, newer}].blames.end()) BlameAll(older, newer, {label});
    const Comparison& comparison = comparisons_[{older, newer}];
    std::vector<SpecEdit> edits;
    if (!comparison.diff.has_value()) return edits;
    for (size_t i : comparison.blames.at(label)) edits.push_back(comparison.diff->edits()[i]);
    return edits;
  }

  void BlameAll(int older, int newer, const std::vector<std::string>& labels) {
    Comparison& comparison = comparisons_[{older, newer}];
    if (!comparison.diff.has_value()) {
      // Both compile, so both are trees.
      absl::StatusOr<SpecDiff> diff = SpecDiff::Between(versions_[older].text, versions_[newer].text);
      if (!diff.ok()) return;
      comparison.diff = *std::move(diff);
    }
    BlameOptions options;
    options.old_graph = Compile(older).graph;
    options.new_graph = Compile(newer).graph;
    std::vector<Blame> blames = BlameEdits(path_, *comparison.diff, labels, options);
    for (size_t i = 0; i < labels.size(); ++i) comparison.blames[labels[i]] = std::move(blames[i]);
  }

  // The entry of the newest text whose key stands at KEY, and its line.
  std::pair<std::string, int> PlaceOf(Range key) {
    if (source_ == nullptr) {
      source_ = std::make_unique<SourceFile>(path_, versions_[0].text);
      Diagnostics diagnostics(source_.get());
      tree_.Parse(&diagnostics);
    }
    // Both read through the text, and thousands of hosts are made for a few keys.
    auto [known, is_new] = places_.try_emplace({key.begin, key.end});
    if (is_new)
      known->second = {PathOfKey(tree_.root(), key), key.known() ? source_->PositionOf(key.begin).line : 0};
    return known->second;
  }

 private:
  struct Version {
    Version(std::string text, int64_t at) : text(std::move(text)), at(at) {}

    std::string text;
    int64_t at;  // when `gen` first went by it
    bool compiled = false;
    std::optional<SpecFile> file;                                       // of an older one
    const Graph* graph = nullptr;                                       // null: it does not compile
    absl::flat_hash_map<absl::string_view, absl::string_view> digests;  // of the records, by label
  };
  struct Comparison {
    std::optional<SpecDiff> diff;
    absl::flat_hash_map<std::string, Blame> blames;
  };

  const Version& Compile(size_t i) {
    Version& version = versions_[i];
    if (version.compiled) return version;
    version.compiled = true;
    if (i > 0) {
      version.file = SpecFile::CompileText(path_, version.text);
      if (version.file->compiled() == nullptr) return version;
      version.graph = &version.file->compiled()->graph;
    }
    version.digests.reserve(version.graph->steps().size());
    for (const Step& step : version.graph->steps()) version.digests.emplace(step.label, step.digest());
    return version;
  }

  std::string path_;
  std::deque<Version> versions_;
  std::map<std::pair<int, int>, Comparison> comparisons_;
  std::unique_ptr<SourceFile> source_;
  YamlTree tree_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, std::pair<std::string, int>> places_;
};

namespace {

// Which of a step's causes its chain goes by: one that leads to an edit before one that was found, and an
// input that changes now before one that has changed.
const Cause* MainCause(const Forecast& forecast, StepId id) {
  const StepForecast& step = forecast.steps[id];
  const Cause* changed = nullptr;
  for (Cause::Kind kind :
       {Cause::Kind::kSpec, Cause::Kind::kFirst, Cause::Kind::kInput, Cause::Kind::kAsked, Cause::Kind::kTime,
        Cause::Kind::kDrift, Cause::Kind::kFailed, Cause::Kind::kStamp}) {
    for (const Cause& cause : step.causes) {
      if (cause.kind != kind) continue;
      if (kind != Cause::Kind::kInput || forecast.steps[cause.input].changes_digest) return &cause;
      if (changed == nullptr) changed = &cause;
    }
    if (changed != nullptr) return changed;
  }
  return nullptr;
}

RootCause UnknownRecord() {
  RootCause root;
  root.kind = RootCause::Kind::kProgram;
  root.text = "the cluster.yaml of that time is not known any more, or kplan was another one";
  return root;
}

}  // namespace

const char* RootName(RootCause::Kind kind) {
  switch (kind) {
    case RootCause::Kind::kNone:
      return "none";
    case RootCause::Kind::kEdit:
      return "edit";
    case RootCause::Kind::kFirst:
      return "first";
    case RootCause::Kind::kProgram:
      return "program";
    case RootCause::Kind::kDrift:
      return "drift";
    case RootCause::Kind::kSource:
      return "source";
    case RootCause::Kind::kTime:
      return "time";
    case RootCause::Kind::kFailed:
      return "failed";
    case RootCause::Kind::kStamp:
      return "stamp";
    case RootCause::Kind::kAsked:
      return "asked";
  }
  return "";
}

// How many characters are shown of what something was, and of what it will be: with "[Service] ExecStart"
// before them both fit the line that Brief() leaves.
constexpr size_t kMostOfASide = 24;

std::string WhatChanges(const StepForecast& step) {
  return step.failure.empty() ? WhatChanges(step.reasons, step.changes) : step.failure;
}

std::string WhatChanges(const std::vector<Reason>& reasons, const std::vector<Change>& changes) {
  std::vector<std::string> parts;
  for (const Change& change : changes) {
    if (change.from.empty()) {
      parts.push_back(absl::StrCat(change.what, " + ", change.to));
    } else if (change.to.empty()) {
      parts.push_back(absl::StrCat(change.what, " - ", change.from));
    } else {
      // Of what is long the edit has to be in sight, on a line with what it is about.
      const EditedWords words = ShowEditedWords(change.from, change.to, kMostOfASide);
      parts.push_back(absl::StrCat(change.what, " ", words.from, " -> ", words.to));
    }
  }
  return parts.empty() ? Join(reasons) : absl::StrJoin(parts, ", ");
}

Explainer::Explainer(const Graph& graph, const Forecast& forecast, const SpecHistory& history,
                     std::string path, std::string text)
    : graph_(graph),
      forecast_(forecast),
      versions_(std::make_unique<Versions>(history, std::move(path), std::move(text), graph)) {}

Explainer::~Explainer() = default;

RootCause Explainer::FirstRoot(StepId step) {
  RootCause root;
  root.kind = RootCause::Kind::kFirst;
  std::tie(root.path, root.line) = versions_->PlaceOf(graph_.steps()[step].made_for);
  return root;
}

RootCause Explainer::SourceRoot(StepId step) {
  RootCause root = FirstRoot(step);
  root.kind = RootCause::Kind::kSource;
  root.text = absl::StrCat(RecordOf<SourceRecord>(graph_.steps()[step]).path, " was edited");
  return root;
}

RootCause Explainer::SpecRoot(StepId step, const std::string& record_before, const std::string& record_now) {
  const std::string& label = graph_.steps()[step].label;
  const int newer = versions_->Find(label, record_now, 0);
  const int older = newer < 0 ? -1 : versions_->Find(label, record_before, newer + 1);
  RootCause root;
  if (older >= 0) root.edits = versions_->Blamed(older, newer, label);
  if (!root.edits.empty()) {
    root.kind = RootCause::Kind::kEdit;
    return root;
  }
  return record_before.empty() ? FirstRoot(step) : UnknownRecord();
}

int Explainer::OlderVersionOf(StepId step) {
  const Cause* cause = MainCause(forecast_, step);
  if (cause == nullptr) return -1;
  const std::string& label = graph_.steps()[step].label;
  const JournalEntry* entry = forecast_.EntryOf(graph_, step);
  if (entry == nullptr) return cause->kind == Cause::Kind::kFirst ? versions_->Find(label, "", 1) : -1;
  // What is made from something that changes now is there for that, whether or not it was taken out and came
  // back before.
  const bool input_changes =
      cause->kind == Cause::Kind::kInput && forecast_.steps[cause->input].changes_digest;
  const int absent = input_changes ? -1 : versions_->AbsentAfter(label, entry->at);
  if (absent >= 0) return absent;
  return cause->kind == Cause::Kind::kSpec ? versions_->Find(label, entry->record, 1) : -1;
}

void Explainer::PrepareAll() {
  std::map<int, std::vector<std::string>> labels;  // by the older version
  for (StepId id = 0; id < graph_.steps().size(); ++id) {
    const int older = OlderVersionOf(id);
    if (older >= 0) labels[older].push_back(graph_.steps()[id].label);
  }
  for (const auto& [older, of_it] : labels) versions_->BlameAll(older, 0, of_it);
}

Why Explainer::WhyNext(StepId step) {
  Why why;
  for (;;) {
    const StepForecast& forecast = forecast_.steps[step];
    why.links.push_back({step, WhatChanges(forecast)});
    const Cause* cause = MainCause(forecast_, step);
    if (cause == nullptr) return why;
    const int older = OlderVersionOf(step);
    if (older >= 0) why.root.edits = versions_->Blamed(older, 0, graph_.steps()[step].label);
    if (!why.root.edits.empty()) {
      why.root.kind = RootCause::Kind::kEdit;
      return why;
    }
    const JournalEntry* entry = forecast_.EntryOf(graph_, step);
    switch (cause->kind) {
      case Cause::Kind::kSpec:
        why.root = UnknownRecord();
        return why;
      case Cause::Kind::kFirst:
        why.root = FirstRoot(step);
        return why;
      case Cause::Kind::kInput: {
        if (forecast_.steps[cause->input].changes_digest) {
          step = cause->input;
          continue;
        }
        // It has changed already, in a run that did not come as far as this step.
        Why before = WhyLast(cause->input);
        why.links.insert(why.links.end(), before.links.begin(), before.links.end());
        why.root = std::move(before.root);
        return why;
      }
      case Cause::Kind::kTime:
        why.root.kind = RootCause::Kind::kTime;
        why.root.text = Join(forecast.reasons);
        return why;
      case Cause::Kind::kDrift:
        if (graph_.steps()[step].kind == StepKind::kSource) {
          why.root = SourceRoot(step);
          return why;
        }
        why.root.kind = RootCause::Kind::kDrift;
        why.root.text = !forecast.reasons.empty()   ? Join(forecast.reasons)
                        : !forecast.failure.empty() ? forecast.failure
                                                    : "touched since, and right all the same";
        return why;
      case Cause::Kind::kFailed:
        why.root.kind = RootCause::Kind::kFailed;
        why.root.text = entry == nullptr ? "" : entry->reason;
        return why;
      case Cause::Kind::kStamp:
        why.root.kind = RootCause::Kind::kStamp;
        return why;
      case Cause::Kind::kAsked:
        why.root = FirstRoot(step);
        why.root.kind = RootCause::Kind::kAsked;
        return why;
    }
  }
}

Why Explainer::WhyLast(StepId step) {
  Why why;
  for (;;) {
    const JournalEntry* entry = forecast_.EntryOf(graph_, step);
    if (entry == nullptr || entry->made_at == 0) {
      why.links.push_back({step, ""});
      return why;
    }
    why.links.push_back({step, entry->made_reason});
    if (entry->made_record_before != entry->made_record) {
      why.root = SpecRoot(step, entry->made_record_before, entry->made_record);
      return why;
    }
    // An input that was made between the run before and this one.
    std::optional<StepId> made;
    for (StepId input : graph_.steps()[step].inputs) {
      const JournalEntry* other = forecast_.EntryOf(graph_, input);
      if (other == nullptr || other->made_at <= entry->made_at_before || other->made_at > entry->made_at)
        continue;
      if (!made.has_value()) made = input;
    }
    if (!made.has_value() && graph_.steps()[step].kind == StepKind::kSource) {
      why.root = SourceRoot(step);
      return why;
    }
    if (!made.has_value()) {
      why.root.kind = RootCause::Kind::kDrift;
      why.root.text = entry->made_reason;
      return why;
    }
    step = *made;
  }
}

}  // namespace kplan
