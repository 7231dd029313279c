#include "src/show/sarif.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "src/base/error_codes.h"
#include "src/base/fields.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// PATH as a relative reference (RFC 3986 4.2): all but what a path may have is escaped.
std::string UriOf(absl::string_view path) {
  std::string uri;
  for (unsigned char c : path) {
    if (absl::ascii_isalnum(c) ||
        absl::string_view("/._-~+@=,").find(static_cast<char>(c)) != absl::string_view::npos) {
      uri.push_back(static_cast<char>(c));
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", c);
    }
  }
  return uri;
}

const char* LevelOf(Weight weight) {
  switch (weight) {
    case Weight::kError:
      return "error";
    case Weight::kWarning:
      return "warning";
    case Weight::kNote:
      break;
  }
  return "note";
}

class Log {
 public:
  explicit Log(std::string file) : file_(std::move(file)) {}

  // MEANING: of the rule, for people. REGION may be null: the whole file.
  Json* AddResult(const std::string& rule, const std::string& meaning, Weight weight,
                  const std::string& message, Json region) {
    if (results_.size() == kMostResults) {
      ++left_out_;
      return nullptr;
    }
    Json result;
    auto [known, fresh] = rules_.emplace(rule, rules_list_.size());
    if (fresh) {
      Json entry;
      entry["id"] = rule;
      entry["shortDescription"]["text"] = ShownLines(meaning);
      rules_list_.push_back(std::move(entry));
    }
    result["ruleId"] = rule;
    result["ruleIndex"] = known->second;
    result["level"] = LevelOf(weight);
    result["message"]["text"] = ShownLines(message);
    if (!file_.empty()) {
      Json location;
      location["physicalLocation"]["artifactLocation"] = Artifact();
      if (!region.is_null()) location["physicalLocation"]["region"] = std::move(region);
      result["locations"].push_back(std::move(location));
    }
    results_.push_back(std::move(result));
    return &results_.back();
  }

  Json Artifact() const {
    Json artifact;
    artifact["uri"] = UriOf(file_);
    // An absolute path is none of the repository's.
    if (file_.front() != '/') artifact["uriBaseId"] = "%SRCROOT%";
    return artifact;
  }

  // GOOD: the command came to its end, and could say all.
  std::string Text(bool good, absl::string_view version) && {
    Json run;
    run["tool"]["driver"]["name"] = "kplan";
    run["tool"]["driver"]["semanticVersion"] = std::string(version);
    run["tool"]["driver"]["rules"] = std::move(rules_list_);
    run["columnKind"] = "unicodeCodePoints";
    run["results"] = std::move(results_);
    Json invocation;
    invocation["executionSuccessful"] = good;
    if (left_out_ > 0) {
      Json note;
      note["level"] = "warning";
      note["message"]["text"] =
          absl::StrCat(left_out_, " results are left out: there are more than ", kMostResults);
      invocation["toolExecutionNotifications"].push_back(std::move(note));
    }
    run["invocations"].push_back(std::move(invocation));
    Json log;
    log["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
    log["version"] = "2.1.0";
    log["runs"].push_back(std::move(run));
    return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  const std::string file_;
  std::map<std::string, size_t> rules_;
  Json rules_list_ = Json::array(), results_ = Json::array();
  size_t left_out_ = 0;
};

// "would-fail"
std::string RuleOf(char sign) { return absl::StrReplaceAll(MeaningOf(sign), {{" ", "-"}}); }

std::string MessageOf(const PlanLine& line) {
  std::string text = absl::StrCat(line.label, ": ", line.what);
  for (const PlanLine& part : line.parts) absl::StrAppend(&text, "\n", part.label, ": ", part.what);
  for (const std::string& because : line.because) absl::StrAppend(&text, "\nbecause ", because);
  for (const std::string& key : line.needs)
    absl::StrAppend(&text, "\nneeds the private key ", key, ", which is not here");
  return text;
}

// Columns from 1, the end behind the last character.
Json RegionOf(const SourceFile& source, Range range) {
  if (!range.known()) return Json();
  const SourceFile::Position begin = source.PositionOf(range.begin), end = source.PositionOf(range.end);
  Json region;
  region["startLine"] = begin.line;
  region["startColumn"] = begin.column;
  region["endLine"] = end.line;
  region["endColumn"] = end.column;
  return region;
}

}  // namespace

std::string PlanSarif(const PlanView& view, absl::string_view version) {
  Log log(view.file);
  for (const PlanSection& section : view.sections) {
    for (const PlanLine& line : section.lines) {
      if (line.sign == '?' || line.sign == '=') continue;
      Json region;
      if (line.line > 0) region["startLine"] = line.line;
      if (line.column > 0) region["startColumn"] = line.column;
      Json* result = log.AddResult(RuleOf(line.sign), MeaningOf(line.sign), WeightOf(line), MessageOf(line),
                                   std::move(region));
      // Which result of one run is which of another one.
      if (result != nullptr) (*result)["partialFingerprints"]["label/v1"] = Shown(line.label);
    }
  }
  for (const std::string& label : view.gone) {
    Json* result = log.AddResult("gone", view.gone_title, Weight::kNote,
                                 absl::StrCat(label, ": ", view.gone_title), Json());
    if (result != nullptr) (*result)["partialFingerprints"]["label/v1"] = Shown(label);
  }
  return std::move(log).Text(/*good=*/true, version);
}

std::string CheckSarif(const Diagnostics& diagnostics, const std::string& file, absl::string_view version) {
  Log log(file);
  const SourceFile& source = diagnostics.source();
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    const bool error = diagnostic.severity == Diagnostic::Severity::kError;
    const std::string slug(Slug(diagnostic.code));
    Json* result =
        log.AddResult(slug, absl::StrCat("kplan help ", slug), error ? Weight::kError : Weight::kWarning,
                      absl::StrCat(diagnostic.message, diagnostic.help.empty() ? "" : "\n", diagnostic.help),
                      RegionOf(source, diagnostic.range));
    if (result == nullptr || file.empty()) continue;
    if (diagnostic.other.known()) {
      Json location;
      location["physicalLocation"]["artifactLocation"] = log.Artifact();
      location["physicalLocation"]["region"] = RegionOf(source, diagnostic.other);
      location["message"]["text"] = ShownLines(diagnostic.other_message);
      (*result)["relatedLocations"].push_back(std::move(location));
    }
    if (diagnostic.fix.has_value() && diagnostic.fix->range.known()) {
      Json replacement, change, fix;
      replacement["deletedRegion"] = RegionOf(source, diagnostic.fix->range);
      replacement["insertedContent"]["text"] = diagnostic.fix->text;
      change["artifactLocation"] = log.Artifact();
      change["replacements"].push_back(std::move(replacement));
      fix["artifactChanges"].push_back(std::move(change));
      (*result)["fixes"].push_back(std::move(fix));
    }
  }
  return std::move(log).Text(/*good=*/true, version);
}

}  // namespace kplan
