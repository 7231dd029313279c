#include "src/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {
namespace {

// Tabs between the fields, in this order; then a path and its signature for each file.
enum Field {
  kLabel,
  kAt,
  kFailed,
  kRecord,
  kDigest,
  kReason,
  kMadeAt,
  kMadeAtBefore,
  kMadeReason,
  kMadeRecord,
  kMadeRecordBefore,
  kFiles
};

// What would end a field or a line, and what escapes it.
void AppendEscaped(absl::string_view text, std::string* out) {
  for (char c : text) {
    if (c == '\\') {
      *out += "\\\\";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (c == '\n') {
      *out += "\\n";
    } else {
      out->push_back(c);
    }
  }
}

std::string Unescape(absl::string_view text) {
  if (text.find('\\') == absl::string_view::npos) return std::string(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    ++i;
    out.push_back(text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : text[i]);
  }
  return out;
}

std::string ToLine(const JournalEntry& entry) {
  std::string line;
  AppendEscaped(entry.label, &line);
  absl::StrAppend(&line, "\t", entry.at, "\t", entry.failed ? 1 : 0, "\t", entry.record, "\t", entry.digest,
                  "\t");
  AppendEscaped(entry.reason, &line);
  absl::StrAppend(&line, "\t", entry.made_at, "\t", entry.made_at_before, "\t");
  AppendEscaped(entry.made_reason, &line);
  absl::StrAppend(&line, "\t", entry.made_record, "\t", entry.made_record_before);
  for (const auto& [path, signature] : entry.files) {
    line.push_back('\t');
    AppendEscaped(path, &line);
    absl::StrAppend(&line, "\t", signature);
  }
  line.push_back('\n');
  return line;
}

// False for a line that is torn, or not of this form.
bool FromLine(absl::string_view line, JournalEntry* entry) {
  absl::InlinedVector<absl::string_view, kFiles + 8> fields;
  for (absl::string_view rest = line;;) {
    fields.push_back(rest.substr(0, rest.find('\t')));
    if (fields.back().size() == rest.size()) break;
    rest.remove_prefix(fields.back().size() + 1);
  }
  if (fields.size() < kFiles || (fields.size() - kFiles) % 2 != 0 || fields[kLabel].empty()) return false;
  int failed = 0;
  if (!absl::SimpleAtoi(fields[kAt], &entry->at) || !absl::SimpleAtoi(fields[kFailed], &failed) ||
      !absl::SimpleAtoi(fields[kMadeAt], &entry->made_at) ||
      !absl::SimpleAtoi(fields[kMadeAtBefore], &entry->made_at_before)) {
    return false;
  }
  entry->label = Unescape(fields[kLabel]);
  entry->failed = failed != 0;
  entry->record = std::string(fields[kRecord]);
  entry->digest = std::string(fields[kDigest]);
  entry->reason = Unescape(fields[kReason]);
  entry->made_reason = Unescape(fields[kMadeReason]);
  entry->made_record = std::string(fields[kMadeRecord]);
  entry->made_record_before = std::string(fields[kMadeRecordBefore]);
  for (size_t i = kFiles; i < fields.size(); i += 2) {
    entry->files.emplace_back(Unescape(fields[i]), std::string(fields[i + 1]));
  }
  return true;
}

int64_t Nanoseconds(const struct timespec& time) { return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec; }

}  // namespace

std::string FileSignature(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "-";
  std::string owner = absl::StrCat(info.st_mode, ".", info.st_uid, ".", info.st_gid);
  if (S_ISDIR(info.st_mode)) return owner;
  return absl::StrCat(owner, ".", info.st_size, ".", Nanoseconds(info.st_mtim), ".",
                      Nanoseconds(info.st_ctim), ".", info.st_ino);
}

Journal Journal::Parse(absl::string_view text) {
  std::vector<absl::string_view> lines;
  // What is behind the last line end is torn: whoever wrote it was killed.
  for (size_t end; (end = text.find('\n')) != absl::string_view::npos; text.remove_prefix(end + 1))
    lines.push_back(text.substr(0, end));
  Journal journal;
  journal.lines_ = lines.size();
  journal.all_.reserve(lines.size());
  journal.by_label_.reserve(lines.size());
  // From the end: most lines of an old journal are of labels that have a later one.
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (journal.by_label_.contains(Unescape(line->substr(0, line->find('\t'))))) continue;
    if (JournalEntry entry; FromLine(*line, &entry)) {
      const JournalEntry& last = journal.all_.emplace_back(std::move(entry));
      journal.by_label_.emplace(last.label, &last);
    }
  }
  return journal;
}

Journal Journal::Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  return text.ok() ? Parse(*text) : Journal();
}

const JournalEntry* Journal::Find(absl::string_view label) const {
  auto found = by_label_.find(label);
  return found == by_label_.end() ? nullptr : found->second;
}

JournalEntry LastEntry(const std::string& path, absl::string_view label) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return {};
  std::string start;
  AppendEscaped(label, &start);
  start.push_back('\t');
  for (size_t at = text->rfind(start); at != std::string::npos; at = text->rfind(start, at - 1)) {
    const size_t end = text->find('\n', at);
    JournalEntry entry;
    const bool line_start = at == 0 || (*text)[at - 1] == '\n';
    if (line_start && end != std::string::npos &&
        FromLine(absl::string_view(*text).substr(at, end - at), &entry)) {
      return entry;
    }
    if (at == 0) break;
  }
  return {};
}

absl::Status AppendEntry(const std::string& path, const JournalEntry& entry) {
  const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(disk::Open(path.c_str(), flags, 0644));
  if (!fd.ok() && errno == ENOENT) {
    if (absl::Status status = MakeFolders(FolderOf(path), Durability::kUnsynced); !status.ok()) return status;
    fd = UniqueFd(disk::Open(path.c_str(), flags, 0644));
  }
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  if (absl::Status status = AwaitLock(fd.get(), LOCK_EX, path); !status.ok()) return status;
  struct stat info;
  if (disk::StatAt(fd.get(), "", &info, AT_EMPTY_PATH) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  char last = '\n';
  if (info.st_size > 0) {
    const ssize_t n = disk::ReadAt(fd.get(), &last, 1, info.st_size - 1);
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    if (n == 0) return absl::AbortedError(absl::StrCat(path, " was cut by somebody else just now"));
  }
  std::string line = last == '\n' ? "" : "\n";
  line += ToLine(entry);
  // Under the lock it may take more than one call; a reader between them sees a line that is torn, and passes
  // it over.
  return WriteAll(fd.get(), line, path);
}

absl::Status WriteJournal(const std::string& path, const std::vector<const JournalEntry*>& entries) {
  std::vector<const JournalEntry*> sorted = entries;
  std::sort(sorted.begin(), sorted.end(),
            [](const JournalEntry* a, const JournalEntry* b) { return a->label < b->label; });
  std::string text;
  for (const JournalEntry* entry : sorted) text += ToLine(*entry);
  // Synced, since it is all that is known of the last runs, and rarely written.
  return WriteFile(path, text, 0644);
}

}  // namespace kplan
