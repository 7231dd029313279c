#ifndef KPLAN_CLI_COMPILE_H_
#define KPLAN_CLI_COMPILE_H_

#include <string>

#include "absl/types/optional.h"
#include "src/base/diagnostic.h"
#include "src/graph/graph.h"
#include "src/model/cluster.h"

namespace kplan {

// What a cluster.yaml compiles to.
struct Compiled {
  Cluster cluster;
  Graph graph;
};

// From text to graph. Nothing when DIAGNOSTICS, which holds the source, got an error.
absl::optional<Compiled> Compile(Diagnostics* diagnostics);

// "22 steps on 1 host"
std::string Summary(const Compiled& compiled);

}  // namespace kplan

#endif  // KPLAN_CLI_COMPILE_H_
