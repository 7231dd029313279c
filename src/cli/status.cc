// kplan status: how everything stands now. It changes nothing.

#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/paths.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/open_plan.h"
#include "src/cli/terminal.h"
#include "src/host/change_waiter.h"
#include "src/host/service_marker.h"
#include "src/prune/leftovers.h"
#include "src/show/status_view.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

constexpr char kSeparator[] = "----\n";

struct Form {
  bool json = false, compact = false;
  Contact contact;
  StatusStyle style;
};

struct Told {
  std::string text;
  StatusReport report;
};

Told LookAtAll(const Graph& graph, const Form& form) {
  const absl::Time now = absl::Now();
  const Look look = LookAt(graph, form.contact, now);
  const Forecast& forecast = look.forecast;
  std::vector<std::string> leftovers;
  for (const Leftover& leftover : FindLeftovers(graph)) leftovers.push_back(leftover.key);
  Told shown;
  shown.report = MakeStatusReport(graph, forecast, std::move(leftovers), now, look.sights);
  shown.text = form.json ? StatusJson(graph, forecast, shown.report, now, form.compact)
                         : StatusText(graph, shown.report, form.style, now);
  return shown;
}

bool Write(const Form& form, const std::string& text) {
  return (form.json ? PrintJson(text) : PrintText(text)) && FlushOutput();
}

// The file below DIR that a step goes by without making it: what it installs, what somebody put there.
struct OriginOf {
  std::string operator()(const AdoptCaRecord& record) const { return record.from; }
  std::string operator()(const FileRecord& record) const { return record.from; }
  std::string operator()(const UnitRecord& record) const { return record.from; }
  std::string operator()(const SourceRecord& record) const { return record.path; }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

// Everything that a look depends on.
std::vector<std::string> FilesOf(const Graph& graph, const std::string& spec) {
  std::vector<std::string> files = {spec, paths::kLeftovers, paths::kBuildNinja,
                                    absl::StrCat(paths::kJournals, "/"), absl::StrCat(paths::kShards, "/")};
  for (const Step& step : graph.steps()) {
    files.push_back(paths::Stamp(step.label));
    if (step.kind == StepKind::kHost) files.push_back(paths::HostFacts(graph.shards()[step.shard].name));
    const AnyRecord record = ReadAnyRecord(step.record);
    for (const Holding& holding : HoldingsOf(record)) {
      if (holding.over_ssh()) continue;
      if (holding.kind == Holding::Kind::kService) {
        files.push_back(MarkerPath(holding.root, holding.path));
        files.push_back(PidFilePath(holding.root, holding.path));
      } else {
        files.push_back(holding.Shown());
      }
    }
    if (std::string source = std::visit(OriginOf(), record); !source.empty()) files.push_back(source);
  }
  return files;
}

// Systemd would tell of a unit that comes up on D-Bus alone.
bool NeedsPolling(const StatusReport& report) {
  for (const StatusService& service : report.services) {
    if (service.manager == "systemd" && !service.unasked && !service.instance.has_value()) return true;
  }
  return false;
}

// SPEC as seen from here.
int WatchFor(std::unique_ptr<SpecFile> file, const std::string& spec, const Form& form) {
  absl::StatusOr<std::unique_ptr<ChangeWaiter>> waiter = ChangeWaiter::Create();
  if (!waiter.ok()) return Fail(waiter.status().message());
  const bool terminal = isatty(STDOUT_FILENO) != 0 && !form.json;
  std::string before;
  for (bool first = true;; first = false) {
    (*waiter)->WatchFiles(FilesOf(file->compiled()->graph, spec));
    if (!first) {
      absl::StatusOr<SpecFile> now = SpecFile::Compile(spec);
      if (!now.ok()) {
        Fail(now.status().message());
      } else if (now->compiled() == nullptr) {
        Print(now->diagnostics());
      } else {
        // Whoever is in the middle of an edit goes on seeing the plan before it.
        file = std::make_unique<SpecFile>(*std::move(now));
        (*waiter)->WatchFiles(FilesOf(file->compiled()->graph, spec));
      }
    }
    const Graph& graph = file->compiled()->graph;
    Told shown = LookAtAll(graph, form);
    if (first || shown.text != before) {
      if (terminal) ClearTerminal();
      const bool apart = !terminal && !first && !form.json;
      // Nobody reads any more.
      if (!Write(form, apart ? absl::StrCat(kSeparator, shown.text) : shown.text)) return kExitDone;
      before = std::move(shown.text);
    }
    std::vector<Instance> instances;
    for (const StatusService& service : shown.report.services) {
      if (service.instance.has_value()) instances.push_back(*service.instance);
    }
    (*waiter)->WatchProcesses(instances);
    (*waiter)->Poll(NeedsPolling(shown.report));
    if (absl::Status status = (*waiter)->WakeAt(shown.report.next_change); !status.ok()) {
      return Fail(status.message());
    }
    absl::StatusOr<ChangeWaiter::Event> event = (*waiter)->Wait();
    if (!event.ok()) return Fail(event.status().message());
    if (*event == ChangeWaiter::Event::kEnd) return kExitDone;
  }
}

}  // namespace

int StatusCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("status", arguments)) return kExitUsage;
  if (options.Has("--watch") && options.Has("--contact"))
    return WrongUsage("status", "--watch sees what is on this machine; it does not go with --contact");
  const std::string spec = options.operands().empty() ? "" : options.operands()[0];
  // Where it is when we are in the folder.
  std::error_code error;
  const std::string absolute = spec.empty() ? "" : std::filesystem::absolute(spec, error).string();
  if (error) return Fail(absl::StrCat("cannot tell the current folder: ", error.message()));
  OpenPlan plan;
  if (int exit = OpenPlanIn(options.Value("-C"), spec, &plan); exit != kExitDone) return exit;

  Form form;
  form.json = options.Has("--json");
  form.compact = options.Has("--watch");
  // What happens there wakes nobody here.
  form.contact = ContactOf(options, plan.compiled());
  if (options.Has("--watch")) form.contact.asks = false;
  form.style.all = options.Has("--all");
  form.style.color = UseColor(STDOUT_FILENO);
  if (options.Has("--watch")) {
    return WatchFor(std::move(plan.file), absolute.empty() ? plan.path : absolute, form);
  }
  const Told shown = LookAtAll(plan.graph(), form);
  Write(form, shown.text);
  if (shown.report.any_failed() || shown.report.any_silent()) return kExitTrouble;
  return shown.report.all_fresh() ? kExitDone : kExitChanges;
}

}  // namespace kplan
