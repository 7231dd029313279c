#ifndef KPLAN_DIFF_GRAPH_DIFF_H_
#define KPLAN_DIFF_GRAPH_DIFF_H_

// What becomes of the steps of a plan when its cluster.yaml becomes another one. Two graphs are compared, and
// nothing is looked at: no host, no key, no file, and no note of kplan's. So it is the whole difference
// between two texts, and says nothing of what either of them would find. What it says it says as `plan` does:
// the same report, in the same words.

#include <functional>
#include <string>
#include <vector>

#include "src/graph/graph.h"
#include "src/look/forecast.h"
#include "src/show/plan_report.h"
#include "src/why/spec_edits.h"

namespace kplan {

struct GraphDiff {
  Forecast forecast;  // of the new graph's steps; without journals
  PlanReport report;
  std::vector<std::string> gone;  // the labels that the new graph does not have, in the order of the old one
};

// Whether a file that cluster.yaml names (SourceRecord::path) is another one on the new side.
using SourceEdited = std::function<bool(const std::string& path)>;

// From BEFORE to AFTER, whose texts SPEC compares; PATH: the new one's. All must outlive nothing.
GraphDiff DiffGraphs(const Graph& before, const Graph& after, const SpecDiff& spec, const std::string& path,
                     const SourceEdited& source_edited);

}  // namespace kplan

#endif  // KPLAN_DIFF_GRAPH_DIFF_H_
