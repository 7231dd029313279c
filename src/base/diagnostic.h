#ifndef KPLAN_BASE_DIAGNOSTIC_H_
#define KPLAN_BASE_DIAGNOSTIC_H_

// What is wrong with a cluster.yaml, said so that it can be put right: where, what, why, and what to write
// instead; with the other place when two places are involved. Everything wrong is collected; nothing stops at
// the first.
//
//   cluster.yaml:12:7: error: unknown key "host" in a certificate [unknown-key]
//      12 |       host: [worker]
//         |       ^~~~
//      did you mean "hosts"?

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/error_codes.h"
#include "src/base/source.h"

namespace kplan {

struct Diagnostic {
  enum class Severity { kError, kWarning };

  Severity severity = Severity::kError;
  Code code = Code::kInternal;  // for `kplan help CODE`
  Range range;                  // not known(): the file as a whole
  std::string message;          // what is wrong, without a final full stop
  std::string help;             // what to do about it; may be empty, may have several lines
  Range other;                  // the other place involved, when known()
  std::string other_message;

  // Names the other place; nothing happens when it is not known (nobody wrote it).
  void Relate(Range place, std::string what) {
    other = place;
    other_message = std::move(what);
  }
};

class Diagnostics {
 public:
  explicit Diagnostics(const SourceFile* source) : source_(source) {}

  // MESSAGE and HELP are cut where they quote too much of a hostile value (see Quote in text.h).
  Diagnostic& Error(Code code, Range range, std::string message, std::string help = "");
  Diagnostic& Warning(Code code, Range range, std::string message, std::string help = "");

  bool has_errors() const { return errors_ > 0; }
  int error_count() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return all_; }
  const SourceFile& source() const { return *source_; }

  // What is in PLACE is secret (secret_content.h): no line of the source is shown with it.
  void Hide(Range place) { hidden_.push_back(place); }
  // Whether something in PLACE is hidden: then no message quotes what is there.
  bool Hides(Range place) const;
  // The text of LINE (from 1) without its end, as it may be shown: with "*" for each character that is
  // hidden, so that all others stay where they are.
  std::string ShownLine(int line) const;

  // All of them in the order of the file, at most MAX_SHOWN and a line that counts the rest.
  std::string Format(bool color, size_t max_shown = 100) const;

 private:
  Diagnostic& Add(Diagnostic::Severity severity, Code code, Range range, std::string message,
                  std::string help);

  const SourceFile* source_;
  std::vector<Diagnostic> all_;
  std::vector<Range> hidden_;
  int errors_ = 0;
};

}  // namespace kplan

#endif  // KPLAN_BASE_DIAGNOSTIC_H_
