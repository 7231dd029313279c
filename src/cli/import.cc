// kplan import cfssl: from what cfssl made to a cluster.yaml, and no certificate made again.

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/importer/cluster_yaml.h"
#include "src/importer/findings.h"
#include "src/importer/import_place.h"
#include "src/importer/import_trial.h"
#include "src/importer/input.h"
#include "src/importer/pki_import.h"
#include "src/lower/compile.h"

namespace kplan {
namespace {

constexpr char kNothing[] = "nothing was written";

// One attempt.
class ImportRun {
 public:
  // SKIPPED: what earlier attempts found wrong, and this one leaves out.
  ImportRun(std::string dir, const Arguments& paths, SkippedFiles skipped)
      : dir_(std::move(dir)), paths_(paths), skipped_(std::move(skipped)), findings_(skipped_) {
    findings_.AddFile(paths[0], "");  // what is said of the input as a whole
  }

  // The files that are to be left out for an attempt without these errors; empty when there are none, or when
  // that would be of no use.
  SkippedFiles WhatToSkip() const {
    return unplaced_.empty() && in_the_way_.empty() ? findings_.ErrorsOfFiles() : SkippedFiles();
  }

  void Run() {
    if (absl::Status status = ReadInput(paths_, &input_, &findings_); !status.ok())
      return Stop(kExitFailed, status.message());
    import_ = MakeImport(input_, &findings_);
    if (findings_.has_errors()) return Stop(kExitBadSpec, kNothing);
    CollectFiles();
    struct stat info;
    if (lstat(Below(kUsualSpec).c_str(), &info) == 0) {
      in_the_way_.push_back(absl::StrCat(
          Below(kUsualSpec),
          " is there; an import replaces nothing: give another folder with -C, or move it away"));
    }
    for (std::string& line : WhatIsInTheWay(dir_, files_)) in_the_way_.push_back(std::move(line));
    {
      absl::StatusOr<TrialFolder> trial = TrialFolder::Enter(dir_);
      if (!trial.ok()) return Stop(kExitFailed, trial.status().message());
      if (absl::Status status = Try(); !status.ok())
        return Stop(kExitFailed, absl::StrCat(status.message(), "; ", kNothing));
      if (findings_.has_errors() || !unplaced_.empty() || !in_the_way_.empty())
        return Stop(kExitBadSpec, kNothing);
      // While the trial's folder is there no other import is at work here. Paths are as seen from where the
      // command was started.
      if (absl::Status status = trial->Leave(); !status.ok()) return Stop(kExitFailed, status.message());
      files_.push_back({kUsualSpec, yaml_, 0644});
      if (absl::Status status = PutInPlace(dir_, files_); !status.ok())
        return Stop(kExitFailed, absl::StrCat(status.message(), "; nothing was imported"));
    }
  }

  // Says how it went; gives the exit code.
  int Tell() const {
    PrintError(findings_.Format(UseColor(STDERR_FILENO)));
    PrintError(unplaced_);
    for (const std::string& line : in_the_way_) Fail(line);
    if (code_ == kExitDone) {
      PrintSummary();
    } else {
      const bool skip = code_ == kExitBadSpec && !WhatToSkip().empty();
      Fail(absl::StrCat(failure_,
                        skip ? "; with --skip what is wrong is left out, and the rest imported" : ""));
    }
    return code_;
  }

 private:
  void Stop(int code, absl::string_view why) {
    code_ = code;
    failure_ = std::string(why);
  }

  std::string Below(const std::string& path) const { return absl::StrCat(dir_, "/", path); }

  void Add(std::string path, absl::string_view bytes, mode_t mode, const Place& place) {
    places_[path] = place;
    files_.push_back({std::move(path), bytes, mode});
  }

  void AddFiles(const std::string& name, const CertificateFile* certificate, const KeyFile* key,
                const RequestFile* csr) {
    if (key != nullptr) Add(paths::Key(name), key->bytes.view(), 0600, key->place);
    if (certificate != nullptr) Add(paths::Certificate(name), certificate->bytes, 0644, certificate->place);
    if (csr != nullptr && key != nullptr) Add(paths::Request(name), csr->bytes, 0644, csr->place);
  }

  void CollectFiles() {
    for (const ImportedCa& ca : import_.cas) AddFiles(ca.name(), ca.certificate, ca.key, ca.csr);
    for (const ImportedCert& cert : import_.certs) AddFiles(cert.name, cert.certificate, cert.key, cert.csr);
  }

