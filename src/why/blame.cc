#include "src/why/blame.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "src/why/trials.h"

namespace kplan {
namespace {

// Trials that are made however large the spec is.
constexpr int kFreeTrials = 4;

using Outcome = Trials::Outcome;
// Indices into the outcomes.
using Labels = std::vector<uint32_t>;

size_t CountOf(const EditSet& set) { return static_cast<size_t>(std::count(set.begin(), set.end(), true)); }

std::vector<size_t> Members(const EditSet& set) {
  std::vector<size_t> members;
  for (size_t i = 0; i < set.size(); ++i) {
    if (set[i]) members.push_back(i);
  }
  return members;
}

EditSet With(EditSet set, size_t edit) {
  set[edit] = true;
  return set;
}

EditSet Without(EditSet set, size_t edit) {
  set[edit] = false;
  return set;
}

bool Meets(const EditSet& a, const EditSet& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] && b[i]) return true;
  }
  return false;
}

bool IsWithin(const EditSet& a, const EditSet& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] && !b[i]) return false;
  }
  return true;
}

// The search for the smallest set of edits that makes each label's record the new one. A trial tells it for
// all labels at once, so that labels go together until a trial tells them apart.
class Blamer {
 public:
  Blamer(const SpecDiff& diff, Trials* trials, std::vector<Blame>* result)
      : diff_(diff),
        trials_(*trials),
        result_(*result),
        all_(trials->edits(), true),
        alone_(trials->edits()),
        left_out_(trials->edits()) {}

  void Run() {
    Labels labels(trials_.differing().size());
    for (uint32_t i = 0; i < labels.size(); ++i) labels[i] = i;
    if (labels.empty() || all_.empty()) return;
    if (all_.size() == 1) {
      Settle(all_, labels);
    } else if (static_cast<int64_t>(all_.size()) <= trials_.allowed() * 2 / 3) {
      TryEachAlone(labels);
    } else {
      TryHalves(labels);
    }
  }

 private:
  using Groups = std::map<EditSet, Labels>;

  struct Trial {
    EditSet applied;
    const Outcome* outcome;
  };

  // Null also when the budget does not allow it.
  const Outcome* TryIfAfforded(const EditSet& applied) {
    return trials_.Affords(applied) ? trials_.Try(applied) : nullptr;
  }

  bool IsOld(const Outcome* outcome, uint32_t label) const {
    return outcome != nullptr && (*outcome)[label] == trials_.before()[label];
  }
  bool IsNew(const Outcome* outcome, uint32_t label) const {
    return outcome != nullptr && (*outcome)[label] == trials_.after()[label];
  }

  // Moves those of *LABELS that OUTCOME made new to the result.
  Labels TakeNew(const Outcome* outcome, Labels* labels) const {
    auto middle = std::stable_partition(labels->begin(), labels->end(),
                                        [&](uint32_t label) { return !IsNew(outcome, label); });
    Labels taken(middle, labels->end());
    labels->erase(middle, labels->end());
    return taken;
  }

  void Settle(const EditSet& edits, const Labels& labels) {
    if (labels.empty()) return;
    auto found = blames_.find(edits);
    if (found == blames_.end()) {
      found = blames_.emplace(edits, std::make_shared<const std::vector<size_t>>(Members(edits))).first;
    }
    for (uint32_t label : labels) result_[trials_.differing()[label]] = Blame(found->second);
  }

  // Few edits: each alone.
  void TryEachAlone(const Labels& labels) {
    for (size_t e = 0; e < all_.size(); ++e) alone_[e] = TryIfAfforded(With(EditSet(all_.size()), e));
    Groups enough, touching;
    for (uint32_t label : labels) {
      EditSet makes_new(all_.size()), changes(all_.size());
      for (size_t e = 0; e < all_.size(); ++e) {
        makes_new[e] = IsNew(alone_[e], label);
        changes[e] = alone_[e] != nullptr && !IsOld(alone_[e], label);
      }
      bool one_is_enough = CountOf(makes_new) > 0;
      (one_is_enough ? enough[makes_new] : touching[changes]).push_back(label);
    }
    for (const auto& [edits, group] : enough) Settle(edits, group);
    Labels open;
    for (auto& [edits, group] : touching) {
      if (CountOf(edits) > 1) {
        // Each of two is needed: neither was enough alone.
        Labels made = TakeNew(TryIfAfforded(edits), &group);
        if (CountOf(edits) == 2) {
          Settle(edits, made);
        } else {
          Minimise(edits, std::move(made));
        }
      }
      open.insert(open.end(), group.begin(), group.end());
    }
    std::sort(open.begin(), open.end());
    if (!open.empty()) LeaveEachOut(open);
  }

