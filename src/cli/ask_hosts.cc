#include "src/cli/ask_hosts.h"

#include <stdlib.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/look/traversal.h"
#include "src/look/unasked.h"
#include "src/remote/plan_hosts.h"
#include "src/remote/spec_hosts.h"

namespace kplan {

Contact ContactOf(const Options& options, const Compiled& compiled) {
  const char* offline = getenv("KPLAN_OFFLINE");
  const std::string value = offline == nullptr ? "" : offline;
  Contact contact;
  contact.asks = !options.Has("--offline") && (value.empty() || value == "0");
  contact.every = absl::Seconds(compiled.cluster.contact_every);
  return contact;
}

HostSights AskHosts(const Graph& graph, const std::vector<Journal>& journals, const Contact& contact,
                    absl::Time now, Notes notes) {
  PlanHosts noted;
  if (notes == Notes::kKept) return VisitHosts(graph, journals, &noted, contact, now);
  std::map<std::string, HostRecord> records;
  for (const Step& step : graph.steps()) {
    if (step.kind != StepKind::kHost) continue;
    absl::StatusOr<HostRecord> record = FromText<HostRecord>(step.record);
    if (record.ok()) records.emplace(record->name, *std::move(record));
  }
  SpecHosts hosts(std::move(records));
  return VisitHosts(graph, journals, &hosts, contact, now, notes);
}

Look LookAt(const Graph& graph, const Contact& contact, absl::Time now, bool keyless) {
  std::vector<Journal> journals = ReadJournals(graph);
  Notes notes = keyless ? Notes::kElsewhere : NotesOf(graph, journals);
  Look look;
  look.sights = AskHosts(graph, journals, contact, now, notes);
  look.forecast = MakeForecast(graph, std::move(journals), look.sights, now, notes);
  return look;
}

void PrintSilent(const HostSights& sights) {
  for (const HostVisit& visit : sights.visits()) {
    if (visit.answer == HostVisit::Answer::kSilent) Fail(absl::StrCat(visit.host, ": ", visit.problem));
  }
}

// What ninja says last (look/unasked.h); no command of people.
int AskedCommand(const Arguments&) {
  absl::StatusOr<Unasked> unasked = ReadUnasked();
  if (!unasked.ok()) return Fail(unasked.status().message());
  if (!unasked->rest.empty()) PrintText(absl::StrCat(unasked->rest, "\n"));
  for (const Unasked::Host& host : unasked->silent) {
    Fail(absl::StrCat("how ", host.host, " is, is not known, for it does not answer: ", host.problem));
  }
  if (!unasked->silent.empty()) return kExitFailed;
  absl::Status status = MarkAsked();
  return status.ok() ? kExitDone : Fail(status.message());
}

}  // namespace kplan
