#include "src/prune/prune_decision.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/journal.h"
#include "src/base/natural_order.h"
#include "src/base/paths.h"
#include "src/host/host_file.h"
#include "src/host/service_marker.h"
#include "src/host/waiting_file.h"
#include "src/prune/leftover_check.h"
#include "src/prune/leftover_state.h"
#include "src/systemd/unit_name.h"

namespace kplan {
namespace {

// In which order the things of a host go, those below DIR after them.
int RankOf(const Leftover& leftover) {
  constexpr StepKind kOrder[] = {StepKind::kService, StepKind::kFile,   StepKind::kPair,
                                 StepKind::kDir,     StepKind::kVerify, StepKind::kRender,
                                 StepKind::kBundle,  StepKind::kCert,   StepKind::kCsr,
                                 StepKind::kKey,     StepKind::kUnpack, StepKind::kArchive};
  const Kind* kind = KindOf(leftover.made_by);
  if (kind == nullptr) return static_cast<int>(std::size(kOrder)) * 2;
  // What starts a service by itself is stopped before it.
  if (kind->kind == StepKind::kActivate) return -1;
  // What starts a service goes before what it is made of.
  if (absl::StartsWith(leftover.label, "unit/")) return 1;
  const auto* found = std::find(std::begin(kOrder), std::end(kOrder), kind->kind);
  return static_cast<int>(found - std::begin(kOrder)) * 2;
}

// Whether something of it may wait beside its place.
struct WaitsForService {
  bool operator()(const FileRecord& record) const { return record.waits_for.has_value(); }
  bool operator()(const UnitRecord& record) const { return record.waits_for.has_value(); }
  template <typename Other>
  bool operator()(const Other&) const {
    return false;
  }
};

// What removes a leftover on its host. The record is one that kplan wrote (WhyNotOurs), so its paths need no
// quoting.
std::vector<std::string> ByHand(const Leftover& leftover) {
  const auto* of_service = std::get_if<ServiceRecord>(&leftover.made_by);
  const bool systemd = of_service == nullptr || of_service->manager == "systemd";
  const bool waits = std::visit(WaitsForService(), leftover.made_by);
  std::vector<std::string> commands;
  for (const Holding& holding : HoldingsOf(leftover.made_by)) {
    const std::string path = PathFromHere(holding.root, holding.path);
    if (holding.kind == Holding::Kind::kHostFolder) {
      commands.push_back(absl::StrCat("rmdir ", path));  // what is in it is the user's
    } else if (holding.kind == Holding::Kind::kHostFile) {
      commands.push_back(absl::StrCat("rm -f ", path, waits ? absl::StrCat(" ", WaitingPath(path)) : ""));
    } else if (systemd) {
      commands.push_back(absl::StrCat("systemctl disable --now ", FullUnitName(holding.path)));
    } else {
      commands.push_back(absl::StrCat("start-stop-daemon --stop --retry 10 --remove-pidfile --pidfile ",
                                      PidFilePath(holding.root, holding.path)));
    }
  }
  if (absl::StartsWith(leftover.label, "unit/") && RootOf(leftover) == "/")
    commands.push_back("systemctl daemon-reload");
  return commands;
}

PruneItem ItemOverSsh(PruneItem item, const PruneOptions& options, Roots* roots) {
  const Leftover& leftover = item.leftover;
  const std::vector<Holding> holdings = HoldingsOf(leftover.made_by);
  if (options.forget.contains(leftover.key) || options.forget.contains(leftover.host)) {
    item.remove = true;
    return item;
  }
  const std::string host = SshHostOf(leftover.made_by);
  for (const Holding& holding : holdings) {
    const bool service = holding.kind == Holding::Kind::kService;
    item.what.push_back(service ? absl::StrCat("stop ", holding.path, " on ", host) : holding.Shown());
  }
  const std::string service = roots->NotYetRestarted(holdings[0]);
  if (holdings[0].kind == Holding::Kind::kHostFile && !service.empty()) {
    item.why = absl::StrCat(service, " may still use it; run ninja first");
    return item;
  }
  item.why = roots->IsHere(host) ? "root's, by hand" : "over ssh, by hand";
  item.by_hand = ByHand(leftover);
  return item;
}

// A certificate that is a CA's is kept, and then its key is a CA's key, whatever the profile was called.
void KeepKeysOfCas(std::vector<PruneItem>* items) {
  absl::flat_hash_set<std::string> of_cas;
  for (const PruneItem& item : *items) {
    const auto* certificate = std::get_if<CertRecord>(&item.leftover.made_by);
    if (certificate != nullptr && certificate->ca) of_cas.insert(certificate->key);
  }
  for (PruneItem& item : *items) {
    const auto* key = std::get_if<KeyRecord>(&item.leftover.made_by);
    if (key == nullptr || item.what.empty() || !of_cas.contains(key->path)) continue;
    item.remove = item.edited = false;
    item.why = "a CA's key is never removed";
  }
}

// What a service that stays may need stays, too.
void KeepWhatServicesNeed(std::vector<PruneItem>* items, Roots* roots) {
  std::map<std::string, std::string> kept;  // service by root
  for (const PruneItem& item : *items) {
    if (item.remove || !IsService(item.leftover)) continue;
    for (const Holding& holding : HoldingsOf(item.leftover.made_by))
      kept.emplace(roots->NameOf(holding), item.leftover.key);
  }
  for (PruneItem& item : *items) {
    if (!item.remove || item.what.empty()) continue;
    const Holding first = HoldingsOf(item.leftover.made_by)[0];
    auto found = first.on_host() ? kept.find(roots->NameOf(first)) : kept.end();
    if (found == kept.end()) continue;
    item.remove = false;
    item.why = absl::StrCat(found->second, " stays");
  }
}

}  // namespace

bool IsService(const Leftover& leftover) {
  return std::holds_alternative<ServiceRecord>(leftover.made_by) ||
         std::holds_alternative<ActivateRecord>(leftover.made_by);
}

std::string RootOf(const Leftover& leftover) {
  const std::vector<Holding> holdings = HoldingsOf(leftover.made_by);
  return holdings.empty() ? "" : holdings[0].root;
}

std::string Roots::NameOf(const Holding& holding) {
  return names_.Of({Holding::Kind::kHostFolder, holding.root, "", holding.host});
}

std::string Roots::NotYetRestarted(const Holding& holding) {
  if (!read_) {
    read_ = true;
    for (const Step& step : graph_.steps()) {
      if (step.kind != StepKind::kService && step.kind != StepKind::kRollout) continue;
      const JournalEntry entry = LastEntry(paths::Journal(graph_.shards()[step.shard].name), step.label);
      if (!entry.failed && entry.record == step.digest()) continue;
      for (const ServicePart& service : ServicesOf(graph_, step)) AddWaiting(service.record, step.label);
    }
  }
  auto found = waiting_.find(NameOf(holding));
  return found == waiting_.end() ? "" : found->second;
}

void Roots::AddWaiting(const ServiceRecord& service, const std::string& label) {
  waiting_.emplace(NameOf({Holding::Kind::kService, service.root, "", service.host}), label);
}

PruneItem ItemOf(const Leftover& leftover, const PruneOptions& options, Roots* roots) {
  PruneItem item;
  item.leftover = leftover;
  item.why = WhyNotOurs(leftover);
  if (!item.why.empty()) return item;
  if (leftover.over_ssh()) return ItemOverSsh(std::move(item), options, roots);
  absl::StatusOr<LeftoverState> state = LookAtLeftover(leftover);
  if (!state.ok()) {
    item.why = std::string(state.status().message());
    return item;
  }
  item.what = std::move(state->what);
  if (item.what.empty()) {
    item.remove = true;
    return item;
  }
  item.why = WhyKeptForGood(leftover);
  if (item.why.empty()) item.why = state->occupied;
  if (item.why.empty() && !state->edited.empty() && !options.edited.contains(leftover.key)) {
    item.why = state->edited;
    item.edited = true;
  }
  const Holding first = HoldingsOf(leftover.made_by)[0];
  if (item.why.empty() && first.kind == Holding::Kind::kHostFile) {
    const std::string service = roots->NotYetRestarted(first);
    if (!service.empty()) item.why = absl::StrCat(service, " may still use it; run ninja first");
  }
  item.remove = item.why.empty();
  return item;
}

std::vector<PruneItem> LookAtLeftovers(const Graph& graph, const PruneOptions& options) {
  Roots roots(graph);
  std::vector<Leftover> leftovers = FindLeftovers(graph);
  std::stable_sort(leftovers.begin(), leftovers.end(), [](const Leftover& a, const Leftover& b) {
    const bool a_shared = a.host == paths::kSharedShard, b_shared = b.host == paths::kSharedShard;
    if (a_shared != b_shared) return b_shared;
    return a.host != b.host ? NaturalLess(a.host, b.host) : RankOf(a) < RankOf(b);
  });
  std::vector<PruneItem> items;
  for (const Leftover& leftover : leftovers) items.push_back(ItemOf(leftover, options, &roots));
  KeepKeysOfCas(&items);
  KeepWhatServicesNeed(&items, &roots);
  return items;
}

}  // namespace kplan
