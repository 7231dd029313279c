#ifndef KPLAN_LOOK_CONTACT_H_
#define KPLAN_LOOK_CONTACT_H_

// How things stand on the hosts over ssh, and on this machine where root has to look for kplan (`become`), by
// asking their agents: what a traversal (traversal.h) knows of what it cannot see itself. Nothing is changed
// there.

#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/host_sights.h"
#include "src/look/members_asked.h"
#include "src/look/notes.h"
#include "src/step/host_access.h"

namespace kplan {

struct Contact {
  // False: nobody, and what is there is unknown; but of this machine, where root has to look, it is asked.
  bool asks = true;
  // A host that has answered, and had nothing amiss, is not asked again for so long.
  absl::Duration every = absl::ZeroDuration();
  OpenView open_view = OpenClusterView;  // for the members of etcd
  // Whether that a host had nothing amiss is noted for that. Not of a part of a plan: of the rest of the host
  // nothing was asked.
  bool notes = true;
};

// Visits every host over ssh of GRAPH that a step has been done on, all at once, and looks at what was done
// there last, and has the members of etcd read that were verified before: of a file whose step ninja would
// run in any case (its record is another one, or it failed) there is nothing to say. JOURNALS: as
// Graph::shards(). That a host had nothing amiss at NOW is noted
// (.kplan/answered), for CONTACT.every of a later call, unless CONTACT says otherwise.
//
// Where NOTES are not kept, every host of GRAPH is asked about all that would be there.
//
// HOSTS reaches the hosts of the plan on disk (.kplan/steps), which may be older than GRAPH: one that is not
// there yet is not asked.
HostSights VisitHosts(const Graph& graph, const std::vector<Journal>& journals, HostAccess* hosts,
                      const Contact& contact = {}, absl::Time now = absl::Now(), Notes notes = Notes::kKept);

}  // namespace kplan

#endif  // KPLAN_LOOK_CONTACT_H_
