#include "src/systemd/unit_journal.h"

#include <algorithm>
#include <utility>
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

struct Message {
  std::string run;  // the invocation whose it is; empty when it does not say
  std::string text;
};

// The oldest first.
std::vector<Message> ReadMessages(absl::string_view entries) {
  std::vector<Message> messages;
  for (absl::string_view line : absl::StrSplit(entries, '\n', absl::SkipWhitespace())) {
    const absl::StatusOr<Json> entry = ParseJson(line);
    if (!entry.ok() || !entry->is_object()) continue;
    std::string run = Field(*entry, "INVOCATION_ID");  // systemd's word about the unit
    if (run.empty()) run = Field(*entry, "_SYSTEMD_INVOCATION_ID");
    messages.push_back({std::move(run), Field(*entry, "MESSAGE")});
  }
  std::reverse(messages.begin(), messages.end());
  return messages;
}

// Where the runs begin that have at least kLastLines messages together.
size_t BeginOfLastRuns(const std::vector<Message>& messages) {
  size_t begin = messages.size();
  std::string run;
  while (begin > 0) {
    const std::string& its = messages[begin - 1].run;
    if (messages.size() - begin >= kLastLines && !its.empty() && !run.empty() && its != run) break;
    if (!its.empty()) run = its;
    --begin;
  }
  return begin;
}

}  // namespace

std::string MessagesOfRun(absl::string_view entries, absl::string_view invocation) {
  const std::vector<Message> all = ReadMessages(entries);
  std::vector<std::string> messages, unclaimed;
  bool within = invocation.empty();  // the last that said whose it is was of the run
  for (size_t i = invocation.empty() ? BeginOfLastRuns(all) : 0; i < all.size(); ++i) {
    const Message& message = all[i];
    if (message.run.empty() && !within) {
      unclaimed.push_back(message.text);
      continue;
    }
    if (!message.run.empty() && !invocation.empty()) within = message.run == invocation;
    if (within) {
      messages.insert(messages.end(), unclaimed.begin(), unclaimed.end());
      messages.push_back(message.text);
    }
    unclaimed.clear();
  }
  return absl::StrJoin(messages, "\n");
}

std::string JournalOf(absl::string_view name, absl::string_view invocation) {
  RunOptions options;
  options.timeout = absl::Seconds(10);
  // What a program printed right before its end journald may have yet to read. Where it cannot be told to (by
  // who is not root), what is there has to do.
  Run({"journalctl", "--sync"}, options).IgnoreError();
  // The newest first: of a long journal the rest is dropped (RunResult), and it is the end that says why. Not
  // by a match of the invocation: journald (252) often does not know that of a program that has ended before
  // its output is read.
  absl::StatusOr<RunResult> journal =
      Run({"journalctl", "--no-pager", "--quiet", absl::StrCat("--unit=", FullUnitName(name)), "--reverse",
           "--lines=2000", "--output=json", "--all",
           "--output-fields=MESSAGE,INVOCATION_ID,_SYSTEMD_INVOCATION_ID"},
          options);
  if (!journal.ok()) return "";
  return MessagesOfRun(journal->out, invocation);
}

}  // namespace kplan
