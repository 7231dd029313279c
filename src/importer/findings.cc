#include "src/importer/findings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

std::string WithField(const Place& place, const std::string& message) {
  return place.field.empty() ? message : absl::StrCat(place.field, ": ", message);
}

}  // namespace

size_t Findings::AddFile(std::string path, std::string text) {
  files_.push_back(std::make_unique<File>(std::move(path), std::move(text)));
  File& file = *files_.back();
  if (IsSkipped(files_.size() - 1)) {
    for (const Diagnostic& error : skipped_.at(file.source.path())) {
      file.diagnostics.Warning(error.code, error.range, absl::StrCat(error.message, ": left out"),
                               error.help);
    }
  }
  return files_.size() - 1;
}

void Findings::Error(Code code, const Place& place, const std::string& message, std::string help) {
  if (IsSkipped(place.file)) return;
  files_[place.file]->diagnostics.Error(code, place.range, WithField(place, message), std::move(help));
}

void Findings::Warning(Code code, const Place& place, const std::string& message, std::string help) {
  if (IsSkipped(place.file)) return;
  files_[place.file]->diagnostics.Warning(code, place.range, WithField(place, message), std::move(help));
}

bool Findings::has_errors() const {
  return std::any_of(files_.begin(), files_.end(),
                     [](const auto& file) { return file->diagnostics.has_errors(); });
}

SkippedFiles Findings::ErrorsOfFiles() const {
  SkippedFiles errors;
  if (files_.front()->diagnostics.has_errors()) return errors;
  for (const auto& file : files_) {
    for (const Diagnostic& diagnostic : file->diagnostics.all()) {
      if (diagnostic.severity == Diagnostic::Severity::kError)
        errors[file->source.path()].push_back(diagnostic);
    }
  }
  return errors;
}

std::string Findings::Format(bool color) const {
  std::string out;
  for (const auto& file : files_) out += file->diagnostics.Format(color);
  return out;
}

}  // namespace kplan
