#ifndef KPLAN_IMPORTER_FINDINGS_H_
#define KPLAN_IMPORTER_FINDINGS_H_

// What an import has to say about the files it reads: errors and warnings, each with its file and, where
// there is one, the field and the range of the text.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/base/error_codes.h"
#include "src/base/source.h"

namespace kplan {

// Where a value comes from.
struct Place {
  size_t file = 0;    // as Findings::AddFile numbered it
  Range range;        // not known(): the file as a whole (a certificate has no lines)
  std::string field;  // "names[0].C" of a JSON file, "subject C" of a certificate; "" when none
};

// A value that came from a file.
struct Sourced {
  std::string value;
  Place place;
};

// Files that an import leaves out because of the errors in them, by path.
using SkippedFiles = std::map<std::string, std::vector<Diagnostic>>;

class Findings {
 public:
  // SKIPPED: nothing more is said of these files than what is there, as warnings.
  explicit Findings(SkippedFiles skipped = {}) : skipped_(std::move(skipped)) {}

  // TEXT is what ranges point into; "" for a file that is not text. The first stands for the input as a
  // whole.
  size_t AddFile(std::string path, std::string text);

  void Error(Code code, const Place& place, const std::string& message, std::string help = "");
  void Warning(Code code, const Place& place, const std::string& message, std::string help = "");

  bool has_errors() const;
  bool IsSkipped(size_t file) const { return file != 0 && skipped_.count(PathOf(file)) > 0; }
  // The files with errors, each with these; none when there is one of the input as a whole (file 0), which
  // does not go when a file is left out.
  SkippedFiles ErrorsOfFiles() const;
  const std::string& PathOf(size_t file) const { return files_[file]->source.path(); }

  // In the order in which the files were added. COLOR as in Diagnostics::Format.
  std::string Format(bool color) const;

 private:
  struct File {
    File(std::string path, std::string text)
        : source(std::move(path), std::move(text)), diagnostics(&source) {}
    SourceFile source;
    Diagnostics diagnostics;
  };

  SkippedFiles skipped_;
  std::vector<std::unique_ptr<File>> files_;
};

}  // namespace kplan

#endif  // KPLAN_IMPORTER_FINDINGS_H_
