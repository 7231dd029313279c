#include "src/cli/compile.h"

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/lower/lower.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"

namespace kplan {

absl::optional<Compiled> Compile(Diagnostics* diagnostics) {
  Cluster cluster;
  {
    Spec spec;
    if (!ReadSpec(diagnostics, &spec)) return absl::nullopt;
    cluster = Resolve(spec, diagnostics);
  }
  if (diagnostics->has_errors()) return absl::nullopt;
  absl::StatusOr<Graph> graph = Lower(cluster);
  if (!graph.ok()) {
    diagnostics->Error({}, absl::StrCat(graph.status().message()),
                       "this is a fault of kplan's: please report it with this file");
    return absl::nullopt;
  }
  return Compiled{std::move(cluster), *std::move(graph)};
}

std::string Summary(const Compiled& compiled) {
  return absl::StrCat(Count(compiled.graph.steps().size(), "step"), " on ",
                      Count(compiled.cluster.hosts.size(), "host"));
}

}  // namespace kplan
