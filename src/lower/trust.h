#ifndef KPLAN_LOWER_TRUST_H_
#define KPLAN_LOWER_TRUST_H_

// The exchange of CAs for such with another key: three steps (step/trust_records.h) between those that a plan
// has anyway. Only a plan with a CA whose `key-generation` is written has them.
//
//   ca/cert of the wanted generation, host/H
//   trust/both    before any certificate is signed by it
//   cert/ file/   the leaves, on their hosts
//   trust/leaves  before a file with the wanted generation alone comes to a host
//   file/ rollout/ service/ verify/
//   trust/new

#include <optional>
#include <string>
#include <vector>

#include "src/lower/lower_internal.h"
#include "src/step/trust_records.h"

namespace kplan {

// What a plan is made of.
struct LoweredParts {
  Graph graph;
  PkiSteps pki;
  std::vector<EtcdServices> etcds;  // as Cluster::etcds
  std::vector<Service> services;    // as Cluster::services
};

class TrustLowering {
 public:
  // FIRST: the plan without these steps. Who trusts whom is taken from it: trust/both has it in its record,
  // and comes before what that is made from. LOWERING has to outlive this.
  TrustLowering(const Lowering& lowering, const LoweredParts& first);

  // trust/both. INPUTS: who the hosts() are; AFTER: the programs that members are asked with.
  StepId LowerBoth(const PkiSteps& pki, std::vector<StepId> inputs, const std::vector<StepId>& after);

  // What goes to hosts of leaves that exchanged CAs sign, and then trust/leaves, after which the files of
  // these CAs come there: SERVICES know of both from then on.
  void LowerLeaves(const PkiSteps& pki, const std::vector<Service*>& services, HostSteps* hosts);

  // trust/new, when all of PROOFS is done.
  void LowerNew(const std::vector<StepId>& proofs);

  // The hosts over ssh that trust/both and trust/leaves are about.
  const std::vector<int>& hosts() const { return hosts_; }

 private:
  void AddEtcd(const Etcd& etcd, const LoweredParts& first, const EtcdServices& services);
  void AddService(const LoweredParts& first, const Service& service);
  // The CA, exchanged and not held, that FILE has those trust who read it; null: none.
  const CertificateAuthority* TrustedBy(const PkiSteps& pki, const HostFile& file) const;
  std::vector<TrustFile> TrustsOf(const PkiSteps& pki, const Service& service) const;
  std::vector<std::string> ShowsOf(const PkiSteps& pki, const Service& service);
  void NeedHost(int host);
  StepId Lower(const char* stage, const std::vector<StepId>& inputs, const std::vector<StepId>& after);

  // Whether the CA with this index, or one above it, is exchanged and not held.
  bool IsExchanged(int ca) const;
  bool AllHeld() const;

  const Lowering& lowering_;
  TrustRecord record_;  // but for its stage
  std::vector<int> hosts_;
  StepId both_ = 0;
};

}  // namespace kplan

#endif  // KPLAN_LOWER_TRUST_H_
