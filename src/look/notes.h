#ifndef KPLAN_LOOK_NOTES_H_
#define KPLAN_LOOK_NOTES_H_

// What is left of kplan's own notes in a folder (.kplan: journals and stamps), and what a look makes of it
// where they are gone. Without them nobody here knows what was put on a host over ssh, and a step is not
// taken for one that was never done because of that.
//
// kLost is about this folder, so the run has to agree with it: a key that is gone is made again. kElsewhere
// is about another one. Nothing but the person's word (`plan --keyless`), or a folder in which no ninja could
// run, tells the two apart: one that no `gen` has written to, without a single private key of the plan. (Who
// only looks leaves open connections in .kplan, and the key of saved plans.)

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/step/outlook.h"

namespace kplan {

enum class Notes : uint8_t {
  // The notes count, and a step that they do not have was never done. So it is also in a new folder.
  kKept,
  // There are certificates of this plan, and no note of any step. Ninja runs every step, and what is right
  // stays as it is. What is on a host over ssh is not known before, and taken for what would be put there
  // from
  // the files that are here: the step is one to look at, and no change.
  kLost,
  // Ninja runs in another folder, on another machine, with the private keys; this one is a clone of what of
  // it is public. A key that is not here is taken to be there when a certificate or a request that is here
  // has its public half. Nothing is told of this machine's "/", which is no host's; and what kplan made for
  // itself (rendered texts, downloads) and is not here is not missing there.
  kElsewhere,
};

// How it is in the current folder. JOURNALS: as Graph::shards().
Notes NotesOf(const Graph& graph, const std::vector<Journal>& journals);

// The private keys of GRAPH, its users' CA keys too, whose files are not here though their public half is:
// the path as in the records, and what is known of the key (ForeseenFile::spki). A file that is there and
// cannot be read is none of them. Reads certificates and requests.
std::map<std::string, ForeseenFile> KeysElsewhere(const Graph& graph);

// The private keys that STEP signs with, or proves that it has: of a certificate its issuer's, of a request
// its own.
std::vector<std::string> SigningKeysOf(const Step& step);

}  // namespace kplan

#endif  // KPLAN_LOOK_NOTES_H_
