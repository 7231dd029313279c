#ifndef KPLAN_ETCD_DEFRAG_DECISION_H_
#define KPLAN_ETCD_DEFRAG_DECISION_H_

// In which order the members of a cluster are defragmented, and which: the decision alone, without a host or
// a clock. Whoever carries it out looks at the members, asks for the next action, does it, and looks again.
//
// A member answers nobody while it is defragmented (etcd v3.4, mvcc/backend/backend.go, defrag holds all
// locks), and so it is away as one that is restarted:
//
//   1. Nobody is defragmented while a member does not serve, and one at a time.
//   2. Only whom it frees something.
//   3. The leader is the last. Before its turn another member that votes is to lead; where that does not come
//      about, the leader is defragmented as it is: the others elect another one.
//
// No member is defragmented twice in one run. So it ends, whatever the members do.

#include <cstdint>
#include <string>
#include <vector>

namespace kplan {

struct DefragMember {
  std::string name;
  bool serves = false;  // it answers as a part of the quorum
  bool leader = false, learner = false;
  int64_t size = 0, in_use = 0;  // of its file: bytes
  bool done = false;             // this run has defragmented it
};

struct DefragAction {
  enum Kind {
    kDefragment,  // `member`
    kMoveLeader,  // to `member`
    kDone,        // there is nothing left to free
    kStop,        // `why`
  };

  Kind kind = kDone;
  size_t member = 0;  // by its place in the list
  std::string why;
};

// Whether it is worth a moment of silence: at least 1 MiB, and a tenth of the file.
bool FreesSomething(int64_t size, int64_t in_use);

// MEMBERS are all of the cluster. MOVED: this run has asked for another leader already.
DefragAction NextDefragAction(const std::vector<DefragMember>& members, bool moved);

}  // namespace kplan

#endif  // KPLAN_ETCD_DEFRAG_DECISION_H_
