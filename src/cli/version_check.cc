#include "src/cli/version_check.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/etcd/single_member.h"
#include "src/remote/plan_hosts.h"
#include "src/step/etcd_records.h"

namespace kplan {
namespace {

constexpr char kDataFlag[] = "--data-dir=", kWalFlag[] = "--wal-dir=";

// Whether the plan on disk has STEP with the same record.
bool IsInPlanOnDisk(const Graph& graph, const Step& step) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(graph.shards()[step.shard].name));
  return shard.ok() && FindRecordText(*shard, step.label) == step.record;
}

// Where the service of STEP has its data in the plan on disk; no folder when that has none.
DataPlace DataPlaceOnDisk(const Graph& graph, const Step& step) {
  DataPlace place;
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(graph.shards()[step.shard].name));
  if (!shard.ok()) return place;
  absl::StatusOr<ServiceRecord> record = FromText<ServiceRecord>(FindRecordText(*shard, step.label));
  if (!record.ok()) return place;
  for (const auto& [text, path] : record->argv) {
    if (text == kDataFlag) place.data = path;
    if (text == kWalFlag) place.wal = path;
  }
  return place;
}

// Of ETCD, one member on this machine.
absl::Status CheckVersionOf(const Etcd& etcd, const Compiled& compiled) {
  const std::string& host = compiled.cluster.hosts[etcd.members[0].host].name;
  const std::vector<Step>& steps = compiled.graph.steps();
  const auto find = [&](absl::string_view label) {
    return std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.label == label; });
  };
  // Its record has the path of what was unpacked, and so the release.
  const auto program = find(absl::StrCat("file/", host, etcd.folders.Program("etcd"))),
             verdict = find(absl::StrCat("verify/", etcd.name));
  // Files only: nothing runs.
  if (verdict == steps.end() || program == steps.end()) return absl::OkStatus();
  const auto service = find(absl::StrCat("service/", host, "/", etcd.name));
  const DataPlace before = service == steps.end() ? DataPlace() : DataPlaceOnDisk(compiled.graph, *service);
  const DataPlace now = {etcd.folders.data, etcd.folders.Log()};
  const bool moves = !before.data.empty() && (before.data != now.data || before.wal != now.wal);
  const bool known = IsInPlanOnDisk(compiled.graph, *program);
  if (known && !moves) return absl::OkStatus();
  absl::StatusOr<VerifyRecord> record = FromText<VerifyRecord>(verdict->record);
  if (!record.ok()) return record.status();
  PlanHosts hosts;
  if (moves) {
    absl::Status status = CheckSingleMemberData(*record, before, now, &hosts);
    if (!status.ok() || known) return status;
  }
  if (!etcd.replace) {
    absl::Status status = CheckNoOtherEtcd(*record, now, &hosts);
    if (!status.ok()) return status;
  }
  return CheckSingleMemberVersion(*record, etcd.version, now, &hosts);
}

}  // namespace

absl::Status CheckEtcdVersion(const Compiled& compiled) {
  for (const Etcd& etcd : compiled.cluster.etcds) {
    if (etcd.clustered) continue;
    if (absl::Status status = CheckVersionOf(etcd, compiled); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kplan
