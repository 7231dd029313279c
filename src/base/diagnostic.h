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

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/base/error_codes.h"
#include "src/base/source.h"

namespace kplan {

// What to do about something that is wrong: words for people and, where they propose one text for the place
// that is wrong, that text. A text that is proposed is one that will do: it is good there, and means what was
// meant (tests/bad_spec_test.py writes each of them).
struct Remedy {
  Remedy() = default;
  Remedy(std::string text) : words(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  Remedy(absl::string_view text) : words(text) {}       // NOLINT(google-explicit-constructor)
  Remedy(const char* text) : words(text) {}             // NOLINT(google-explicit-constructor)
  Remedy(std::string text, absl::string_view other) : words(std::move(text)), instead(other) {}

  std::string words;                   // may be empty, may have several lines
  std::optional<std::string> instead;  // a value or a key, before YAML's quotes
};

// "write VALUE", and what else there is to say (AND: ", or leave it out").
Remedy Write(absl::string_view value, absl::string_view and_also = "");

// `did you mean "X"?` for the nearest of CANDIDATES to WORD; OTHERWISE when none is near (text.h Nearest).
Remedy MeantOr(absl::string_view word, const std::vector<absl::string_view>& candidates, Remedy otherwise);

// A status with REASON and REMEDY, for those who know what is wrong and not where: its message is the reason
// and, after a line end, the words.
absl::Status Refusal(absl::string_view reason, const Remedy& remedy);
std::string ReasonOf(const absl::Status& refusal);
Remedy RemedyOf(const absl::Status& refusal);

// A change of the text that puts something right: TEXT, as YAML, for what stands in RANGE.
struct Fix {
  Range range;
  std::string text;
};

struct Diagnostic {
  enum class Severity { kError, kWarning };

  Severity severity = Severity::kError;
  Code code = Code::kInternal;  // for `kplan help CODE`
  Range range;                  // not known(): the file as a whole
  std::string message;          // what is wrong, without a final full stop
  std::string help;             // what to do about it; may be empty, may have several lines
  std::optional<Fix> fix;       // the same for a program, where that is one text for one place
  Range other;                  // the other place involved, when known()
  std::string other_message;

  // Says WORDS about what to do, and proposes no text after all.
  void Unfix(std::string words) {
    help = std::move(words);
    fix.reset();
  }

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
  Diagnostic& Error(Code code, Range range, std::string message, Remedy help = {});
  Diagnostic& Warning(Code code, Range range, std::string message, Remedy help = {});

  // The change that puts the last one right: TEXT, as YAML, for RANGE.
  void Propose(Range range, std::string text) { all_.back().fix = Fix{range, std::move(text)}; }

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
  Diagnostic& Add(Diagnostic::Severity severity, Code code, Range range, std::string message, Remedy help);

  const SourceFile* source_;
  std::vector<Diagnostic> all_;
  std::vector<Range> hidden_;
  int errors_ = 0;
};

}  // namespace kplan

#endif  // KPLAN_BASE_DIAGNOSTIC_H_
