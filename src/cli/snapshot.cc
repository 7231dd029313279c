// kplan snapshot: takes a snapshot of the etcd of the plan, and checks it.

#include "src/etcd/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/etcd/planned_etcd.h"
#include "src/remote/plan_hosts.h"

namespace kplan {
namespace {

std::string ToJson(const TakenSnapshot& taken) {
  return Json{{"file", taken.info.path},
              {"revision", taken.info.revision},
              {"keys", taken.info.keys.has_value() ? Json(*taken.info.keys) : Json()},
              {"size", taken.info.size},
              {"hash", taken.info.hash},
              {"sha256", taken.info.sha256},
              {"member", taken.member},
              {"quorum", !taken.without_quorum},
              {"seconds", absl::ToDoubleSeconds(taken.took)},
              {"removed", taken.removed}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace

int SnapshotCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("snapshot", arguments)) return kExitUsage;
  SnapshotPolicy policy;
  policy.folder = paths::kSnapshots;
  if (options.Has("--keep")) {
    const std::string keep = options.Value("--keep");
    if (!absl::SimpleAtoi(keep, &policy.keep) || policy.keep < 1)
      return WrongUsage("snapshot",
                        absl::StrCat("--keep wants a number of at least 1, and not ", Quote(keep)));
    if (!options.operands().empty())
      return WrongUsage("snapshot", absl::StrCat("--keep is about the folder ", paths::kSnapshots,
                                                 ", and does not go with a FILE"));
  }
  // Where it is when we are in the folder of the plan.
  std::string file = options.operands().empty() ? "" : options.operands()[0];
  const std::string folder = options.Value("-C");
  if (!file.empty() && !folder.empty()) {
    std::error_code error;
    file = std::filesystem::absolute(file, error).string();
    if (error) return Fail(absl::StrCat("cannot tell the current folder: ", error.message()));
  }
  if (absl::Status status = folder.empty() ? absl::OkStatus() : EnterFolder(folder); !status.ok())
    return Fail(status.message());

  PlanHosts hosts;
  absl::StatusOr<PlannedCluster> cluster = ReadClusterRecords(options.Value("--etcd"), &hosts);
  if (!cluster.ok()) return Fail(cluster.status().message());
  absl::StatusOr<TakenSnapshot> taken =
      file.empty() ? TakeSnapshot(*cluster, policy) : TakeSnapshotAs(*cluster, file);
  if (!taken.ok()) return Fail(absl::StrCat("no snapshot was taken: ", taken.status().message()));
  if (options.Has("--json")) {
    PrintJson(ToJson(*taken));
  } else {
    PrintText(absl::StrCat(taken->Describe(), "\n"));
    for (const std::string& name : taken->removed)
      PrintText(absl::StrCat("removed ", policy.folder, "/", name, "\n"));
  }
  return kExitDone;
}

}  // namespace kplan
