#include "src/look/forecast.h"

#include <utility>

#include "src/look/traversal.h"

namespace kplan {
namespace {

// Keeps what is said of every step.
class Foreteller : public TraversalSink {
 public:
  Foreteller(const Graph& graph, Forecast* forecast) : graph_(graph), forecast_(forecast) {}

  bool Wants(StepId, StampSeen) override { return true; }
  // A service is asked what it runs with whether or not somebody saw it change.
  bool Asks(StepId step, const StepSight& sight) override {
    return !sight.causes.empty() || RunsServicesHere(graph_.steps()[step]);
  }
  void Take(StepId step, const StepSight&, StepForecast forecast) override {
    forecast_->steps[step] = std::move(forecast);
  }

 private:
  const Graph& graph_;
  Forecast* const forecast_;
};

}  // namespace

const char* FateName(Fate fate) {
  switch (fate) {
    case Fate::kFresh:
      return "fresh";
    case Fate::kUnknown:
      return "unknown";
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
    case StepState::kUnknown:
      return "unknown";
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
  if (forecast.fate == Fate::kUnknown) return StepState::kUnknown;
  if (forecast.fate == Fate::kWait) return StepState::kWaiting;
  const JournalEntry* entry = EntryOf(graph, step);
  if (forecast.fate == Fate::kFail || (entry != nullptr && entry->failed)) return StepState::kFailed;
  return StepState::kStale;
}

Forecast MakeForecast(const Graph& graph, std::vector<Journal> journals, const HostSights& sights,
                      absl::Time now, Notes notes) {
  Forecast forecast;
  forecast.notes = notes;
  forecast.journals = std::move(journals);
  forecast.steps.resize(graph.steps().size());
  Foreteller sink(graph, &forecast);
  Traverse(graph, forecast.journals, sights, now, &sink, notes);
  return forecast;
}

Forecast MakeForecast(const Graph& graph, absl::Time now) {
  return MakeForecast(graph, ReadJournals(graph), HostSights(), now);
}

}  // namespace kplan
