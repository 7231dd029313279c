#ifndef KPLAN_LOWER_COMPILE_H_
#define KPLAN_LOWER_COMPILE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/graph/graph.h"
#include "src/model/cluster.h"
#include "src/spec/spec.h"

namespace kplan {

// What a cluster.yaml compiles to.
struct Compiled {
  Cluster cluster;
  Graph graph;
};

// A cluster.yaml, from its text to its graph.
class SpecFile {
 public:
  // What is kept of it. The Spec is as large as the text, so only where somebody wants to see it
  // (`kplan show`).
  enum class Keep { kGraph, kSpecToo };

  // Of PATH: what comes on standard input.
  static constexpr char kStandardInput[] = "-";

  // An error only when PATH cannot be read; what is wrong in it is in diagnostics().
  static absl::StatusOr<SpecFile> Compile(const std::string& path, Keep keep = Keep::kGraph);
  // The same for TEXT, which is, was or might be that of PATH. No file is read.
  static SpecFile CompileText(std::string path, std::string text);

  const Diagnostics& diagnostics() const { return diagnostics_; }
  // Null when there are errors.
  const Compiled* compiled() const { return compiled_.has_value() ? &*compiled_ : nullptr; }
  // What is written; null when there are errors, and unless it was to be kept.
  const Spec* spec() const { return compiled_.has_value() && spec_.has_value() ? &*spec_ : nullptr; }

 private:
  explicit SpecFile(std::unique_ptr<SourceFile> source)
      : source_(std::move(source)), diagnostics_(source_.get()) {}

  std::unique_ptr<SourceFile> source_;
  Diagnostics diagnostics_;
  std::optional<Spec> spec_;
  std::optional<Compiled> compiled_;
};

// "22 steps on 1 host"; "6 steps" where there is no host
std::string Summary(const Compiled& compiled);

}  // namespace kplan

#endif  // KPLAN_LOWER_COMPILE_H_
