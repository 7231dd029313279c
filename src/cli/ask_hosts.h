#ifndef KPLAN_CLI_ASK_HOSTS_H_
#define KPLAN_CLI_ASK_HOSTS_H_

// The hosts over ssh, for the commands that look.

#include "absl/time/time.h"
#include "src/cli/command.h"
#include "src/graph/graph.h"
#include "src/look/contact.h"
#include "src/look/forecast.h"
#include "src/lower/compile.h"

namespace kplan {

// As `contact` in cluster.yaml says. Nobody is asked with --offline, nor with KPLAN_OFFLINE in the
// environment, unless that is empty or 0.
Contact ContactOf(const Options& options, const Compiled& compiled);

// Asks the hosts of GRAPH, or nobody. In the folder of build.ninja. JOURNALS: ReadJournals(GRAPH).
// Where NOTES are not kept, they are reached by what GRAPH says of them.
HostSights AskHosts(const Graph& graph, const std::vector<Journal>& journals, const Contact& contact,
                    absl::Time now, Notes notes = Notes::kKept);

struct Look {
  HostSights sights;
  Forecast forecast;
};

// The same, and a look at all there is. KEYLESS: that ninja runs elsewhere, with the keys (look/notes.h),
// whatever is here.
Look LookAt(const Graph& graph, const Contact& contact, absl::Time now, bool keyless = false);

// Says of each host that does not answer why, on stderr.
void PrintSilent(const HostSights& sights);

}  // namespace kplan

#endif  // KPLAN_CLI_ASK_HOSTS_H_
