#include "src/step/etcd_records.h"

#include <set>

namespace kplan {

std::vector<std::string> MemberRecord::UsualListens() const {
  std::set<std::string> urls(client_urls.begin(), client_urls.end());
  urls.insert(peer_urls.begin(), peer_urls.end());
  return {urls.begin(), urls.end()};
}

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
