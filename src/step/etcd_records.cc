#include "src/step/etcd_records.h"

namespace kplan {

std::vector<Holding> RolloutRecord::Holds() const {
  std::vector<Holding> holdings;
  for (const MemberRecord& member : cluster.members) {
    if (!member.service.has_value()) continue;
    for (Holding& holding : member.service->Holds()) {
      holding.host = member.over_ssh() ? member.host : "";
      holdings.push_back(std::move(holding));
    }
  }
  return holdings;
}

}  // namespace kplan
