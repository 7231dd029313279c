#include "src/step/step.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/apply/applied.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/etcd/rollout_etcd.h"
#include "src/host/host_file.h"
#include "src/host/run_lock.h"
#include "src/remote/plan_hosts.h"
#include "src/remote/remote_step.h"
#include "src/steps/kinds.h"

namespace kplan {
namespace {

absl::StatusOr<Json> LoadRecord(const std::string& shard, const std::string& label,
                                const std::string& digest) {
  absl::StatusOr<std::string> text = ReadFile(shard);
  if (!text.ok()) return text.status();
  absl::string_view record = FindRecordText(*text, label);
  if (record.empty() || Sha256Hex(record) != digest) {
    return absl::FailedPreconditionError(
        absl::StrCat(shard,
                     record.empty() ? " has no record of it"
                                    : " has another record of it than build.ninja was written for",
                     "; run `kplan gen` again"));
  }
  return ParseRecord(record);
}

absl::StatusOr<StepResult> RunOn(const std::string& host, const std::string& label, const Json& record) {
  absl::StatusOr<std::optional<RemoteHost>> remote = FindRemoteHost(host);
  if (!remote.ok()) return remote.status();
  if (remote->has_value()) return RunRemoteStep(**remote, label, record);
  return absl::FailedPreconditionError(
      absl::StrCat("there is no step host/", host, ", which says how it is reached; run `kplan gen` again"));
}

// At once: whoever looks on has minutes to go.
void Tell(const std::string& line) {
  PrintText(absl::StrCat(line, "\n"));
  FlushOutput();
}

// The step of RECORD for HOSTS alone. What it does leaves the artifact half done, so its stamp goes first:
// whatever becomes of this, the next whole run does the rest.
absl::StatusOr<StepResult> RunPart(const StepContext& context, const Json& record,
                                   const std::vector<std::string>& hosts) {
  if (WordOf(record) != RolloutRecord::kWord)
    return absl::InternalError("this kind of step is not done for some hosts alone");
  absl::StatusOr<RolloutRecord> rollout = FromJson<RolloutRecord>(record);
  if (!rollout.ok()) return rollout.status();
  const std::string stamp = paths::Stamp(context.label);
  if (unlink(stamp.c_str()) != 0 && errno != ENOENT)
    return ErrnoStatus(errno, absl::StrCat("cannot remove ", stamp));
  return RollOutPart(context, *rollout, hosts);
}

absl::StatusOr<StepResult> RunStep(const std::string& label, const Json& record,
                                   const std::vector<std::string>& only) {
  PlanHosts hosts;
  StepContext context = {label, absl::Now(), &hosts};
  context.tell = Tell;
  if (!only.empty()) return RunPart(context, record, only);
  const std::string word = WordOf(record);
  if (StepFunction remote = FindRemoteStep(word)) return remote(context, record);
  const StepFunctions* functions = FindStepFunctions(word);
  if (functions == nullptr) return UnknownKind(word);
  // One that cannot be read has no host, and fails here.
  const std::string host = SshHostOf(AnyRecordOf(record));
  return host.empty() ? functions->run(context, record) : RunOn(host, label, record);
}

// ERROR of the step of RECORD, with what to do when only root could have done it.
absl::Status WithRemedy(const absl::Status& error, const Json& record) {
  const AnyRecord any = AnyRecordOf(record);
  const Kind* kind = KindOf(any);
  const bool here = kind != nullptr && kind->where == Where::kOnHost && SshHostOf(any).empty();
  if (!absl::IsPermissionDenied(error) || !here || geteuid() == 0) return error;
  return absl::Status(error.code(), absl::StrCat(error.message(),
                                                 "\n  if only root may do that, give the host "
                                                 "`become: sudo` in cluster.yaml, or run ninja as root"));
}

// A path in a depfile: ninja reads spaces, "$", "#" and backslashes as make does.
std::string EscapeDepfilePath(absl::string_view path) {
  std::string out;
  for (char c : path) {
    if (c == '$') out.push_back('$');
    if (c == ' ' || c == '#' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

absl::Status WriteWhereItDiffers(const std::string& path, const std::string& content) {
  absl::StatusOr<std::string> old = ReadFile(path, content.size());
  if (old.ok() && *old == content) return absl::OkStatus();
  return WriteScratchFile(path, content, 0644);
}

// Whether an earlier run wrote both, and was killed, or its ninja was, before ninja noted it: ninja removes
// the depfile once it has read it. (A stamp that is older than the depfile was right before that run; of that
// one ninja knows.)
bool WasMissed(const std::string& depfile, const std::string& stamp) {
  struct stat depfile_info, stamp_info;
  return stat(depfile.c_str(), &depfile_info) == 0 && stat(stamp.c_str(), &stamp_info) == 0 &&
         absl::TimeFromTimespec(stamp_info.st_mtim) >= absl::TimeFromTimespec(depfile_info.st_mtim);
}

// The depfile goes first: a stamp without its depfile would be a step that no edit of the artifact re-runs.
absl::Status WriteStamp(const std::string& label, const StepResult& result) {
  std::string stamp = paths::Stamp(label);
  const bool missed = WasMissed(paths::Depfile(label), stamp);
  std::string depfile = absl::StrCat(EscapeDepfilePath(stamp), ":");
  for (const std::string& file : result.files) absl::StrAppend(&depfile, " ", EscapeDepfilePath(file));
  depfile += "\n";
  if (absl::Status status = WriteWhereItDiffers(paths::Depfile(label), depfile); !status.ok()) return status;
  const std::string content = result.digest + "\n";
  // Ninja has no record yet of what the stamp depends on. Would the stamp stay as it is, ninja would note the
  // time of the newest input that it knows of, which is older than the artifact, and run this once more. And
  // what waits for a restart has to come to whoever restarts.
  if (missed || !result.waiting.empty()) return WriteScratchFile(stamp, content, 0644);
  return WriteWhereItDiffers(stamp, content);
}

// The name of a shard by its file: ".kplan/steps/worker.json".
std::string ShardName(absl::string_view file) {
  absl::string_view name = file.substr(file.rfind('/') + 1);
  return std::string(absl::StripSuffix(name, ".json"));
}

// A step that ninja lets have the terminal (ninja/ninja_file.cc) has ninja's own stdout, which may be closed.
// That nobody reads what it says is no reason to fail.
absl::Status OpenStdout() {
  if (fcntl(STDOUT_FILENO, F_GETFD) >= 0) return absl::OkStatus();
  // It may get stdout's number itself, and stays then.
  const int nothing = disk::Open("/dev/null", O_WRONLY);
  if (nothing < 0 || (nothing != STDOUT_FILENO && dup2(nothing, STDOUT_FILENO) < 0))
    return ErrnoStatus(errno, "/dev/null");
  if (nothing != STDOUT_FILENO) close(nothing);
  return absl::OkStatus();
}

// What the journal is to say of this run. RESULT: an error when it failed.
JournalEntry Remember(const JournalEntry& last, const std::string& label, const std::string& record_digest,
                      const Json& record, const absl::StatusOr<StepResult>& result) {
  constexpr size_t kMaxMessage = 4096;
  JournalEntry entry = last;
  entry.label = label;
  entry.at = absl::ToUnixMillis(absl::Now());
  entry.record = record_digest;
  entry.failed = !result.ok();
  if (!result.ok()) {
    entry.reason = std::string(result.status().message().substr(0, kMaxMessage));
    entry.files.clear();
    return entry;
  }
  entry.digest = result->digest;
  entry.reason = result->reason;
  entry.files.clear();
  for (const std::string& file : result->files) entry.files.emplace_back(file, FileSignature(file));
  const AnyRecord any = AnyRecordOf(record);
  // Not for ninja: when it has been put in place, nothing has to be done about that.
  if (!result->waiting.empty() && SshHostOf(any).empty())
    entry.files.emplace_back(result->waiting, FileSignature(result->waiting));
  // A folder is no file that ninja could look at, and has attributes that `gen` can; when it is here.
  if (const auto* dir = std::get_if<DirRecord>(&any); dir != nullptr && dir->host.empty()) {
    std::string folder = PathFromHere(dir->root, dir->path);
    std::string signature = FileSignature(folder);
    entry.files.emplace_back(std::move(folder), std::move(signature));
  }
  if (!result->reason.empty() || !last.Known() || last.digest != result->digest) {
    entry.made_at = entry.at;
    entry.made_at_before = last.at;
    entry.made_reason = result->reason;
    entry.made_record = record_digest;
    entry.made_record_before = last.record;
  }
  return entry;
}

// Whether a step makes nothing that could be right already: it looks, and its verb says so.
bool OnlyLooks(const AnyRecord& record) {
  const Kind* kind = KindOf(record);
  return kind == nullptr || kind->stage == Stage::kHosts || kind->stage == Stage::kSurveys ||
         kind->stage == Stage::kVerdicts || std::holds_alternative<RequestsRecord>(record);
}

// The lines below ninja's "[3/17] KEY key/kubernetes", which is there before the step knows what it will do.
// So it is told when nothing was done, in the words of `kplan plan`. That something was made because it was
// not there is what the person asked for; any other reason is news.
std::string WhatWasDone(const std::string& label, const AnyRecord& record, const StepResult& result) {
  std::string text;
  if (result.reason.empty() && result.output.empty() && !OnlyLooks(record)) {
    text = absl::StrCat(label, ": only checked\n");
  } else if (!result.reason.empty() && result.reason != "missing") {
    text = absl::StrCat(label, ": ", Shown(result.reason), "\n");
  }
  absl::StrAppend(&text, result.output);
  if (!text.empty() && text.back() != '\n') text.push_back('\n');
  return text;
}

}  // namespace

int StepCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("step", arguments)) return kExitUsage;
  const std::string& label = options.operands()[1];
  auto fail = [&](const absl::Status& status) { return Fail(absl::StrCat(label, ": ", status.message())); };
  if (absl::Status status = OpenStdout(); !status.ok()) return fail(status);
  absl::StatusOr<RunLock> lock = RunLock::Shared();
  if (!lock.ok()) return fail(lock.status());
  const std::string shard = ShardName(options.operands()[0]);
  absl::StatusOr<Leave> leave = LeaveFor(shard, label);
  if (!leave.ok()) return fail(leave.status());
  absl::StatusOr<Json> record = LoadRecord(options.operands()[0], label, options.operands()[2]);
  if (!record.ok()) return fail(record.status());
  // What a step prints is one stream to ninja, but for a rollout, which has ninja's own two
  // (ninja/ninja_file.cc): who keeps the one is to find the error where those of all others are.
  if (WordOf(*record) == RolloutRecord::kWord && dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
    return fail(ErrnoStatus(errno, "cannot join stderr to stdout"));
  const std::string journal = paths::Journal(shard);
  const JournalEntry last = LastEntry(journal, label);
  const bool part = !leave->hosts.empty();
  absl::StatusOr<StepResult> result = RunStep(label, *record, leave->hosts);
  if (!result.ok()) result = WithRemedy(result.status(), *record);
  const JournalEntry entry = Remember(last, label, options.operands()[2], *record, result);
  absl::Status noted;
  // Before the stamp: what is done is in the journal, at worst once more than ninja knows. Of a part that
  // went well there is nothing to note: the step was not done.
  if (!part || !result.ok()) noted = AppendEntry(journal, entry);
  if (leave->applied && noted.ok()) noted = AppendEntry(paths::kAppliedJournal, entry);
  if (!result.ok()) {
    int exit = fail(result.status());
    if (!noted.ok()) fail(noted);
    return exit;
  }
  if (!noted.ok()) return fail(noted);
  if (absl::Status status = part ? absl::OkStatus() : WriteStamp(label, *result); !status.ok())
    return fail(status);
  PrintText(WhatWasDone(label, AnyRecordOf(*record), *result));
  return kExitDone;
}

}  // namespace kplan
