// kplan prune: removes what earlier plans made and this one has not, after it has shown it.

#include "src/prune/prune.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/base/record.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/open_plan.h"
#include "src/cli/question.h"
#include "src/cli/terminal.h"
#include "src/host/run_lock.h"
#include "src/prune/retired.h"

namespace kplan {
namespace {

// What became of each item, by its key; nothing for those that were not tried.
using Outcomes = absl::flat_hash_map<std::string, absl::Status>;

std::string OneLine(absl::string_view text) { return Shown(absl::StrReplaceAll(text, {{"\n", " "}})); }

std::string Describe(const PruneItem& item) {
  const bool over_ssh = item.what.empty() && item.leftover.over_ssh();
  std::string what = over_ssh            ? "forget it"
                     : item.what.empty() ? "already gone"
                                         : absl::StrJoin(item.what, ", ");
  if (item.remove) return OneLine(what);
  std::string text = item.what.empty() ? "" : absl::StrCat(what, ": ");
  absl::StrAppend(&text, item.why);
  if (item.edited) absl::StrAppend(&text, "; --edited ", item.leftover.key, " removes it, too");
  return OneLine(text);
}

// "3 to remove, 1 stays"
std::string Summary(const std::vector<PruneItem>& items) {
  size_t remove = 0;
  for (const PruneItem& item : items) remove += item.remove;
  const size_t keep = items.size() - remove;
  std::string text = remove == 0 ? "nothing to remove" : absl::StrCat(remove, " to remove");
  if (keep > 0) absl::StrAppend(&text, ", ", keep, keep == 1 ? " stays" : " stay");
  return text;
}

// What has to be done on HOST, over ssh, and then here.
std::string ByHandText(const std::vector<PruneItem>& items, const std::string& host) {
  std::string out;
  for (const PruneItem& item : items) {
    if (item.leftover.host != host) continue;
    for (const std::string& command : item.by_hand) absl::StrAppend(&out, "    ", OneLine(command), "\n");
  }
  if (out.empty()) return out;
  return absl::StrCat("  by hand, on ", Shown(host), " as root:\n", out,
                      "  and then here:\n    kplan prune --forget ", Shown(host), "\n");
}

std::string ToText(const std::vector<PruneItem>& items) {
  std::vector<TableRow> rows;
  for (const PruneItem& item : items)
    rows.push_back({item.remove ? "remove" : "keep  ", Shown(item.leftover.key), Describe(item)});
  const std::vector<std::string> lines = TableLines(rows, 2);
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string& host = items[i].leftover.host;
    if (i == 0 || items[i - 1].leftover.host != host)
      absl::StrAppend(&out, host.empty() ? "leftovers.json" : Shown(host), "\n");
    out += lines[i];
    if (i + 1 == items.size() || items[i + 1].leftover.host != host) out += ByHandText(items, host);
  }
  return absl::StrCat(out, out.empty() ? "" : "\n", Summary(items), "\n");
}

std::string ToJson(const std::vector<PruneItem>& items, const Outcomes& outcomes) {
  Json remove = Json::array(), keep = Json::array();
  for (const PruneItem& item : items) {
    const Kind* kind = KindOf(item.leftover.made_by);
    Json entry = {{"key", item.leftover.key},
                  {"label", item.leftover.label},
                  {"host", item.leftover.host},
                  {"kind", kind == nullptr ? "" : std::string(kind->word)},
                  {"what", item.what}};
    if (item.remove) {
      auto outcome = outcomes.find(item.leftover.key);
      entry["removed"] = outcome != outcomes.end() && outcome->second.ok();
      if (outcome != outcomes.end() && !outcome->second.ok()) entry["error"] = outcome->second.message();
    } else {
      entry["why"] = item.why;
      entry["edited"] = item.edited;
      if (!item.by_hand.empty()) entry["by-hand"] = item.by_hand;
    }
    (item.remove ? remove : keep).push_back(std::move(entry));
  }
  return Json{{"remove", remove}, {"keep", keep}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int Run(const Graph& graph, const PruneOptions& prune, bool yes, bool json) {
  absl::StatusOr<RunLock> lock = RunLock::Exclusive("kplan prune");
  if (!lock.ok()) return Fail(lock.status().message());
  // Since the last look somebody may have been at work.
  if (absl::Status status = CheckThatGenHasRun(graph); !status.ok()) return Fail(status.message());
  if (absl::Status status = ReadLeftovers().status(); !status.ok()) return Fail(status.message());
  const std::vector<PruneItem> items = LookAtLeftovers(graph, prune);
  if (!json) PrintText(ToText(items));
  FlushOutput();

  int exit = kExitDone;
  Outcomes outcomes;
  if (std::any_of(items.begin(), items.end(), [](const PruneItem& item) { return item.remove; })) {
    exit = Ask({"remove them?", "nothing was removed", "removes them", yes, /*nobody=*/json});
    absl::Status status;
    if (exit == kExitDone) {
      status = Prune(graph, items, prune, [&](const PruneItem& item, const absl::Status& outcome) {
        outcomes[item.leftover.key] = outcome;
        if (!outcome.ok()) exit = Fail(absl::StrCat(item.leftover.key, ": ", outcome.message()));
      });
    }
    if (!status.ok()) exit = Fail(status.message());
    if (!json && exit == kExitDone) PrintText(absl::StrCat("removed ", outcomes.size(), "\n"));
  }
  if (json) PrintJson(ToJson(items, outcomes));
  return exit;
}

// The keys of CAs that were exchanged.
int RunRetired(bool yes, bool json) {
  absl::StatusOr<RunLock> lock = RunLock::Exclusive("kplan prune");
  if (!lock.ok()) return Fail(lock.status().message());
  absl::StatusOr<std::vector<std::string>> keys = RetiredKeys();
  if (!keys.ok()) return Fail(keys.status().message());
  if (!json) {
    for (const std::string& key : *keys) PrintText(absl::StrCat("remove  ", Shown(key), "\n"));
    PrintText(keys->empty() ? "no CA was retired\n"
                            : absl::StrCat("\n", Count(keys->size(), "key"), " to remove\n"));
  }
  FlushOutput();
  if (keys->empty()) {
    if (json) PrintJson(Json{{"removed", Json::array()}}.dump(2) + "\n");
    return kExitDone;
  }
  const int exit = Ask({"remove them?", "nothing was removed", "removes them", yes, /*nobody=*/json});
  if (exit != kExitDone) return exit;
  if (absl::Status status = RemoveRetiredKeys(*keys); !status.ok()) return Fail(status.message());
  if (json) {
    PrintJson(Json{{"removed", *keys}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    PrintText(absl::StrCat("removed ", keys->size(), "\n"));
  }
  return kExitDone;
}

}  // namespace

int PruneCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("prune", arguments)) return kExitUsage;
  PruneOptions prune;
  for (absl::string_view key : absl::StrSplit(options.Value("--edited"), ',', absl::SkipEmpty())) {
    prune.edited.insert(std::string(key));
  }
  for (absl::string_view key : absl::StrSplit(options.Value("--forget"), ',', absl::SkipEmpty())) {
    prune.forget.insert(std::string(key));
  }
  OpenPlan plan;
  const std::string spec = options.operands().empty() ? "" : options.operands()[0];
  if (int exit = OpenPlanIn(options.Value("-C"), spec, &plan); exit != kExitDone) return exit;
  // Before the lock, which would make .kplan in a folder that has none.
  if (absl::Status status = CheckThatGenHasRun(plan.graph()); !status.ok()) return Fail(status.message());
  if (options.Has("--retired")) return RunRetired(options.Has("--yes"), options.Has("--json"));
  return Run(plan.graph(), prune, options.Has("--yes"), options.Has("--json"));
}

}  // namespace kplan
