#include <stdio.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "src/base/files.h"
#include "src/base/record.h"
#include "src/cli/command.h"
#include "src/cli/compile.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

Json ToJson(const Diagnostics& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    Json entry;
    entry["severity"] = diagnostic.severity == Diagnostic::Severity::kError ? "error" : "warning";
    entry["message"] = diagnostic.message;
    entry["help"] = diagnostic.help;
    if (diagnostic.range.known()) {
      SourceFile::Position position = diagnostics.source().PositionOf(diagnostic.range.begin);
      entry["line"] = position.line;
      entry["column"] = position.column;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

int CheckCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("check", arguments, {"--json"}, {}, 1)) return kExitUsage;
  const std::string& path = options.operands()[0];
  absl::StatusOr<std::string> text = ReadFile(path, YamlTree::kMaxBytes + 1);
  if (!text.ok()) return Fail(text.status().message());
  SourceFile source(path, *std::move(text));
  Diagnostics diagnostics(&source);
  absl::optional<Compiled> compiled = Compile(&diagnostics);
  if (options.Has("--json")) {
    Json json;
    json["file"] = path;
    json["good"] = compiled.has_value();
    json["diagnostics"] = ToJson(diagnostics);
    std::string out = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    fputs(out.c_str(), stdout);
  } else {
    Print(diagnostics);
    if (compiled) printf("%s is good: %s\n", path.c_str(), Summary(*compiled).c_str());
  }
  return compiled ? kExitDone : kExitBadSpec;
}

}  // namespace kplan
