#include "src/steps/service/service_reach.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/host/may_reach.h"
#include "src/step/host_outlook.h"
#include "src/systemd/unit_drop_ins.h"
#include "src/systemd/unit_reads.h"
#include "src/systemd/unit_text.h"

namespace kplan {

absl::Status CheckReach(const std::string& name, std::string text, const Foreseen& foreseen) {
  absl::StatusOr<std::vector<DropIn>> drop_ins = DropInsOf("/", name);
  if (!drop_ins.ok()) return drop_ins.status();
  for (const DropIn& drop_in : *drop_ins) absl::StrAppend(&text, "\n", drop_in.text);
  const UnitReads reads = ReadsOfUnit(text);
  if (reads.paths.empty()) return absl::OkStatus();
  absl::StatusOr<Reader> reader = ReaderOf(reads.user, reads.group, reads.groups);
  if (!reader.ok()) return reader.status();
  const auto is_own = [&](const std::string& folder) {
    return std::any_of(reads.own_folders.begin(), reads.own_folders.end(), [&](const std::string& own) {
      return folder == own || absl::StartsWith(folder, absl::StrCat(own, "/"));
    });
  };
  const auto to_come = [&](const std::string& folder) { return FolderToCome(foreseen, folder); };
  struct stat info;
  for (const std::string& path : reads.paths) {
    // What is not there, and is not going to be, need be no file at all ("--prefix=/metrics").
    if (foreseen.Find(path) == nullptr && lstat(path.c_str(), &info) != 0) continue;
    const absl::Status status = CheckMayReach(*reader, path, to_come, is_own);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(name, ".service: ", status.message()));
  }
  return absl::OkStatus();
}

absl::Status CheckReachOf(const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(paths::on_host::Unit(name), kMaxUnitText);
  // What is not there, or not for us to read, is the affair of the step that keeps it.
  return text.ok() ? CheckReach(name, *std::move(text), Foreseen()) : absl::OkStatus();
}

}  // namespace kplan