  // For labels whose new record takes several edits, of which some do not compile alone, or do nothing.
  void LeaveEachOut(const Labels& labels) {
    for (size_t e = 0; e < all_.size(); ++e) left_out_[e] = TryIfAfforded(Without(all_, e));
    Groups groups;
    for (uint32_t label : labels) {
      EditSet matter(all_.size());
      for (size_t e = 0; e < all_.size(); ++e) {
        bool changes = alone_[e] != nullptr && !IsOld(alone_[e], label);
        bool needed = left_out_[e] != nullptr && !IsNew(left_out_[e], label);
        bool unknown = alone_[e] == nullptr && left_out_[e] == nullptr;
        matter[e] = changes || needed || unknown;
      }
      groups[matter].push_back(label);
    }
    for (auto& [edits, group] : groups) {
      Minimise(edits, TakeNew(TryIfAfforded(edits), &group));
      Minimise(all_, std::move(group));
    }
  }

  // Many edits: numbered in binary, those with a bit set and those without it, for each bit. A label that one
  // edit made is new exactly with those halves that this edit is in.
  void TryHalves(const Labels& labels) {
    std::vector<Trial> trials;
    bool told_apart = true;
    size_t bits = 0;
    while (size_t{1} << bits < all_.size()) ++bits;
    for (size_t bit = bits; bit-- > 0;) {
      EditSet ones(all_.size()), zeros(all_.size());
      for (size_t e = 0; e < all_.size(); ++e) (e >> bit & 1 ? ones : zeros)[e] = true;
      if (!trials_.Affords(2)) told_apart = false;
      for (EditSet& half : std::vector<EditSet>{ones, zeros}) {
        const Outcome* outcome = TryIfAfforded(half);
        if (outcome == nullptr) told_apart = false;
        if (outcome != nullptr) trials.push_back({std::move(half), outcome});
      }
    }
    absl::flat_hash_map<std::string, size_t> seen;
    std::vector<Labels> groups;  // by what all trials said
    for (uint32_t label : labels) {
      std::string said;
      for (const Trial& trial : trials) {
        said += IsOld(trial.outcome, label) ? 'o' : IsNew(trial.outcome, label) ? 'n' : '?';
      }
      auto [found, fresh] = seen.try_emplace(said, groups.size());
      if (fresh) groups.emplace_back();
      groups[found->second].push_back(label);
    }
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Labels& a, const Labels& b) { return a.size() > b.size(); });
    for (Labels& group : groups) {
      EditSet suspects = Suspects(trials, group[0]);
      size_t count = CountOf(suspects);
      if (count == 1 && told_apart) {
        Settle(suspects, group);
        continue;
      }
      if (count > 0) {
        const Outcome* outcome = TryIfAfforded(suspects);
        Minimise(suspects, TakeNew(outcome, &group));
        if (outcome == nullptr) {
          Settle(suspects,
                 group);  // beyond the budget, or it needs others to compile: nothing speaks against it
          continue;
        }
      }
      Minimise(Enough(trials, group), std::move(group));
    }
  }

  // The edits that are in every set that made LABEL new, and in none that left it old; nothing when those do
  // not explain all that was seen.
  EditSet Suspects(const std::vector<Trial>& trials, uint32_t label) const {
    EditSet suspects = all_;
    for (const Trial& trial : trials) {
      bool is_old = IsOld(trial.outcome, label), is_new = IsNew(trial.outcome, label);
      for (size_t e = 0; e < all_.size(); ++e) {
        if (trial.applied[e] ? is_old : is_new) suspects[e] = false;
      }
    }
    bool explain = std::all_of(trials.begin(), trials.end(), [&](const Trial& trial) {
      if (!Meets(suspects, trial.applied)) return IsOld(trial.outcome, label);
      return !IsWithin(suspects, trial.applied) || IsNew(trial.outcome, label);
    });
    return explain ? suspects : EditSet(all_.size());
  }

  // The smallest set seen that made all of GROUP new.
  EditSet Enough(const std::vector<Trial>& trials, const Labels& group) const {
    EditSet enough = all_;
    for (const Trial& trial : trials) {
      bool makes_new = std::all_of(group.begin(), group.end(),
                                   [&](uint32_t label) { return IsNew(trial.outcome, label); });
      if (makes_new && CountOf(trial.applied) < CountOf(enough)) enough = trial.applied;
    }
    return enough;
  }

  // EDITS make LABELS new; takes away what can be missed (Zeller's ddmin, by complements), large pieces
  // first, and settles the rest.
  void Minimise(const EditSet& edits, Labels labels) {
    struct State {
      EditSet edits;
      Labels labels;
      std::vector<std::vector<size_t>> pieces;  // still to be taken away, the last one first
      bool again;  // something was taken away since a piece could not be for want of a text that compiles
    };
    std::vector<State> states;
    states.push_back({edits, std::move(labels), Pieces(edits), false});
    while (!states.empty()) {
      State state = std::move(states.back());
      states.pop_back();
      bool stuck = false;
      while (!state.labels.empty() && !state.pieces.empty()) {
        std::vector<size_t> piece = std::move(state.pieces.back());
        state.pieces.pop_back();
        EditSet rest = state.edits;
        for (size_t e : piece) rest[e] = false;
        const Outcome* outcome = nullptr;
        if (CountOf(rest) > 0) {
          if (!trials_.Affords(rest)) break;
          outcome = trials_.Try(rest);
          stuck = stuck || outcome == nullptr;
        }
        Labels made = TakeNew(outcome, &state.labels);
        if (!made.empty()) states.push_back({rest, std::move(made), state.pieces, state.again || stuck});
        Split(piece, &state.pieces);
      }
      if (state.labels.empty()) continue;
      if (state.again && trials_.Affords(1)) {
        states.push_back({state.edits, std::move(state.labels), Pieces(state.edits), false});
        continue;
      }
      SettleWhatMatters(state.edits, state.labels);
    }
  }

  // The edits at or below each top-level key, the last first: taken from the end, they come in the order of
  // the file.
  std::vector<std::vector<size_t>> Pieces(const EditSet& edits) const {
    std::map<int, std::vector<size_t>> by_key;
    for (size_t e : Members(edits)) by_key[diff_.TopLevelKey(e)].push_back(e);
    std::vector<std::vector<size_t>> pieces;
    for (auto key = by_key.rbegin(); key != by_key.rend(); ++key) pieces.push_back(std::move(key->second));
    return pieces;
  }

  // PIECE could not be taken away whole: in parts then.
  static void Split(const std::vector<size_t>& piece, std::vector<std::vector<size_t>>* pieces) {
    if (piece.size() < 2) return;
    size_t parts = piece.size() <= 4 ? piece.size() : 2;
    for (size_t part = parts; part-- > 0;) {
      pieces->emplace_back(piece.begin() + piece.size() * part / parts,
                           piece.begin() + piece.size() * (part + 1) / parts);
    }
  }

  // EDITS make LABELS new, and nothing less that compiles does. What is there only so that the others compile
  // has its place in another label's story.
  void SettleWhatMatters(const EditSet& edits, const Labels& labels) {
    if (CountOf(edits) < 2) return Settle(edits, labels);
    std::vector<const Outcome*> without(all_.size()), with(all_.size());
    EditSet proven(all_.size());
    for (size_t e : Members(edits)) {
      EditSet rest = Without(edits, e);
      proven[e] = trials_.Tried(rest) && trials_.Try(rest) != nullptr;
      if (!proven[e]) FindContext(e, edits, &without[e], &with[e]);
    }
    Groups groups;
    for (uint32_t label : labels) {
      EditSet matter = edits;
      for (size_t e : Members(edits)) {
        if (proven[e] || with[e] == nullptr) continue;
        if ((*with[e])[label] == (*without[e])[label]) matter[e] = false;
      }
      groups[CountOf(matter) > 0 ? matter : edits].push_back(label);
    }
    for (const auto& [matter, group] : groups) Settle(matter, group);
  }

  // Two texts that compile and differ in EDIT alone: the old one, the new one, or one with some other of
  // EDITS.
  void FindContext(size_t edit, const EditSet& edits, const Outcome** without, const Outcome** with) {
    auto is_one = [&](const EditSet& base) {
      *without = TryIfAfforded(base);
      *with = *without == nullptr ? nullptr : TryIfAfforded(With(base, edit));
      return *with != nullptr;
    };
    if (is_one(EditSet(all_.size())) || is_one(Without(all_, edit))) return;
    for (size_t other : Members(edits)) {
      if (other == edit) continue;
      if (is_one(With(EditSet(all_.size()), other)) || is_one(Without(Without(all_, edit), other))) return;
    }
  }

  const SpecDiff& diff_;
  Trials& trials_;
  std::vector<Blame>& result_;
  const EditSet all_;
  std::vector<const Outcome*> alone_, left_out_;  // by edit; null: it does not compile, or was not tried
  std::map<EditSet, std::shared_ptr<const std::vector<size_t>>> blames_;
};

