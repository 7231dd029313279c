#include "src/why/trials.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "src/lower/compile.h"

namespace kplan {
namespace {

// What reading and resolving a text costs on top of its steps, in steps.
constexpr int64_t kOverhead = 100;
// A small spec need not be tried more often than anybody would wait for.
constexpr int64_t kMostTrials = 1000;

uint64_t Prefix(absl::string_view hex_digest) {
  uint64_t prefix = 0;
  for (char c : hex_digest.substr(0, 16))
    prefix = prefix << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  return prefix;
}

}  // namespace

Trials::Trials(const std::string& path, const SpecDiff& diff, int64_t budget, int free)
    : path_(path), diff_(diff), budget_(budget), free_(free), edits_(diff.edits().size()) {}

bool Trials::Start(absl::Span<const std::string> labels, const Graph* old_graph, const Graph* new_graph) {
  names_.assign(labels.begin(), labels.end());
  auto compile = [&](const Graph* given, const std::string& text, Outcome* outcome, int64_t* steps) {
    std::optional<SpecFile> file;
    if (given == nullptr) {
      file = SpecFile::CompileText(path_, text);
      ++given_;
      if (file->compiled() == nullptr) return false;
      given = &file->compiled()->graph;
    }
    *outcome = OutcomeOf(*given);
    *steps = std::max<int64_t>(*steps, static_cast<int64_t>(given->steps().size()));
    return true;
  };
  int64_t steps = 0;
  Outcome before, after;
  if (!compile(old_graph, diff_.old_text(), &before, &steps) ||
      !compile(new_graph, diff_.new_text(), &after, &steps)) {
    return false;
  }
  std::vector<std::string> names;
  for (uint32_t i = 0; i < names_.size(); ++i) {
    if (before[i] == after[i]) continue;
    differing_.push_back(i);
    names.push_back(std::move(names_[i]));
    before_.push_back(before[i]);
    after_.push_back(after[i]);
  }
  names_ = std::move(names);
  allowed_ = std::max<int64_t>(free_, std::min(kMostTrials, budget_ / (steps + kOverhead)));
  return true;
}

Trials::Outcome Trials::OutcomeOf(const Graph& graph) const {
  const std::vector<Step>& steps = graph.steps();
  Outcome outcome(names_.size(), 0);
  absl::flat_hash_map<absl::string_view, const Step*> by_label;
  by_label.reserve(steps.size());
  for (const Step& step : steps) by_label.emplace(step.label, &step);
  for (size_t i = 0; i < names_.size(); ++i) {
    auto found = by_label.find(names_[i]);
    if (found != by_label.end()) outcome[i] = Prefix(found->second->digest());
  }
  return outcome;
}

const Trials::Outcome* Trials::Try(const EditSet& applied) {
  auto [found, fresh] = tried_.try_emplace(applied);
  if (!fresh) return found->second.get();
  size_t count = static_cast<size_t>(std::count(applied.begin(), applied.end(), true));
  if (count == 0 || count == edits_) {
    found->second = std::make_unique<Outcome>(count == 0 ? before_ : after_);
    return found->second.get();
  }
  ++compiled_;
  SpecFile file = SpecFile::CompileText(path_, diff_.Apply(applied));
  if (file.compiled() != nullptr)
    found->second = std::make_unique<Outcome>(OutcomeOf(file.compiled()->graph));
  return found->second.get();
}

}  // namespace kplan
