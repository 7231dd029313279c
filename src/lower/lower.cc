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
  EtcdServices etcd;
  if (cluster.has_etcd) etcd = LowerEtcdSources(lowering, pki);
  const std::vector<Service> services = LowerServiceSources(lowering, pki);
  HostSteps hosts(lowering);
  for (const Service& member : etcd.services) hosts.Add(member);
  for (const Service& service : services) hosts.Add(service);
  hosts.LowerIdentities();
  std::vector<StepId> etcd_serves;
  if (cluster.has_etcd) etcd_serves = LowerEtcd(lowering, pki, etcd, &hosts);
  LowerServices(lowering, pki, services, etcd_serves, &hosts);
  if (absl::Status status = graph.Finish(); !status.ok()) return status;
  return graph;
}

}  // namespace kplan
