#include "src/systemd/unit_verify.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/systemd/unit_name.h"

namespace kplan {
namespace {

// Whether WORD, which stands in front of a message, names the unit NAME, whose text is in FOLDER.
bool Names(absl::string_view word, const std::string& folder, const std::string& name) {
  // "/etc/systemd/system/x.service:3"
  if (absl::StartsWith(word, "/")) return absl::StartsWith(word, absl::StrCat(folder, "/", name));
  if (word == name) return true;
  const size_t at = name.find("@.");
  return at != std::string::npos && absl::StartsWith(word, name.substr(0, at + 1)) &&
         absl::EndsWith(word, name.substr(at + 1));
}

bool NamesAUnit(absl::string_view word) {
  return absl::StartsWith(word, "/") || (absl::StrContains(word, '.') && FullUnitName(word) == word);
}

// What OUTPUT says about UNITS, and whatever else is not about another one.
std::vector<std::string> Complaints(absl::string_view output, const std::string& folder,
                                    const std::vector<UnitText>& units) {
  std::vector<std::string> complaints;
  for (absl::string_view line : absl::StrSplit(output, '\n', absl::SkipWhitespace())) {
    const absl::string_view word = line.substr(0, line.find(": "));
    const bool ours =
        absl::c_any_of(units, [&](const UnitText& unit) { return Names(word, folder, unit.name); });
    if (!ours && NamesAUnit(word)) continue;
    complaints.push_back(absl::StrReplaceAll(line, {{folder + "/", ""}}));
  }
  return complaints;
}

absl::StatusOr<RunResult> Verify(const std::vector<std::string>& paths) {
  std::vector<std::string> command = {"systemd-analyze", "verify", "--man=no", "--recursive-errors=no"};
  command.insert(command.end(), paths.begin(), paths.end());
  absl::StatusOr<RunResult> result = Run(command);
  // systemd 249 and older have no such option, and tell of the units around these, too.
  if (result.ok() && !result->ok() && absl::StrContains(result->err, "unrecognized option")) {
    command.erase(command.begin() + 3);
    result = Run(command);
  }
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError("there is no systemd-analyze here, which has to read the unit");
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> UnitComplaints(const std::vector<UnitText>& units) {
  std::string folder = "/tmp/kplan-unit-XXXXXX";
  if (mkdtemp(&folder[0]) == nullptr) return ErrnoStatus(errno, "cannot make a folder below /tmp");
  auto cleanup = absl::MakeCleanup([&folder] {
    std::error_code ignored;  // what is left of it is in /tmp
    std::filesystem::remove_all(folder, ignored);
  });
  std::vector<std::string> paths;
  for (const UnitText& unit : units) {
    paths.push_back(absl::StrCat(folder, "/", unit.name));
    if (absl::Status status = WriteScratchFile(paths.back(), unit.text, 0644); !status.ok()) return status;
  }
  absl::StatusOr<RunResult> result = Verify(paths);
  if (!result.ok()) return result.status();
  const std::string output = absl::StrCat(result->out, result->err);
  std::vector<std::string> complaints = Complaints(output, folder, units);
  if (complaints.empty() && !result->ok()) {
    complaints.push_back(result->timed_out ? "it did not end" : absl::StrCat("it failed: ", output));
  }
  return complaints;
}

}  // namespace kplan
