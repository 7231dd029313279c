#include "src/lower/compile.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/lower/lower.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

namespace {

// From text to graph. Nothing when DIAGNOSTICS, which holds the source, got an error. KEPT, if given, becomes
// what was read.
std::optional<Compiled> CompileSource(Diagnostics* diagnostics, std::optional<Spec>* kept = nullptr) {
  Cluster cluster;
  {
    Spec spec;
    if (!ReadSpec(diagnostics, &spec)) return std::nullopt;
    cluster = Resolve(spec, diagnostics);
    if (kept != nullptr) *kept = std::move(spec);
  }
  if (diagnostics->has_errors()) return std::nullopt;
  absl::StatusOr<Graph> graph = Lower(cluster);
  if (!graph.ok()) {
    diagnostics->Error(Code::kInternal, {}, absl::StrCat(graph.status().message()),
                       "this is a fault of kplan's: please report it with this file");
    return std::nullopt;
  }
  return Compiled{std::move(cluster), *std::move(graph)};
}

}  // namespace

absl::StatusOr<SpecFile> SpecFile::Compile(const std::string& path, Keep keep) {
  absl::StatusOr<std::string> text = ReadFile(path, YamlTree::kMaxBytes);
  if (absl::IsOutOfRange(text.status())) {
    SpecFile file(std::make_unique<SourceFile>(path, ""));
    file.diagnostics_.Error(Code::kTooLarge, {}, "larger than 64 MiB",
                            "10,000 hosts are 2.4 MB: is this a cluster.yaml?");
    return file;
  }
  if (!text.ok()) return text.status();
  SpecFile file(std::make_unique<SourceFile>(path, *std::move(text)));
  file.compiled_ = CompileSource(&file.diagnostics_, keep == Keep::kSpecToo ? &file.spec_ : nullptr);
  return file;
}

SpecFile SpecFile::CompileText(std::string path, std::string text) {
  SpecFile file(std::make_unique<SourceFile>(std::move(path), std::move(text)));
  file.compiled_ = CompileSource(&file.diagnostics_);
  return file;
}

std::string Summary(const Compiled& compiled) {
  std::string steps = Count(compiled.graph.steps().size(), "step");
  size_t hosts = compiled.cluster.hosts.size();
  return hosts == 0 ? steps : absl::StrCat(steps, " on ", Count(hosts, "host"));
}

}  // namespace kplan
