#include "src/steps/step.h"

#include <stdio.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/record.h"
#include "src/cli/command.h"
#include "src/cli/run_lock.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

struct Kind {
  const char* name;
  StepFunction run;
};

constexpr Kind kKinds[] = {
    {"adopt-ca", AdoptCaStep},
    {"bundle", BundleStep},
    {"ca-cert", CaCertStep},
    {"cert", CertStep},
    {"crl", CrlStep},
    {"csr", CsrStep},
    {"dir", DirStep},
    {"fetch", FetchStep},
    {"install", InstallStep},
    {"install-pair", InstallPairStep},
    {"key", KeyStep},
    {"render", RenderStep},
    {"requests", RequestsStep},
    {"service", ServiceStep},
    {"unpack", UnpackStep},
    {"verify-etcd", VerifyEtcdStep},
};

// The record of LABEL in a shard's TEXT, which has one a line; empty when it has none. The line is taken as
// it is, because its digest is over its bytes, and because parsing the other records would be time lost.
absl::string_view FindRecord(absl::string_view text, const std::string& label) {
  std::string start = "\n";
  AppendJsonString(label, &start);
  start += ":";
  size_t begin = text.find(start);
  if (begin == absl::string_view::npos) return {};
  begin += start.size();
  return absl::StripSuffix(text.substr(begin, text.find('\n', begin) - begin), ",");
}

absl::StatusOr<Record> LoadRecord(const std::string& shard, const std::string& label,
                                  const std::string& digest) {
  absl::StatusOr<std::string> text = ReadFile(shard);
  if (!text.ok()) return text.status();
  absl::string_view record = FindRecord(*text, label);
  if (record.empty() || Sha256Hex(record) != digest) {
    return absl::FailedPreconditionError(
        absl::StrCat(shard,
                     record.empty() ? " has no record of it"
                                    : " has another record of it than build.ninja was written for",
                     "; run `kplan gen` again"));
  }
  return Record::Parse(record);
}

absl::StatusOr<StepResult> RunStep(const std::string& label, const Record& record) {
  std::string kind = record.String("kind");
  for (const Kind& known : kKinds) {
    if (kind == known.name) return known.run({label, absl::Now()}, record);
  }
  return absl::UnimplementedError(
      absl::StrCat("this kplan has no steps of the kind \"", kind, "\"; run `kplan gen` again"));
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

// The depfile goes first: a stamp without its depfile would be a step that no edit of the artifact re-runs.
absl::Status WriteStamp(const std::string& label, const StepResult& result) {
  std::string stamp = paths::Stamp(label);
  std::string depfile = absl::StrCat(EscapeDepfilePath(stamp), ":");
  for (const std::string& file : result.files) absl::StrAppend(&depfile, " ", EscapeDepfilePath(file));
  depfile += "\n";
  if (absl::Status status = WriteWhereItDiffers(paths::Depfile(label), depfile); !status.ok()) return status;
  return WriteWhereItDiffers(stamp, result.digest + "\n");
}

}  // namespace

int StepCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("step", arguments, {}, {}, 3)) return kExitUsage;
  const std::string& label = options.operands()[1];
  auto fail = [&](const absl::Status& status) { return Fail(absl::StrCat(label, ": ", status.message())); };
  absl::StatusOr<RunLock> lock = RunLock::Shared();
  if (!lock.ok()) return fail(lock.status());
  absl::StatusOr<Record> record = LoadRecord(options.operands()[0], label, options.operands()[2]);
  if (!record.ok()) return fail(record.status());
  absl::StatusOr<StepResult> result = RunStep(label, *record);
  if (!result.ok()) return fail(result.status());
  if (absl::Status status = WriteStamp(label, *result); !status.ok()) return fail(status);
  // That something was made because it was not there is what the person asked for; any other reason is news.
  if (!result->reason.empty() && result->reason != "missing")
    printf("%s: %s\n", label.c_str(), result->reason.c_str());
  if (!result->output.empty()) {
    printf("%s%s", result->output.c_str(), absl::EndsWith(result->output, "\n") ? "" : "\n");
  }
  return kExitDone;
}

}  // namespace kplan