  // Compiles the cluster.yaml, in the trial's folder. What is wrong with it is wrong with what it was made
  // from, and said there; but a profile that nothing is signed by is then left out, and a CA that kplan would
  // make otherwise is used as it is.
  absl::Status Try() {
    for (;;) {
      YamlText text = WriteClusterYaml(import_);
      yaml_ = text.text();
      if (absl::Status status = WriteScratchFile(kUsualSpec, yaml_, 0644); !status.ok()) return status;
      absl::StatusOr<SpecFile> spec = SpecFile::Compile(kUsualSpec);
      if (!spec.ok()) return spec.status();
      if (spec->compiled() == nullptr && DropProfiles(text, spec->diagnostics())) continue;
      if (spec->compiled() == nullptr && UseCasAsTheyAre(text, spec->diagnostics())) continue;
      Translate(text, spec->diagnostics());
      if (spec->compiled() == nullptr) return absl::OkStatus();
      absl::StatusOr<std::vector<Remade>> remade = TryOut(spec->compiled()->graph, files_, absl::Now());
      if (!remade.ok()) return remade.status();
      if (UseCasAsTheyAre(*remade)) continue;
      for (const Remade& each : *remade) Report(each);
      return absl::OkStatus();
    }
  }

  // Leaves out the profiles with an error in them that no certificate needs. False when there are none.
  bool DropProfiles(const YamlText& text, const Diagnostics& diagnostics) {
    bool dropped = false;
    for (const Diagnostic& diagnostic : diagnostics.all()) {
      const Place* origin = text.OriginOf(diagnostic.range);
      if (diagnostic.severity != Diagnostic::Severity::kError || origin == nullptr) continue;
      auto wrong = [&](const ImportedProfile& profile) {
        const Place& place = profile.name.place;
        return !profile.used && origin->file == place.file &&
               (origin->field == place.field || absl::StartsWith(origin->field, place.field + "."));
      };
      auto at = std::remove_if(import_.profiles.begin(), import_.profiles.end(), wrong);
      if (at == import_.profiles.end()) continue;
      findings_.Warning(diagnostic.code, *origin,
                        absl::StrCat(diagnostic.message, "; no certificate has this profile: left out"),
                        diagnostic.help);
      import_.profiles.erase(at, import_.profiles.end());
      dropped = true;
    }
    return dropped;
  }

  // The CA whose certificate FIND accepts, unless it is used as it is already.
  template <typename Find>
  ImportedCa* FindCa(Find find) {
    auto found = std::find_if(import_.cas.begin(), import_.cas.end(),
                              [&](const ImportedCa& ca) { return !ca.existing && find(*ca.certificate); });
    return found == import_.cas.end() ? nullptr : &*found;
  }

  bool UseCasAsTheyAre(const YamlText& text, const Diagnostics& diagnostics) {
    bool changed = false;
    for (const Diagnostic& diagnostic : diagnostics.all()) {
      const Place* origin = text.OriginOf(diagnostic.range);
      // Its name is its file's, and stays wrong.
      if (diagnostic.severity != Diagnostic::Severity::kError || origin == nullptr || origin->field.empty())
        continue;
      ImportedCa* ca = FindCa([&](const CertificateFile& file) { return file.place.file == origin->file; });
      if (ca == nullptr) continue;
      UseAsItIs(ca, absl::StrCat(origin->field, ": ", diagnostic.message), &findings_);
      changed = true;
    }
    return changed;
  }

  bool UseCasAsTheyAre(const std::vector<Remade>& remade) {
    bool changed = false;
    for (const Remade& each : remade) {
      ImportedCa* ca =
          FindCa([&](const CertificateFile& file) { return paths::Certificate(file.name) == each.path; });
      if (each.due || ca == nullptr) continue;
      UseAsItIs(ca, each.reason, &findings_);
      changed = true;
    }
    return changed;
  }

  // An error in a profile is one of the certificates that were signed by it: without them it is left out.
  // False when ORIGIN is in no profile of a configuration.
  bool BlameUsers(const Diagnostic& diagnostic, const Place& origin) {
    bool blamed = false;
    for (const ImportedProfile& profile : import_.profiles) {
      const Place& place = profile.name.place;
      if (!profile.used || origin.file != place.file || !absl::StartsWith(origin.field, place.field + "."))
        continue;
      for (const ImportedCert& cert : import_.certs) {
        if (cert.profile != profile.name.value || cert.certificate == nullptr) continue;
        findings_.Error(diagnostic.code, cert.certificate->place,
                        absl::StrCat("was signed by the profile ", Quote(profile.name.value), " of ",
                                     findings_.PathOf(origin.file), ": ", diagnostic.message),
                        "such a certificate kplan would not make: keep it out of the import");
        blamed = true;
      }
    }
    return blamed;
  }

