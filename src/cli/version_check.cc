#include "src/cli/version_check.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/etcd/single_member.h"
#include "src/remote/plan_hosts.h"
#include "src/step/etcd_records.h"

namespace kplan {
namespace {

constexpr char kVerdict[] = "verify/etcd";
constexpr absl::string_view kUnpack = "unpack/etcd";

// Whether the plan on disk has STEP with the same record.
bool IsInPlanOnDisk(const Graph& graph, const Step& step) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(graph.shards()[step.shard].name));
  return shard.ok() && FindRecordText(*shard, step.label) == step.record;
}

}  // namespace

absl::Status CheckEtcdVersion(const Compiled& compiled) {
  const Cluster& cluster = compiled.cluster;
  if (!cluster.has_etcd || cluster.etcd.clustered) return absl::OkStatus();
  const std::vector<Step>& steps = compiled.graph.steps();
  const auto find = [&](absl::string_view label) {
    return std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.label == label; });
  };
  const auto unpack = find(kUnpack), verdict = find(kVerdict);
  // Files only: nothing runs.
  if (verdict == steps.end() || unpack == steps.end()) return absl::OkStatus();
  if (IsInPlanOnDisk(compiled.graph, *unpack)) return absl::OkStatus();
  absl::StatusOr<VerifyRecord> record = FromText<VerifyRecord>(verdict->record);
  if (!record.ok()) return record.status();
  PlanHosts hosts;
  return CheckSingleMemberVersion(*record, cluster.etcd.version, paths::on_host::kEtcdData, &hosts);
}

}  // namespace kplan
