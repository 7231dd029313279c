#include "src/lower/compile.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/lower/lower.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"
#include "src/spec/yaml_tree.h"

namespace kplan {

namespace {

// What comes on standard input, to its end. OutOfRange when that is more than MAX_BYTES.
absl::StatusOr<std::string> ReadInput(size_t max_bytes) {
  std::string content;
  for (size_t filled = 0;;) {
    content.resize(std::max(filled * 2, size_t{64} << 10));
    const ssize_t n = disk::Read(STDIN_FILENO, &content[filled], content.size() - filled);
    if (n < 0) return ErrnoStatus(errno, "cannot read standard input");
    filled += static_cast<size_t>(n);
    if (filled > max_bytes) return absl::OutOfRangeError("standard input is too large");
    if (n > 0) continue;
    content.resize(filled);
    return content;
  }
}

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
  const bool input = path == kStandardInput;
  absl::StatusOr<std::string> text =
      input ? ReadInput(YamlTree::kMaxBytes) : ReadFile(path, YamlTree::kMaxBytes);
  if (absl::IsNotFound(text.status()) && !input) {
    return absl::NotFoundError(
        absl::StrCat(text.status().message(), "; `kplan init` writes a cluster.yaml to begin with"));
  }
  const std::string name = input ? "standard input" : path;
  if (absl::IsOutOfRange(text.status())) {
    SpecFile file(std::make_unique<SourceFile>(name, ""));
    file.diagnostics_.Error(Code::kTooLarge, {}, "larger than 64 MiB",
                            "10,000 hosts are 2.4 MB: is this a cluster.yaml?");
    return file;
  }
  if (!text.ok()) return text.status();
  SpecFile file(std::make_unique<SourceFile>(name, *std::move(text)));
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
