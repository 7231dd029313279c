// kplan defrag: gives the room that etcd no longer uses back to the members' disks.

#include "src/etcd/defrag.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/clock.h"
#include "src/base/files.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/etcd/planned_etcd.h"
#include "src/host/run_lock.h"
#include "src/remote/plan_hosts.h"

namespace kplan {
namespace {

constexpr absl::string_view kQuotaFlag = "--quota-backend-bytes=";

int64_t QuotaOfService(const ServiceRecord& service) {
  for (const auto& [text, path] : service.argv) {
    absl::string_view flag = text;
    if (absl::ConsumePrefix(&flag, kQuotaFlag)) return QuotaOf(std::string(flag));
  }
  return QuotaOf("");
}

}  // namespace

int DefragCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("defrag", arguments)) return kExitUsage;
  const std::string folder = options.Value("-C");
  if (absl::Status status = folder.empty() ? absl::OkStatus() : EnterFolder(folder); !status.ok())
    return Fail(status.message());
  PlanHosts hosts;
  absl::StatusOr<RestorePlan> read = ReadRestoreRecords(options.Value("--etcd"), &hosts);
  if (!read.ok()) return Fail(read.status().message());
  // A roll would take a second member away.
  absl::StatusOr<RunLock> lock = RunLock::Exclusive("kplan defrag");
  if (!lock.ok()) return Fail(lock.status().message());
  DefragPlan plan;
  plan.cluster = std::move(read->cluster);
  for (const ServiceRecord& service : read->services) plan.quotas.push_back(QuotaOfService(service));
  plan.compact = options.Has("--compact");
  const absl::Status status = DefragCluster(plan, Clock::Real(), [](const std::string& line) {
    PrintText(absl::StrCat(line, "\n"));
    FlushOutput();
  });
  return status.ok() ? kExitDone : Fail(status.message());
}

}  // namespace kplan
