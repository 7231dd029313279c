#include "src/lower/trust.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

// Which leaf a step makes, by itself or with what comes with it.
absl::flat_hash_map<StepId, int> LeavesBySteps(const PkiSteps& pki) {
  absl::flat_hash_map<StepId, int> leaves;
  for (size_t i = 0; i < pki.leaves.size(); ++i) {
    const PkiSteps::Leaf& leaf = pki.leaves[i];
    leaves.emplace(leaf.cert, static_cast<int>(i));
    leaves.emplace(leaf.shown, static_cast<int>(i));
    if (leaf.bundle.has_value()) leaves.emplace(*leaf.bundle, static_cast<int>(i));
  }
  return leaves;
}

std::optional<RolloutRecord> RolloutOf(const Graph& graph, const std::string& name) {
  const std::string label = absl::StrCat("rollout/", name);
  for (const Step& step : graph.steps()) {
    if (step.kind != StepKind::kRollout || step.label != label) continue;
    absl::StatusOr<RolloutRecord> record = FromText<RolloutRecord>(step.record);
    if (record.ok()) return *std::move(record);
  }
  return std::nullopt;
}

}  // namespace

bool TrustLowering::IsExchanged(int ca) const {
  for (; ca >= 0; ca = lowering_.cluster.cas[ca].issuer) {
    if (lowering_.cluster.cas[ca].exchanged) return !lowering_.cluster.cas[ca].held;
  }
  return false;
}

TrustLowering::TrustLowering(const Lowering& lowering, const LoweredParts& first) : lowering_(lowering) {
  for (const CertificateAuthority& ca : lowering.cluster.cas) {
    if (!ca.exchanged) continue;
    ExchangedCa exchanged;
    exchanged.name = ca.name;
    exchanged.generation = ca.generation;
    exchanged.passphrase = ca.key.passphrase;
    exchanged.held = ca.held;
    exchanged.revoked.assign(ca.revoked_generations.begin(), ca.revoked_generations.end());
    exchanged.intermediate = ca.issuer >= 0;
    record_.cas.push_back(std::move(exchanged));
  }
  for (size_t i = 0; i < first.etcds.size(); ++i) AddEtcd(lowering.cluster.etcds[i], first, first.etcds[i]);
  for (const Service& service : first.services) AddService(first, service);
}

// Then both are trusted in the end, and nothing comes after it.
bool TrustLowering::AllHeld() const {
  return absl::c_all_of(record_.cas, [](const ExchangedCa& ca) { return ca.held; });
}

void TrustLowering::NeedHost(int host) {
  if (lowering_.cluster.hosts[host].remote() && !absl::c_linear_search(hosts_, host)) hosts_.push_back(host);
}

std::vector<TrustFile> TrustLowering::TrustsOf(const PkiSteps& pki, const Service& service) const {
  std::vector<TrustFile> trusts;
  for (const HostFile& file : service.files) {
    const CertificateAuthority* ca = TrustedBy(pki, file);
    if (ca == nullptr) continue;
    TrustFile trust;
    trust.ca = ca->name;
    trust.path = file.path;
    trust.mode = absl::StrFormat("%04o", file.mode);
    trust.owner = file.owner;
    trusts.push_back(std::move(trust));
  }
  return trusts;
}

const CertificateAuthority* TrustLowering::TrustedBy(const PkiSteps& pki, const HostFile& file) const {
  for (size_t i = 0; i < lowering_.cluster.cas.size(); ++i) {
    const CertificateAuthority& ca = lowering_.cluster.cas[i];
    if (ca.exchanged && !ca.held && file.source == pki.cas[i].trusted) return &ca;
  }
  return nullptr;
}

// The files of SERVICE's leaves that an exchanged CA signs, and that it reads once.
std::vector<std::string> TrustLowering::ShowsOf(const PkiSteps& pki, const Service& service) {
  const absl::flat_hash_map<StepId, int> leaves = LeavesBySteps(pki);
  std::vector<std::string> shows;
  auto add = [&](StepId source, const std::string& path, OnChange need) {
    auto leaf = leaves.find(source);
    if (leaf == leaves.end()) return;
    const int signer = lowering_.cluster.certificates[leaf->second].kind->ca;
    if (!IsExchanged(signer)) return;
    if (need != OnChange::kNothing) shows.push_back(path);
    const PkiSteps::Leaf& steps = pki.leaves[leaf->second];
    if (source != steps.cert || steps.cert == steps.shown) return;
    for (int ca = signer; ca >= 0; ca = lowering_.cluster.cas[ca].issuer) {
      for (ExchangedCa& exchanged : record_.cas) {
        if (exchanged.name == lowering_.cluster.cas[ca].name) exchanged.leaf_alone = true;
      }
    }
  };
  for (const HostPair& pair : service.pairs)
    add(pair.certificate_source, pair.certificate_path, pair.on_change);
  for (const HostFile& file : service.files) add(file.source, file.path, file.on_change);
  return shows;
}

