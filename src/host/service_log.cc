#include "src/host/service_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/record.h"
#include "src/host/host_file.h"
#include "src/host/service_marker.h"

namespace kplan {
namespace {

constexpr char kLogFolder[] = "/var/log";
constexpr absl::string_view kSection = "---- kplan starts ";
constexpr off_t kMaxLogTail = 64 << 10;
constexpr size_t kMaxLines = 10, kMaxLineBytes = 1000;

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

std::string LogPath(absl::string_view root, absl::string_view name) {
  return PathFromHere(root, absl::StrCat(kLogFolder, "/", name, ".log"));
}

absl::Status BeginLogSection(const std::string& root, const std::string& name) {
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, kLogFolder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  const std::string path = LogPath(root, name);
  UniqueFd log(openat(folder->get(), absl::StrCat(name, ".log").c_str(),
                      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0640));
  if (!log.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the log ", path));
  struct stat info;
  if (fstat(log.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a plain file"));
  std::string line = absl::StrCat(
      kSection, name, " at ", absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()), "\n");
  // One write, so that it is whole; a full disk must not keep the service from starting, but is told.
  if (write(log.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return ErrnoStatus(errno, absl::StrCat("cannot write the log ", path));
  }
  return absl::OkStatus();
}

std::string LogOfThisStart(const std::string& root, const std::string& name) {
  UniqueFd log(open(LogPath(root, name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!log.ok() || fstat(log.get(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  std::string tail(static_cast<size_t>(std::min(info.st_size, kMaxLogTail)), '\0');
  ssize_t size = pread(log.get(), tail.data(), tail.size(), info.st_size - static_cast<off_t>(tail.size()));
  tail.resize(std::max<ssize_t>(size, 0));
  size_t section = tail.rfind(kSection.data(), std::string::npos, kSection.size());
  if (section == std::string::npos) return tail;
  size_t line_end = tail.find('\n', section);
  return line_end == std::string::npos ? "" : tail.substr(line_end + 1);
}

std::string FullUnitName(absl::string_view name) {
  for (absl::string_view suffix :
       {".service", ".timer", ".socket", ".path", ".target", ".mount", ".automount", ".swap", ".slice"}) {
    if (absl::EndsWith(name, suffix)) return std::string(name);
  }
  return absl::StrCat(name, ".service");
}

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
    command.push_back(absl::StrCat("--lines=", kMaxLines));
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

std::string LastLines(absl::string_view text, size_t first) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::string result;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == first && lines.size() > first + kMaxLines) {
      if (first > 0) absl::StrAppend(&result, "    ...\n");
      i = lines.size() - kMaxLines;
    }
    absl::StrAppend(&result, "    ", lines[i].substr(0, kMaxLineBytes), "\n");
  }
  return result.empty() ? "    (no log lines)\n" : result;
}

}  // namespace kplan
