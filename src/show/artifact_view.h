#ifndef KPLAN_SHOW_ARTIFACT_VIEW_H_
#define KPLAN_SHOW_ARTIFACT_VIEW_H_

// One artifact, for `kplan show LABEL`: what it is, how it stands, what it is made from and what is made from
// it. The texts come out of files, too: whoever prints them on a terminal escapes them.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/record.h"
#include "src/graph/graph.h"
#include "src/look/forecast.h"

namespace kplan {

// One of the files of an artifact, as it is now.
struct ArtifactFile {
  std::string path;         // as seen from DIR
  std::string problem;      // "missing", or why it cannot be looked at; the others are then empty
  std::string mode, owner;  // "0644", "root"
  // The host of the file, where that is reached over ssh. Such a file was not looked at: only `host` and
  // `path` are set, the latter as "HOST:/path".
  std::string host = {};
};

// Another artifact that has to do with this one.
struct ArtifactNeighbour {
  std::string label, file;  // its first file as seen from DIR; of a service its name; may be empty
  StepState state = StepState::kFresh;
};

struct ArtifactView {
  std::string label, kind, verb, host;  // "cert/kubernetes", "cert" (the record's), "SIGN", "shared"
  std::string what;                     // "certificate"
  std::vector<ArtifactFile> files;
  std::string service;  // of a service its name, empty otherwise

  StepState state = StepState::kFresh;
  Fate fate = Fate::kFresh;
  std::vector<std::string> reasons;  // why it is not fresh, one a line
  std::vector<Change> changes;       // what the next run would change
  bool starts = false, restarts = false, reloads = false;
  std::string note;

  StringPairs details;  // (name, text)

  std::vector<ArtifactNeighbour> inputs, after, users;
  size_t dependents = 0;  // direct or not

  std::string place;  // the entry of cluster.yaml that it is made for: "certs.kubernetes"; may be empty
  int line = 0;       // its line; 0: not known

  bool ran = false;        // whether the last run is known
  JournalEntry last;       // that run
  std::string record;      // canonical JSON; it holds no secrets
  std::string digest;      // of the record
  std::string stamp_file;  // ".kplan/stamps/cert/kubernetes"
  std::string stamp;       // its content; empty: there is none
};

// FORECAST is GRAPH's. SPEC_TEXT is the text that it was compiled from. Looks at the artifact below the
// current folder, and changes nothing.
ArtifactView ViewArtifact(const Graph& graph, const Forecast& forecast, StepId step,
                          const std::string& spec_text, absl::Time now);

// A group's members, or all artifacts: each with its state and its file.
std::vector<ArtifactNeighbour> ViewArtifacts(const Graph& graph, const Forecast& forecast,
                                             const std::vector<StepId>& steps);

}  // namespace kplan

#endif  // KPLAN_SHOW_ARTIFACT_VIEW_H_
