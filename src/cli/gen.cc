#include "src/cli/gen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "src/apply/applied.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/given_cas.h"
#include "src/cli/terminal.h"
#include "src/cli/version_check.h"
#include "src/gen/generate.h"
#include "src/graph/limit.h"
#include "src/host/run_lock.h"
#include "src/look/look.h"
#include "src/look/spec_history.h"
#include "src/look/traversal.h"
#include "src/look/unasked.h"
#include "src/lower/compile.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

// KPLAN: the program, as --kplan has it; "": this one.
absl::StatusOr<NinjaOptions> OptionsFor(const std::string& kplan, const std::string& folder,
                                        const std::string& spec) {
  NinjaOptions ninja;
  ninja.kplan = kplan;
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

// Makes ninja read build.ninja and its logs again: it does when the stamp is newer than it was.
absl::Status HaveNinjaReadAgain() {
  if (utimensat(AT_FDCWD, paths::kGenStamp, nullptr, 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot touch ", paths::kGenStamp));
}

// Whether every root on this machine can be trusted, as seen from FOLDER, which need not be there yet. What
// is wrong with one is printed, before anything is written: whoever can turn a root elsewhere has our rights
// to write.
bool CheckRoots(const SpecFile& file, const std::string& folder) {
  Diagnostics found(&file.diagnostics().source());
  for (const Host& host : file.compiled()->cluster.hosts) {
    if (host.remote() || host.root == "/") continue;
    const std::string path =
        folder == "." || absl::StartsWith(host.root, "/") ? host.root : absl::StrCat(folder, "/", host.root);
    absl::Status status = OpenFolder(path).status();
    if (status.ok() || absl::IsNotFound(status)) continue;
    found.Error(Code::kBadPath, host.root_place,
                absl::StrCat("the root of ", host.name, " cannot be used: ",
                             absl::StrReplaceAll(status.message(), {{path, Brief(host.root)}})));
  }
  Print(found);
  return !found.has_errors();
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
  *line = absl::StrCat(JoinAnd(closed),
                       " could be read by others, and may hold secrets: now by the owner alone\n");
  return absl::OkStatus();
}

// What root made is for whoever the folder belongs to.
absl::Status GiveToOwner() {
  absl::Status status = GiveToOwnerOf(".", paths::kBuildNinja);
  for (const char* path : {paths::kSpecs, paths::kShards, paths::kPlan, paths::kGenStamp})
    if (status.ok()) status = GiveToOwnerOf(paths::kState, path);
  // What a step that was killed had not given yet.
  return status.ok() ? GiveToOwnerOf(paths::kRendered, paths::kRendered) : status;
}

// Makes stale what is not as it should be, and says what in *STALE. ASKS: whether the hosts over ssh are
// visited as CONTACT says, and what is not known of them is ninja's last word; otherwise it is the next
// look's business.
absl::StatusOr<HostSights> LookBeforeBuild(const Graph& graph, bool asks, const Contact& contact,
                                           std::vector<std::string>* stale) {
  const std::vector<Journal> journals = ReadJournals(graph);
  const absl::Time now = absl::Now();
  HostSights sights;
  if (asks) sights = AskHosts(graph, journals, contact, now);
  *stale = LookForStale(graph, journals, sights, now);
  if (!HasAgents(graph)) return sights;
  absl::Status status = asks ? WriteUnasked(UnaskedOf(sights)) : KeepUnasked();
  if (!status.ok()) return status;
  return sights;
}

// The part of GRAPH that the `apply` whose ninja runs this is for; null: all of it, or there is none. An
// error when that apply was agreed to for another graph.
absl::StatusOr<std::unique_ptr<Graph>> AppliedPart(const Graph& graph) {
  absl::StatusOr<std::optional<AppliedPlan>> applied = AppliedNow();
  if (!applied.ok()) return applied.status();
  std::unique_ptr<Graph> part;
  if (!applied->has_value()) return part;
  if ((*applied)->graph != GraphDigest(graph)) {
    return absl::FailedPreconditionError(
        "cluster.yaml was edited since the plan that is applied was made, and nothing was done; run "
        "`kplan apply` again");
  }
  if ((*applied)->limit.empty()) return part;
  absl::StatusOr<Limit> limit = LimitTo(graph, (*applied)->limit);
  if (!limit.ok()) return limit.status();
  return std::make_unique<Graph>(LimitedGraph(graph, *limit));
}

// What a person may want to type next. FOLDER: as given by -C.
std::string NextText(const std::string& folder) {
  const std::string in = folder.empty() ? "" : absl::StrCat(" -C ", folder);
  return absl::StrCat("next: `kplan plan", in, "` says what would be done and why, `kplan apply", in,
                      "` does it\n");
}

struct GenRequest {
  std::string folder, spec, kplan;
  bool from_ninja = false, contact = false;
  bool next = false;  // say what to type next
};

int Generate(const GenRequest& request, const Options& options, NinjaOptions* written_with) {
  absl::Time start = absl::Now();
  const std::string& spec = request.spec;
  const bool from_ninja = request.from_ninja;
  if (spec == SpecFile::kStandardInput)
    return Fail("gen needs a file: ninja has it read again before every build; `kplan check -` reads this");
  std::optional<RunLock> lock;
  auto take = [&lock](absl::StatusOr<RunLock> taken) {
    if (taken.ok()) lock = *std::move(taken);
    return taken.status();
  };
  // From ninja first of all: while another one is at work nothing else matters, and what holds the lock is a
  // copy of this process, which is small yet. Ninja is in the folder already.
  if (from_ninja && request.folder.empty()) {
    if (absl::Status status = take(RunLock::ForNinja()); !status.ok()) return Fail(status.message());
  }
  absl::StatusOr<SpecFile> file = SpecFile::Compile(spec);
  if (!file.ok()) return Fail(file.status().message());
  const Compiled* compiled = file->compiled();
  if (compiled == nullptr) {
    Print(file->diagnostics());
    return kExitBadSpec;
  }

  const std::string folder = request.folder.empty() ? "." : request.folder;
  if (absl::Status status = OpenFolder(folder).status(); !status.ok() && !absl::IsNotFound(status))
    return Fail(status.message());
  if (!CheckRoots(*file, folder)) return kExitBadSpec;

  // From here on the folder is written to.
  if (absl::Status status = MakeFolders(folder); !status.ok()) return Fail(status.message());
  absl::StatusOr<NinjaOptions> ninja = OptionsFor(request.kplan, folder, spec);
  if (!ninja.ok()) return Fail(ninja.status().message());
  if (absl::Status status = EnterFolder(folder); !status.ok()) return Fail(status.message());
  if (!lock.has_value()) {
    if (absl::Status status = take(RunLock::Exclusive("kplan gen")); !status.ok())
      return Fail(status.message());
  }
  std::unique_ptr<Graph> part;
  if (from_ninja) {
    absl::StatusOr<std::unique_ptr<Graph>> applied = AppliedPart(compiled->graph);
    if (!applied.ok()) return Fail(applied.status().message());
    part = *std::move(applied);
  }
  std::string closed;
  if (absl::Status status = CloseToOthers(&closed); !status.ok()) return Fail(status.message());
  if (absl::Status status = CheckEtcdVersion(*compiled); !status.ok()) return Fail(status.message());
  absl::Status remembered = SpecHistory::Remember(ninja->spec, file->diagnostics().source().text(),
                                                  absl::ToUnixMillis(absl::Now()));
  if (!remembered.ok()) return Fail(remembered.message());
  absl::StatusOr<Written> written = WriteGenerated(*compiled, *ninja);
  if (!written.ok()) return Fail(written.status().message());
  if (absl::Status status = GiveToOwner(); !status.ok()) return Fail(status.message());
  std::vector<std::string> stale;
  const bool asks = from_ninja || request.contact;
  Contact contact = ContactOf(options, *compiled);
  contact.notes = part == nullptr;
  absl::StatusOr<HostSights> sights =
      LookBeforeBuild(part == nullptr ? compiled->graph : *part, asks, contact, &stale);
  if (!sights.ok()) return Fail(sights.status().message());
  int exit = kExitDone;
  if (!from_ninja) {
    PrintSilent(*sights);
    if (sights->any_silent()) exit = kExitFailed;
  }

  if (lock->ninja_is_behind()) {
    if (absl::Status status = HaveNinjaReadAgain(); !status.ok()) return Fail(status.message());
  }
  if (!from_ninja || written->changed) Print(WithObjections(*file));
  PrintText(closed);
  for (const std::string& line : stale) PrintText(absl::StrCat(Shown(line), "\n"));
  // Why, ninja says at the end.
  if (from_ninja && sights->any_silent())
    PrintText(absl::StrCat(sights->Summary(), "; the others are looked after\n"));
  if (!from_ninja || written->changed) {
    std::string stale_text = stale.empty() ? "" : absl::StrCat(", ", stale.size(), " to repair");
    PrintText(absl::StrFormat("%s, %d changed%s (%.0f ms)\n", Summary(*compiled), written->changed_steps,
                              stale_text, absl::ToDoubleMilliseconds(absl::Now() - start)));
  }
  if (request.next) PrintText(NextText(request.folder));
  *written_with = *std::move(ninja);
  return exit;
}

}  // namespace

absl::StatusOr<std::string> SeenFrom(const std::string& folder, const std::string& path) {
  std::error_code error;
  fs::path real_folder = fs::canonical(folder, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot find the folder ", folder));
  fs::path real_parent = fs::canonical(FolderOf(path), error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot find the folder of ", path));
  return (real_parent / fs::path(path).filename()).lexically_relative(real_folder).string();
}

int GenerateIn(const std::string& folder, const std::string& spec, NinjaOptions* ninja) {
  GenRequest request;
  request.folder = folder;
  request.spec = spec;
  return Generate(request, Options(), ninja);
}

int GenCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("gen", arguments)) return kExitUsage;
  GenRequest request;
  request.folder = options.Value("-C");
  request.spec = SpecOf(options);
  request.kplan = options.Value("--kplan");
  request.from_ninja = options.Has("--from-ninja");
  request.contact = options.Has("--contact");
  // For a person; what reads this in a pipe has what it wants.
  request.next = !request.from_ninja && isatty(STDOUT_FILENO) != 0;
  NinjaOptions ninja;
  return Generate(request, options, &ninja);
}

}  // namespace kplan
