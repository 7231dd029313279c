// kplan certs: every certificate of a cluster, and how long it will do. For people, and for cron and
// monitoring.

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/days.h"
#include "src/base/files.h"
#include "src/base/record.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/look/traversal.h"
#include "src/lower/compile.h"
#include "src/pki/certificate.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/verifier_objections.h"
#include "src/step/any_record.h"
#include "src/steps/pki/certificate_state.h"

namespace kplan {
namespace {

// So many names are shown on a line; --json has all.
constexpr size_t kNamesShown = 3;

struct Row {
  std::string label, file;
  std::vector<std::string> names;  // SANs; of a CA its subject
  std::string issuer;              // subject of the signer
  std::optional<int64_t> not_after;
  std::string state;                  // "good", or why it needs attention: "missing", "expires soon, on ..."
  std::vector<std::string> reasons;   // their names, for programs: "missing", "expires-soon"
  std::vector<Objection> objections;  // of a CA: what verifiers have against it, whoever made it

  bool good() const { return state == "good"; }
};

Row LookAtRow(const Graph& graph, const Watch& watch, absl::Time now) {
  Row row;
  row.label = graph.steps()[watch.step].label;
  row.file = watch.path;
  std::vector<Reason> reasons = CertificateState(ReadAnyRecord(graph.steps()[watch.step].record), now);
  for (const Reason& reason : reasons) {
    absl::StrAppend(&row.state, row.state.empty() ? "" : "; ", reason.text);
    row.reasons.emplace_back(reason.name);
  }
  if (row.state.empty()) row.state = "good";
  absl::StatusOr<Certificate> certificate = Certificate::Read(watch.path);
  if (!certificate.ok()) return row;
  for (const auto& [kind, value] : certificate->sans) row.names.push_back(value);
  if (row.names.empty()) row.names.push_back(NameText(certificate->subject.get()));
  row.issuer = NameText(certificate->issuer.get());
  row.not_after = certificate->not_after;
  if (certificate->is_ca) row.objections = ObjectionsTo(*certificate);
  return row;
}

// Adds to the certificates what of them is not on the host of VISIT as it was put there.
void AddDrifts(const Graph& graph, const HostVisit& visit, const absl::flat_hash_map<StepId, size_t>& row_of,
               std::vector<Row>* rows) {
  for (const Drift& drift : visit.drifts) {
    for (StepId input : graph.steps()[drift.step].inputs) {
      auto found = row_of.find(input);
      if (found == row_of.end()) continue;
      Row& row = (*rows)[found->second];
      if (row.good()) row.state.clear();
      absl::StrAppend(&row.state, row.state.empty() ? "" : "; ", "on ", visit.host, ": ", drift.Text());
      row.reasons.emplace_back("host");
    }
  }
}

std::string ToJson(const std::vector<Row>& rows, absl::Time now) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json entry = {{"label", row.label}, {"file", row.file},   {"names", row.names},    {"issuer", row.issuer},
                  {"state", row.state}, {"good", row.good()}, {"reasons", row.reasons}};
    if (row.not_after) {
      entry["not-after"] =
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(*row.not_after), absl::UTCTimeZone());
      entry["days-left"] = DaysLeft(*row.not_after, now);
    }
    for (const Objection& objection : row.objections) {
      entry["refused"].push_back({{"property", std::string(objection.property)},
                                  {"what", objection.what},
                                  {"by", std::string(objection.who)}});
    }
    list.push_back(std::move(entry));
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Names come out of files: what would disturb a terminal is escaped.
std::string ShortList(const std::vector<std::string>& names) {
  std::vector<std::string> first(names.begin(), names.begin() + std::min(names.size(), kNamesShown));
  std::string text = absl::StrJoin(first, ", ");
  if (names.size() > kNamesShown) absl::StrAppend(&text, ", and ", names.size() - kNamesShown, " more");
  return Brief(text);
}

std::string ToTable(const std::vector<Row>& rows, absl::Time now) {
  std::vector<TableRow> table = {{"LABEL", "FILE", "DAYS LEFT", "STATE", "ISSUER", "NAMES"}};
  for (const Row& row : rows) {
    table.push_back({row.label, row.file, row.not_after ? absl::StrCat(DaysLeft(*row.not_after, now)) : "-",
                     Brief(row.state), row.issuer.empty() ? "-" : Brief(row.issuer),
                     row.names.empty() ? "-" : ShortList(row.names)});
  }
  std::string text = TableText(table);
  for (const Row& row : rows) {
    if (row.objections.empty()) continue;
    absl::StrAppend(&text, row.label, ": ", ObjectionsText(row.objections), "\n");
  }
  return text;
}

}  // namespace

int CertsCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("certs", arguments)) return kExitUsage;
  absl::StatusOr<SpecFile> file = SpecFile::Compile(SpecOf(options));
  if (!file.ok()) return Fail(file.status().message());
  const Compiled* compiled = file->compiled();
  if (compiled == nullptr) {
    Print(file->diagnostics());
    return kExitBadSpec;
  }
  std::string folder = options.Value("-C");
  if (absl::Status status = folder.empty() ? absl::OkStatus() : EnterFolder(folder); !status.ok())
    return Fail(status.message());
  absl::Time now = absl::Now();
  std::vector<Row> rows;
  absl::flat_hash_map<StepId, size_t> row_of;
  for (const Watch& watch : compiled->graph.watches()) {
    if (watch.kind != Watch::Kind::kCertificate) continue;
    row_of.emplace(watch.step, rows.size());
    rows.push_back(LookAtRow(compiled->graph, watch, now));
  }
  const HostSights sights =
      AskHosts(compiled->graph, ReadJournals(compiled->graph), ContactOf(options, *compiled), now);
  for (const HostVisit& visit : sights.visits()) AddDrifts(compiled->graph, visit, row_of, &rows);
  if (options.Has("--json")) {
    PrintJson(ToJson(rows, now));
  } else {
    const std::string unasked = sights.SummaryOfOthers();
    PrintText(absl::StrCat(ToTable(rows, now), unasked, unasked.empty() ? "" : "\n"));
  }
  PrintSilent(sights);
  if (sights.any_silent()) return kExitTrouble;
  bool good = std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.good(); });
  return good ? kExitDone : kExitChanges;
}

}  // namespace kplan
