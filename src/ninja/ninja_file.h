#ifndef KPLAN_NINJA_NINJA_FILE_H_
#define KPLAN_NINJA_NINJA_FILE_H_

// The text of a build.ninja for a graph (https://ninja-build.org/manual.html). The pattern, and why:
//
//   build .kplan/stamps/cert/kubernetes: step .kplan/stamps/csr/kubernetes .kplan/stamps/ca/cert
//
// An edge's only output is a stamp whose content is the digest of the artifact, rewritten only when that
// changes (restat); the depfile names the artifact as an input of its own stamp. So ninja, which deletes
// outputs when it is interrupted, when an edge goes away and on -t clean, owns nothing that matters; and a
// deleted or edited artifact re-runs its step. docs/graph.md has the whole of it.

#include <string>

#include "absl/strings/string_view.h"
#include "src/base/text_sink.h"
#include "src/graph/graph.h"
#include "src/graph/limit.h"

namespace kplan {

struct NinjaOptions {
  std::string kplan;  // the program that the commands run; a plain path (IsPlainPath)
  std::string spec;   // cluster.yaml as seen from DIR; a plain path
  // For a part of the graph: the file is .kplan/limit.ninja, and builds that. All other steps are in it as
  // ever, so that ninja, which throws away what it knows of steps that it does not find, keeps that. A step
  // that is done in part has no stamp (paths::Partial): the one of the whole step does not become newer than
  // what it is made from, and the next whole run does the rest.
  const Limit* limit = nullptr;
};

// Writes build.ninja. It regenerates itself: before anything else ninja runs `kplan gen`, which looks at what
// ninja cannot see. The text goes to SINK in pieces, in order: for thousands of hosts it is tens of
// megabytes.
void WriteNinjaFile(const Graph& graph, const NinjaOptions& options, TextSink sink);

// What stands in for build.ninja while `gen` writes the files it refers to: it can only run `gen` again.
std::string NinjaStub(const NinjaOptions& options);

// NAME as a path in a build line: "$", ":" and spaces escaped. Paths are plain by the time they come here;
// this is the second lock on the door.
std::string EscapeNinjaPath(absl::string_view path);

// TEXT as a part of a variable's value that a person reads: "$" escaped, and a "?" for every byte that is no
// printable ASCII: a line end would end the value.
std::string EscapeNinjaText(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_NINJA_NINJA_FILE_H_
