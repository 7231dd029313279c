#include "src/etcd/defrag_decision.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

constexpr int64_t kLeastFreed = 1 << 20;
constexpr int64_t kLeastPart = 10;  // one in so many bytes

bool IsDue(const DefragMember& member) { return !member.done && FreesSomething(member.size, member.in_use); }

// Who may lead while the leader is away.
std::optional<size_t> NextLeader(const std::vector<DefragMember>& members) {
  for (size_t i = members.size(); i-- > 0;) {
    if (!members[i].leader && !members[i].learner) return i;
  }
  return std::nullopt;
}

}  // namespace

bool FreesSomething(int64_t size, int64_t in_use) {
  const int64_t free = size - in_use;
  return free >= kLeastFreed && free >= size / kLeastPart;
}

DefragAction NextDefragAction(const std::vector<DefragMember>& members, bool moved) {
  DefragAction action;
  if (std::none_of(members.begin(), members.end(), IsDue)) return action;
  for (const DefragMember& member : members) {
    if (member.serves) continue;
    action.kind = DefragAction::kStop;
    action.why =
        absl::StrCat(member.name, " does not serve: while one member is away no other one is taken away");
    return action;
  }
  action.kind = DefragAction::kDefragment;
  for (bool leaders : {false, true}) {
    for (size_t i = 0; i < members.size(); ++i) {
      if (!IsDue(members[i]) || members[i].leader != leaders) continue;
      action.member = i;
      const std::optional<size_t> next = leaders && !moved ? NextLeader(members) : std::nullopt;
      if (!next.has_value()) return action;
      action.kind = DefragAction::kMoveLeader;
      action.member = *next;
      return action;
    }
  }
  return action;
}

}  // namespace kplan
