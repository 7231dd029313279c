#include "src/lower/lower.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "src/base/paths.h"
#include "src/lower/lower_internal.h"
#include "src/lower/trust.h"

namespace kplan {
namespace {

// What comes before trust/both, and that.
StepId LowerTrust(const Lowering& lowering, const PkiSteps& cas, TrustLowering* trust, EtcdArchives* archives,
                  HostSteps* hosts) {
  std::vector<StepId> inputs, after;
  for (int host : trust->hosts()) inputs.push_back(hosts->LowerIdentityOf(host));
  for (const Etcd& etcd : lowering.cluster.etcds) {
    for (size_t i = 0; i < etcd.archives.size(); ++i) after.push_back(archives->Of(etcd, i));
  }
  return trust->LowerBoth(cas, std::move(inputs), after);
}

// FIRST: the same without the steps that exchange CAs; null: there are none to exchange, or this is that.
absl::StatusOr<LoweredParts> LowerAll(const Cluster& cluster, const LoweredParts* first) {
  LoweredParts parts;
  Graph& graph = parts.graph;
  Lowering lowering{cluster, graph, 0, {}};
  lowering.shared = graph.AddShard(paths::kSharedShard);
  for (const Host& host : cluster.hosts) lowering.host_shard.push_back(graph.AddShard(host.name));
  std::optional<TrustLowering> trust;
  if (first != nullptr) trust.emplace(lowering, *first);
  EtcdArchives archives(lowering);
  HostSteps hosts(lowering);
  parts.pki = LowerPki(lowering, [&](const PkiSteps& cas) -> std::optional<StepId> {
    if (!trust.has_value()) return std::nullopt;
    return LowerTrust(lowering, cas, &*trust, &archives, &hosts);
  });
  parts.etcds = LowerEtcdSources(lowering, parts.pki, &archives);
  parts.services = LowerServiceSources(lowering, parts.pki);
  std::vector<Service*> all;
  for (EtcdServices& etcd : parts.etcds) {
    for (Service& member : etcd.services) all.push_back(&member);
  }
  for (Service& service : parts.services) all.push_back(&service);
  for (const Service* service : all) hosts.Add(*service);
  hosts.LowerIdentities();
  const std::vector<std::optional<StepId>> surveys =
      LowerEtcdSurveys(lowering, parts.pki, parts.etcds, &hosts);
  if (trust.has_value()) trust->LowerLeaves(parts.pki, all, &hosts);
  std::vector<std::vector<StepId>> done = LowerEtcds(lowering, parts.pki, parts.etcds, surveys, &hosts);
  for (std::vector<StepId>& proofs : LowerServices(lowering, parts.pki, parts.services, done, &hosts))
    done.push_back(std::move(proofs));
  if (trust.has_value()) {
    std::vector<StepId> proofs;
    for (const std::vector<StepId>& of_one : done) proofs.insert(proofs.end(), of_one.begin(), of_one.end());
    trust->LowerNew(proofs);
  }
  if (absl::Status status = graph.Finish(); !status.ok()) return status;
  return parts;
}

}  // namespace

absl::StatusOr<Graph> Lower(const Cluster& cluster) {
  absl::StatusOr<LoweredParts> parts = LowerAll(cluster, nullptr);
  const bool exchanges =
      absl::c_any_of(cluster.cas, [](const CertificateAuthority& ca) { return ca.exchanged; });
  if (parts.ok() && exchanges) parts = LowerAll(cluster, &*parts);
  if (!parts.ok()) return parts.status();
  return std::move(parts->graph);
}

}  // namespace kplan
