#include "src/systemd/unit_journal.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "src/base/process.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/systemd/unit_name.h"

namespace kplan {
namespace {

// A field of a message as journalctl's JSON has it: text, or the bytes of what is no UTF-8, or a list of
// values when the message has several of the name, of which the last is taken.
std::string Field(const Json& entry, const char* name) {
  auto field = entry.find(name);
  if (field == entry.end()) return "";
  if (field->is_string()) return field->get<std::string>();
  if (!field->is_array() || field->empty()) return "";
  if (field->back().is_string()) return field->back().get<std::string>();
  std::string bytes;
  for (const Json& byte : *field) {
    if (!byte.is_number_unsigned()) return "";
    bytes.push_back(static_cast<char>(byte.get<unsigned>()));
  }
  return bytes;
}

}  // namespace

std::string MessagesOfRun(absl::string_view entries, absl::string_view invocation) {
  std::vector<std::string> messages, unclaimed;
  bool within = false;  // the last that said whose it is was of the run
  for (absl::string_view line : absl::StrSplit(entries, '\n', absl::SkipWhitespace())) {
    const Json entry = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object()) continue;
    std::string run = Field(entry, "INVOCATION_ID");  // systemd's word about the unit
    if (run.empty()) run = Field(entry, "_SYSTEMD_INVOCATION_ID");
    if (run.empty() && !within) {
      unclaimed.push_back(Field(entry, "MESSAGE"));
      continue;
    }
    if (!run.empty()) within = run == invocation;
    if (within) {
      messages.insert(messages.end(), unclaimed.begin(), unclaimed.end());
      messages.push_back(Field(entry, "MESSAGE"));
    }
    unclaimed.clear();
  }
  return absl::StrJoin(messages, "\n");
}

std::string JournalOf(absl::string_view name, absl::string_view invocation) {
  std::vector<std::string> command = {"journalctl", "--no-pager", "--quiet",
                                      absl::StrCat("--unit=", FullUnitName(name))};
  if (invocation.empty()) {
    command.push_back("--output=cat");
    command.push_back(absl::StrCat("--lines=", kLastLines));
  } else {
    // All of it, for its first lines. Not by a match of the invocation: journald (252) often does not know
    // that of a program that has ended before its output is read.
    command.push_back("--lines=2000");
    command.push_back("--output=json");
    command.push_back("--all");
  }
  RunOptions options;
  options.timeout = absl::Seconds(10);
  // What a program printed right before its end journald may have yet to read. Where it cannot be told to (by
  // who is not root), what is there has to do.
  Run({"journalctl", "--sync"}, options).IgnoreError();
  absl::StatusOr<RunResult> journal = Run(command, options);
  if (!journal.ok() || !journal->ok()) return "";
  return invocation.empty() ? journal->out : MessagesOfRun(journal->out, invocation);
}

}  // namespace kplan
