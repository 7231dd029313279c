#include "src/look/holdings.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/host/host_file.h"
#include "src/look/step_record.h"

namespace kplan {
namespace {

constexpr size_t kMaxFacts = 1 << 20;

std::string MachineName(absl::string_view id) { return absl::StrCat("machine ", id); }

// machine-id(5); "" when this machine has none.
std::string ThisMachineId() {
  absl::StatusOr<std::string> text = ReadFile("/etc/machine-id", kMaxFacts);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

}  // namespace

std::vector<ServicePart> ServicesOf(const RolloutRecord& rollout) {
  std::vector<ServicePart> services;
  for (const MemberRecord& member : rollout.cluster.members) {
    if (!member.service.has_value()) continue;
    ServicePart one;
    one.host = member.host;
    one.over_ssh = member.over_ssh();
    one.record = *member.service;
    one.name = one.record.name;
    if (one.over_ssh) one.record.host = one.host;
    one.label = absl::StrCat("service/", one.host, "/", one.name);
    services.push_back(std::move(one));
  }
  return services;
}

std::vector<ServicePart> ServicesOf(const Graph& graph, const Step& step) {
  if (step.kind == StepKind::kRollout) return ServicesOf(RecordOf<RolloutRecord>(step));
  std::vector<ServicePart> services;
  if (step.kind != StepKind::kService) return services;
  ServiceRecord record = RecordOf<ServiceRecord>(step);
  std::string name = record.name;
  services.push_back(
      {step.label, graph.shards()[step.shard].name, std::move(name), IsDoneOverSsh(step), std::move(record)});
  return services;
}

std::string PlaceOf(const AnyRecord& record) {
  // What a rollout is about are services, each with a label and a place of its own.
  if (std::holds_alternative<RolloutRecord>(record)) return "";
  std::vector<Holding> holdings = HoldingsOf(record);
  if (holdings.empty()) return "";
  const Holding& first = holdings[0];
  if (!first.on_host()) return first.path;
  return first.over_ssh() ? absl::StrCat(first.host, ":", first.root) : first.root;
}

const std::string& HoldingNames::RealRoot(const std::string& root) {
  auto [found, fresh] = roots_.try_emplace(root);
  if (fresh) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::path real = fs::weakly_canonical(fs::absolute(root, error), error);
    if (error) real = fs::absolute(root, error).lexically_normal();
    // "rootfs/" has an empty last part.
    found->second =
        real.has_filename() || !real.has_relative_path() ? real.string() : real.parent_path().string();
  }
  return found->second;
}

const std::string& HoldingNames::MachineOf(const std::string& host) {
  auto [found, fresh] = machines_.try_emplace(host);
  if (fresh) {
    found->second = absl::StrCat("host ", host);
    absl::StatusOr<std::string> text = ReadFile(paths::HostFacts(host), kMaxFacts);
    absl::StatusOr<HostFacts> facts = text.ok() ? FromText<HostFacts>(*text) : text.status();
    if (facts.ok() && !facts->machine_id.empty()) found->second = MachineName(facts->machine_id);
  }
  return found->second;
}

bool HoldingNames::IsHere(const std::string& host) {
  if (graph_ == nullptr) return false;
  auto [found, fresh] = here_.try_emplace(host, false);
  if (!fresh) return found->second;
  for (const Shard& shard : graph_->shards()) {
    if (shard.name != host) continue;
    auto step = std::find_if(shard.steps.begin(), shard.steps.end(),
                             [&](StepId id) { return graph_->steps()[id].kind == StepKind::kHost; });
    found->second = step != shard.steps.end() ? RecordOf<HostRecord>(graph_->steps()[*step]).here()
                                              : MachineOf(host) == MachineName(ThisMachineId());
  }
  return found->second;
}

std::string HoldingNames::Of(const Holding& holding) {
  const char* sort = holding.kind == Holding::Kind::kService ? "service " : "";
  if (!holding.on_host()) return holding.path;
  const std::string path = absl::StrCat(*sort != '\0' ? "/" : "", holding.path);
  if (holding.over_ssh() && !IsHere(holding.host)) {
    // The root is that machine's: it can be made neat here, and no more.
    const std::string root = std::filesystem::path(holding.root + "/").lexically_normal().string();
    return absl::StrCat(sort, MachineOf(holding.host), ":", PathFromHere(root, path));
  }
  return absl::StrCat(sort, PathFromHere(RealRoot(holding.root), path));
}

}  // namespace kplan
