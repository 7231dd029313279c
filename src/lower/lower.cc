#include "src/lower/lower.h"

#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {

absl::StatusOr<Graph> Lower(const Cluster& cluster) {
  Graph graph;
  Lowering lowering{cluster, graph, 0, {}};
  lowering.shared = graph.AddShard(paths::kSharedShard);
  for (const Host& host : cluster.hosts) lowering.host_shard.push_back(graph.AddShard(host.name));
  PkiSteps pki = LowerPki(lowering);
  if (cluster.has_etcd) LowerEtcd(lowering, pki);
  if (absl::Status status = graph.Finish(); !status.ok()) return status;
  return graph;
}

}  // namespace kplan
