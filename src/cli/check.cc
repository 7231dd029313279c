#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/cli/command.h"
#include "src/cli/given_cas.h"
#include "src/cli/review.h"
#include "src/cli/terminal.h"
#include "src/lower/compile.h"
#include "src/show/sarif.h"
#include "src/show/workflow_commands.h"

namespace kplan {
namespace {

Json ToJson(const Diagnostics& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    Json entry;
    entry["severity"] = diagnostic.severity == Diagnostic::Severity::kError ? "error" : "warning";
    entry["message"] = diagnostic.message;
    entry["help"] = diagnostic.help;
    entry["code"] = Slug(diagnostic.code);
    auto place = [&](Range range, Json* object) {
      if (!range.known()) return;
      SourceFile::Position position = diagnostics.source().PositionOf(range.begin);
      (*object)["line"] = position.line;
      (*object)["column"] = position.column;
    };
    place(diagnostic.range, &entry);
    if (diagnostic.fix) {
      // Whole characters stand before it, so that editors can count in either.
      entry["fix"]["begin"] = diagnostic.fix->range.begin;
      entry["fix"]["end"] = diagnostic.fix->range.end;
      entry["fix"]["text"] = diagnostic.fix->text;
    }
    if (diagnostic.other.known()) {
      place(diagnostic.other, &entry["other"]);
      entry["other"]["message"] = diagnostic.other_message;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

int CheckCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("check", arguments)) return kExitUsage;
  const std::string path = SpecOf(options);
  absl::StatusOr<SpecFile> file = SpecFile::Compile(path);
  if (!file.ok()) return Fail(file.status().message());
  const Compiled* compiled = file->compiled();
  const Diagnostics diagnostics = compiled == nullptr ? file->diagnostics() : WithObjections(*file);
  const ReviewFormat format = FormatOf(options);
  // What comes on standard input is no file of a repository.
  const std::string file_name = path == SpecFile::kStandardInput ? "" : path;
  if (format == ReviewFormat::kGithub) {
    PrintText(CheckWorkflowCommands(diagnostics, file_name));
  } else if (format == ReviewFormat::kSarif) {
    PrintJson(CheckSarif(diagnostics, file_name, kVersion));
  } else if (format == ReviewFormat::kJson) {
    Json json;
    json["file"] = path;
    json["good"] = compiled != nullptr;
    json["diagnostics"] = ToJson(diagnostics);
    std::string out = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    PrintJson(out);
  } else {
    Print(diagnostics);
    if (compiled != nullptr)
      PrintText(absl::StrCat(path == SpecFile::kStandardInput ? "standard input" : path,
                             " is good: ", Summary(*compiled), "\n"));
  }
  return compiled != nullptr ? kExitDone : kExitBadSpec;
}

}  // namespace kplan