std::vector<Blame> BlameAll(size_t edits, size_t labels) {
  auto all = std::make_shared<std::vector<size_t>>(edits);
  for (size_t i = 0; i < edits; ++i) (*all)[i] = i;
  return std::vector<Blame>(labels, Blame(std::move(all)));
}

}  // namespace

const std::vector<size_t>& Blame::None() {
  static const auto* none = new std::vector<size_t>();
  return *none;
}

std::vector<Blame> BlameEdits(const std::string& path, const SpecDiff& diff,
                              absl::Span<const std::string> labels, const BlameOptions& options,
                              int* compiled) {
  std::vector<Blame> result(labels.size());
  Trials trials(path, diff, options.budget, kFreeTrials);
  if (diff.edits().empty()) {
    // Nothing to tell apart.
  } else if (!trials.Start(labels, options.old_graph, options.new_graph)) {
    result = BlameAll(diff.edits().size(), labels.size());
  } else {
    Blamer(diff, &trials, &result).Run();
  }
  if (compiled != nullptr) *compiled = trials.compiled();
  return result;
}

std::vector<Blame> BlameEdits(const std::string& path, const std::string& old_text,
                              const std::string& new_text, const std::vector<SpecEdit>& edits,
                              absl::Span<const std::string> labels) {
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(old_text, new_text);
  if (!diff.ok() || diff->edits().size() != edits.size()) return BlameAll(edits.size(), labels.size());
  return BlameEdits(path, *diff, labels);
}

}  // namespace kplan
