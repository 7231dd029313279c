// unit: {"from":"rendered/h/etc/systemd/system/etcd.service","kind":"unit","mode":"0644",
//        "path":"/etc/systemd/system/etcd.service","root":"/","secret":false}
// The text of a systemd unit, put in its place as by the step "install", once systemd finds nothing wrong
// with it: `systemd-analyze verify` (systemd 252) reads the new text, in a folder of its own, under the
// unit's name and beside the host's other units, and has to print nothing about it. It says what systemd
// itself only logs when it leaves out a line: unknown keys, values that it cannot read, programs that are not
// there. A template is read as an instance.

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/steps/install_checked.h"
#include "src/steps/outlook.h"
#include "src/steps/service_log.h"
#include "src/steps/step.h"

namespace kplan {
namespace {

constexpr size_t kMaxUnitText = 4 << 20;

// What WORD, which stands in front of a message, says that it is about.
enum class About { kThisUnit, kAnother, kNothing };

// PATH: of the text that is verified; NAME: its unit.
About WhatItIsAbout(absl::string_view word, const std::string& path, const std::string& name) {
  // "/etc/systemd/system/x.service:3"
  if (absl::StartsWith(word, "/")) return absl::StartsWith(word, path) ? About::kThisUnit : About::kAnother;
  if (word == name) return About::kThisUnit;
  const size_t at = name.find("@.");
  if (at != std::string::npos && absl::StartsWith(word, name.substr(0, at + 1)) &&
      absl::EndsWith(word, name.substr(at + 1))) {
    return About::kThisUnit;
  }
  return absl::StrContains(word, '.') && FullUnitName(word) == word ? About::kAnother : About::kNothing;
}

// What OUTPUT says about the unit, and whatever else is not about another one: a host may have units that
// systemd does not like.
std::vector<std::string> Complaints(absl::string_view output, const std::string& path,
                                    const std::string& name) {
  std::vector<std::string> complaints;
  for (absl::string_view line : absl::StrSplit(output, '\n', absl::SkipWhitespace())) {
    const About about = WhatItIsAbout(line.substr(0, line.find(": ")), path, name);
    if (about == About::kAnother) continue;
    complaints.push_back(absl::StrReplaceAll(line, {{path, name}}));
  }
  return complaints;
}

absl::StatusOr<RunResult> Verify(const std::string& path) {
  std::vector<std::string> command = {"systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path};
  absl::StatusOr<RunResult> result = Run(command);
  // systemd 249 and older have no such option, and tell of the units around this one, too.
  if (result.ok() && !result->ok() && absl::StrContains(result->err, "unrecognized option")) {
    command.erase(command.begin() + 3);
    result = Run(command);
  }
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError("there is no systemd-analyze here, which has to read the unit");
  }
  return result;
}

// NAME: "etcd.service"; TEXT: what it will say.
absl::Status VerifyUnit(const std::string& name, absl::string_view text) {
  std::string folder = "/tmp/kplan-unit-XXXXXX";
  if (mkdtemp(&folder[0]) == nullptr) return ErrnoStatus(errno, "cannot make a folder below /tmp");
  auto cleanup = absl::MakeCleanup([&folder] {
    std::error_code ignored;  // what is left of it is in /tmp
    std::filesystem::remove_all(folder, ignored);
  });
  const std::string path = absl::StrCat(folder, "/", name);
  if (absl::Status status = WriteScratchFile(path, text, 0644); !status.ok()) return status;
  absl::StatusOr<RunResult> result = Verify(path);
  if (!result.ok()) return result.status();
  const std::string output = absl::StrCat(result->out, result->err);
  std::vector<std::string> complaints = Complaints(output, path, name);
  if (complaints.empty() && result->ok()) return absl::OkStatus();
  if (complaints.empty()) {
    complaints.push_back(result->timed_out ? "it did not end" : absl::StrCat("it failed: ", output));
  }
  return absl::FailedPreconditionError(absl::StrCat("systemd-analyze verify does not like ", name,
                                                    ", which stays as it was:\n    ",
                                                    absl::StrJoin(complaints, "\n    ")));
}

}  // namespace

absl::StatusOr<StepResult> UnitStep(const StepContext&, const Record& record) {
  const std::string path = record.String("path");
  if (absl::Status status = record.status(); !status.ok()) return status;
  const std::string name = path.substr(path.rfind('/') + 1);
  return InstallChecked(record, [&](const InstallSource& source) -> absl::Status {
    absl::StatusOr<Secret> text = source.ReadAll(kMaxUnitText);
    if (!text.ok()) return text.status();
    return VerifyUnit(name, text->view());
  });
}

absl::StatusOr<Outlook> UnitLook(const LookContext& context, const Record& record) {
  return InstallLook(context, record);
}

}  // namespace kplan
