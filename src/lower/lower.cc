#include "src/lower/lower.h"

#include "src/base/paths.h"
#include "src/lower/lower_internal.h"

namespace kplan {

absl::StatusOr<Graph> Lower(const Cluster& cluster) {
  Graph graph;
  Lowering lowering{cluster, graph, 0, {}};
  lowering.shared = graph.AddShard(paths::kSharedShard);
  for (const Host& host : cluster.hosts) lowering.host_shard.push_back(graph.AddShard(host.name));
  PkiSteps pki = LowerPki(lowering);
  const std::vector<EtcdServices> etcds = LowerEtcdSources(lowering, pki);
  const std::vector<Service> services = LowerServiceSources(lowering, pki);
  HostSteps hosts(lowering);
  for (const EtcdServices& etcd : etcds) {
    for (const Service& member : etcd.services) hosts.Add(member);
  }
  for (const Service& service : services) hosts.Add(service);
  hosts.LowerIdentities();
  const std::vector<std::vector<StepId>> etcds_serve = LowerEtcds(lowering, pki, etcds, &hosts);
  LowerServices(lowering, pki, services, etcds_serve, &hosts);
  if (absl::Status status = graph.Finish(); !status.ok()) return status;
  return graph;
}

}  // namespace kplan
