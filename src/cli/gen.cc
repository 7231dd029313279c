#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/run_lock.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/gen/generate.h"
#include "src/look/look.h"
#include "src/look/spec_history.h"
#include "src/lower/compile.h"
#include "src/remote/plan_hosts.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

// PATH as it is seen from FOLDER. Both are made real first: a ".." out of a folder behind a symbolic link
// would lead elsewhere.
absl::StatusOr<std::string> SeenFrom(const std::string& folder, const std::string& path) {
  std::error_code error;
  fs::path real_folder = fs::canonical(folder, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot find the folder ", folder));
  fs::path real_parent = fs::canonical(FolderOf(path), error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot find the folder of ", path));
  return (real_parent / fs::path(path).filename()).lexically_relative(real_folder).string();
}

absl::StatusOr<NinjaOptions> OptionsFor(const Options& options, const std::string& folder,
                                        const std::string& spec) {
  NinjaOptions ninja;
  ninja.kplan = options.Value("--kplan");
  if (ninja.kplan.empty()) {
    std::error_code error;
    ninja.kplan = fs::read_symlink("/proc/self/exe", error).string();
    if (error)
      return ErrnoStatus(error.value(),
                         "cannot find this program's own path (is /proc mounted?); give --kplan PATH");
  }
  absl::StatusOr<std::string> seen = SeenFrom(folder, spec);
  if (!seen.ok()) return seen.status();
  ninja.spec = *std::move(seen);
  for (const std::string& path : {ninja.kplan, ninja.spec}) {
    if (!IsPlainPath(path) || path[0] == '-') {
      return absl::InvalidArgumentError(absl::StrCat("the path ", Quote(path),
                                                     " has characters that cannot stand in a command of "
                                                     "build.ninja: letters, digits and / . _ - + @ = ~ can"));
    }
  }
  return ninja;
}

// Closes what an earlier kplan left open to others. *LINE: what is to be said of that; empty: nothing.
absl::Status CloseToOthers(std::string* line) {
  std::vector<std::string> closed;
  for (const char* folder : {paths::kState, paths::kRendered}) {
    absl::StatusOr<bool> was_open = ClosePrivateFolder(folder);
    if (!was_open.ok()) return was_open.status();
    if (*was_open) closed.push_back(folder);
  }
  if (closed.empty()) return absl::OkStatus();
  *line =
      absl::StrCat(JoinAnd(closed), " could be read by others, and may hold secrets: now by the owner alone");
  return absl::OkStatus();
}

// What root made is for whoever the folder belongs to.
absl::Status GiveToOwner() {
  absl::Status status = GiveToOwnerOf(".", paths::kBuildNinja);
  for (const char* folder : {paths::kSpecs, paths::kShards})
    if (status.ok()) status = GiveToOwnerOf(paths::kState, folder);
  // What a step that was killed had not given yet.
  return status.ok() ? GiveToOwnerOf(paths::kRendered, paths::kRendered) : status;
}

}  // namespace

int GenCommand(const Arguments& arguments) {
  absl::Time start = absl::Now();
  Options options;
  if (!options.Parse("gen", arguments)) return kExitUsage;
  const std::string& spec = options.operands()[0];
  absl::StatusOr<SpecFile> file = SpecFile::Compile(spec);
  if (!file.ok()) return Fail(file.status().message());
  const Compiled* compiled = file->compiled();
  if (compiled == nullptr) {
    Print(file->diagnostics());
    return kExitBadSpec;
  }

  // From here on the folder is written to.
  std::string folder = options.Value("-C").empty() ? "." : options.Value("-C");
  if (absl::Status status = MakeFolders(folder); !status.ok()) return Fail(status.message());
  absl::StatusOr<NinjaOptions> ninja = OptionsFor(options, folder, spec);
  if (!ninja.ok()) return Fail(ninja.status().message());
  if (chdir(folder.c_str()) != 0)
    return Fail(ErrnoStatus(errno, absl::StrCat("cannot enter ", folder)).message());
  absl::StatusOr<RunLock> lock = RunLock::Exclusive();
  if (!lock.ok()) return Fail(lock.status().message());
  std::string closed;
  if (absl::Status status = CloseToOthers(&closed); !status.ok()) return Fail(status.message());
  absl::Status remembered = SpecHistory::Remember(ninja->spec, file->diagnostics().source().text(),
                                                  absl::ToUnixMillis(absl::Now()));
  if (!remembered.ok()) return Fail(remembered.message());
  absl::StatusOr<Written> written = WriteGenerated(*compiled, *ninja);
  if (!written.ok()) return Fail(written.status().message());
  if (absl::Status status = GiveToOwner(); !status.ok()) return Fail(status.message());
  std::vector<std::string> stale = LookForStale(compiled->graph, absl::Now());
  int exit = kExitDone;
  if (options.Has("--contact")) {
    PlanHosts hosts;
    for (const std::string& problem : LookForStaleOverSsh(compiled->graph, &hosts, &stale))
      exit = Fail(problem);
  }

  bool from_ninja = options.Has("--from-ninja");
  if (!from_ninja || written->changed) Print(file->diagnostics());  // warnings
  if (!closed.empty()) printf("%s\n", closed.c_str());
  for (const std::string& line : stale) printf("%s\n", line.c_str());
  if (!from_ninja || written->changed) {
    std::string stale_text = stale.empty() ? "" : absl::StrCat(", ", stale.size(), " to repair");
    printf("%s, %zu changed%s (%.0f ms)\n", Summary(*compiled).c_str(), written->changed_steps,
           stale_text.c_str(), absl::ToDoubleMilliseconds(absl::Now() - start));
  }
  return exit;
}

}  // namespace kplan