void TrustLowering::AddService(const LoweredParts& first, const Service& service) {
  TrustingService trusting;
  trusting.host = lowering_.cluster.hosts[service.host].name;
  trusting.trusts = TrustsOf(first.pki, service);
  trusting.shows = ShowsOf(first.pki, service);
  if (trusting.trusts.empty() && trusting.shows.empty()) return;
  trusting.service = ServiceRecordOf(lowering_, service, /*with_host=*/false);
  record_.services.push_back(std::move(trusting));
  NeedHost(service.host);
}

void TrustLowering::AddEtcd(const Etcd& etcd, const LoweredParts& first, const EtcdServices& services) {
  TrustingEtcd trusting;
  std::optional<RolloutRecord> rollout = RolloutOf(first.graph, etcd.name);
  if (!rollout.has_value()) {  // one member here, or nothing runs
    for (const Service& member : services.services) AddService(first, member);
    return;
  }
  trusting.rollout = *std::move(rollout);
  bool concerned = false;
  for (size_t i = 0; i < services.services.size(); ++i) {
    const Service& member = services.services[i];
    trusting.members.push_back({TrustsOf(first.pki, member)});
    ShowsOf(first.pki, member);
    concerned = concerned || !trusting.members.back().trusts.empty() ||
                IsExchanged(lowering_.cluster.certificates[etcd.members[i].cert].kind->ca) ||
                IsExchanged(lowering_.cluster.certificates[etcd.members[i].peer_cert].kind->ca);
  }
  if (!concerned) return;
  for (const Service& member : services.services) NeedHost(member.host);
  record_.etcds.push_back(std::move(trusting));
}

StepId TrustLowering::Lower(const char* stage, const std::vector<StepId>& inputs,
                            const std::vector<StepId>& after) {
  TrustRecord record = record_;
  record.stage = stage;
  if (record.stage == TrustRecord::kNew) {
    record.etcds.clear();
    record.services.clear();
  }
  Range place;
  for (const CertificateAuthority& ca : lowering_.cluster.cas) {
    if (ca.exchanged) place = ca.place;
  }
  Graph& graph = lowering_.graph;
  const StepId step = graph.AddStep(StepKind::kTrust, lowering_.shared, absl::StrCat("trust/", stage),
                                    ToText(record), inputs, after, place);
  graph.AddToGroup("trust", step);
  if (!hosts_.empty() && record.stage != TrustRecord::kNew) graph.AddContact(step);
  for (const CertificateAuthority& ca : lowering_.cluster.cas) {
    if (!ca.exchanged || ca.held) continue;
    // The one after it, too: who goes back has that.
    for (int other = 1; other <= ca.generation + 1; ++other) {
      if (other == ca.generation) continue;
      Watch watch;
      watch.step = step;
      watch.kind = Watch::Kind::kGone;
      watch.path = paths::Certificate(paths::Generation(ca.name, other));
      graph.AddWatch(std::move(watch));
    }
  }
  return step;
}

StepId TrustLowering::LowerBoth(const PkiSteps& pki, std::vector<StepId> inputs,
                                const std::vector<StepId>& after) {
  for (size_t i = 0; i < lowering_.cluster.cas.size(); ++i) {
    if (lowering_.cluster.cas[i].exchanged) inputs.push_back(pki.cas[i].cert);
  }
  both_ = Lower(TrustRecord::kBoth, inputs, after);
  return both_;
}

void TrustLowering::LowerLeaves(const PkiSteps& pki, const std::vector<Service*>& services,
                                HostSteps* hosts) {
  if (AllHeld()) return;
  const absl::flat_hash_map<StepId, int> leaves = LeavesBySteps(pki);
  auto is_exchanged = [&](StepId source) {
    auto leaf = leaves.find(source);
    return leaf != leaves.end() && IsExchanged(lowering_.cluster.certificates[leaf->second].kind->ca);
  };
  std::vector<StepId> placed = {both_};
  for (Service* service : services) {
    for (HostPair& pair : service->pairs) {
      if (!is_exchanged(pair.certificate_source)) continue;
      pair.step = LowerPair(lowering_, service->host, pair, hosts->GateOf(service->host));
      placed.push_back(*pair.step);
    }
    for (HostFile& file : service->files) {
      if (!is_exchanged(file.source)) continue;
      file.step =
          LowerFile(lowering_, service->host, file, hosts->GateOf(service->host),
                    file.on_change == OnChange::kRestart ? TurnOf(lowering_, *service) : std::nullopt);
      placed.push_back(*file.step);
    }
  }
  const StepId shown = Lower(TrustRecord::kLeaves, {}, placed);
  for (Service* service : services) {
    for (HostFile& file : service->files) {
      if (TrustedBy(pki, file) != nullptr) file.after = {shown};
    }
  }
}

void TrustLowering::LowerNew(const std::vector<StepId>& proofs) {
  if (AllHeld()) return;
  std::vector<StepId> after = {both_};
  after.insert(after.end(), proofs.begin(), proofs.end());
  Lower(TrustRecord::kNew, {}, after);
}

}  // namespace kplan