  void Translate(const YamlText& text, const Diagnostics& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics.all()) {
      const Place* origin = text.OriginOf(diagnostic.range);
      const bool error = diagnostic.severity == Diagnostic::Severity::kError;
      if (origin == nullptr) {
        if (error) unplaced_ = diagnostics.Format(false);
        continue;
      }
      if (!error) {
        findings_.Warning(diagnostic.code, *origin, diagnostic.message, diagnostic.help);
        continue;
      }
      if (BlameUsers(diagnostic, *origin)) continue;
      // A certificate has no lines that could be corrected.
      std::string help = diagnostic.help;
      if (!origin->range.known()) {
        absl::StrAppend(&help, help.empty() ? "" : "\n",
                        "such a certificate kplan would not make: keep it out of the import; from a "
                        "corrected request kplan issues a new one");
      }
      findings_.Error(diagnostic.code, *origin, diagnostic.message, std::move(help));
    }
  }

  // A certificate that says something else than its request (cfssl sign -hostname) counts.
  void LeaveOutRequest(const Remade& remade, const Place& place) {
    findings_.Warning(
        Code::kCfsslLeftOut, place,
        absl::StrCat("asks for something else than its certificate has (", remade.reason, "): left out"),
        "the next ninja writes one that fits");
    files_.erase(std::remove_if(files_.begin(), files_.end(),
                                [&](const ImportedFile& file) { return file.path == remade.path; }),
                 files_.end());
  }

  void Report(const Remade& remade) {
    auto found = places_.find(remade.path);
    const Place place = found == places_.end() ? Place() : found->second;
    if (absl::EndsWith(remade.path, ".csr") && !remade.failed) return LeaveOutRequest(remade, place);
    if (remade.reason.empty()) {
      findings_.Warning(Code::kCfsslDiffers, place, remade.note);
    } else if (remade.due) {
      findings_.Warning(
          Code::kCfsslDiffers, place,
          absl::StrCat(remade.reason, ": the next ninja will make it again, with the same key"));
    } else {
      findings_.Error(Code::kCfsslMismatch, place, absl::StrCat("kplan would make it again: ", remade.reason),
                      "keep it out of the import");
    }
  }

  void PrintSummary() const {
    const size_t issued = std::count_if(import_.certs.begin(), import_.certs.end(),
                                        [](const ImportedCert& cert) { return cert.certificate != nullptr; });
    std::string line = absl::StrCat("imported ", Count(import_.cas.size(), "CA"), " and ",
                                    Count(issued, "certificate"), " to ", Below(kUsualSpec));
    if (size_t left = import_.certs.size() - issued; left > 0)
      absl::StrAppend(&line, "; ", left, " more to be issued");
    if (!skipped_.empty()) {
      std::vector<std::string> names;
      for (const auto& [path, errors] : skipped_)
        names.push_back(std::filesystem::path(path).filename().string());
      absl::StrAppend(&line, "; left out ", absl::StrJoin(names, ", "));
    }
    PrintText(absl::StrCat(line, "\nnext: kplan gen cluster.yaml && ninja pki\n"));
  }

  std::string dir_;
  Arguments paths_;
  SkippedFiles skipped_;
  Findings findings_;
  Input input_;
  PkiImport import_;
  std::vector<ImportedFile> files_;
  absl::flat_hash_map<std::string, Place> places_;
  std::string yaml_;
  std::string unplaced_;  // errors of the cluster.yaml that come from no file: kplan's own
  std::vector<std::string> in_the_way_;
  int code_ = kExitDone;
  std::string failure_;  // why it is not done
};

}  // namespace

int ImportCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("import", arguments)) return kExitUsage;
  Arguments operands = options.operands();
  if (operands[0] != "cfssl") {
    return WrongUsage("import", absl::StrCat("there is nothing to import from ", Quote(operands[0]),
                                             "; it reads what cfssl made"));
  }
  operands.erase(operands.begin());
  const std::string dir = options.Value("-C").empty() ? "." : options.Value("-C");
  // What was left out may have been the issuer of another one: every attempt knows more.
  for (SkippedFiles skipped;;) {
    ImportRun run(dir, operands, skipped);
    run.Run();
    SkippedFiles more = options.Has("--skip") ? run.WhatToSkip() : SkippedFiles();
    if (more.empty()) return run.Tell();
    skipped.merge(more);
  }
}

}  // namespace kplan
