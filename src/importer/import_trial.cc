#include "src/importer/import_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/pki/certificate_due.h"
#include "src/step/step.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = ".kplan-import";

// A step that may make an imported file again.
struct Attempt {
  std::string file;   // the imported one: the artifact; of a request its key
  bool keeps = true;  // the artifact is that file
  std::string due;    // of a certificate: why the time calls for another one; empty: it does not
  absl::StatusOr<StepResult> result = StepResult();
};

class Trial {
 public:
  Trial(const absl::flat_hash_map<std::string, const ImportedFile*>& imported, const StepContext& context)
      : imported_(imported), context_(context) {}

  // Nothing when the step has nothing to do with what was imported.
  std::optional<Attempt> operator()(const KeyRecord& record) const {
    if (!imported_.contains(record.path)) return std::nullopt;
    return Attempt{record.path, true, "", KeyStep(context_, record)};
  }
  // It is made again without a certificate being so; one that was not imported is made, of an imported key.
  std::optional<Attempt> operator()(const CsrRecord& record) const {
    if (!imported_.contains(record.key)) return std::nullopt;
    const bool imported = imported_.contains(record.path);
    return Attempt{imported ? record.path : record.key, imported, "", CsrStep(context_, record)};
  }
  std::optional<Attempt> operator()(const CaCertRecord& record) const {
    return OfCertificate(record, std::nullopt, CaCertStep);
  }
  std::optional<Attempt> operator()(const AdoptCaRecord& record) const {
    return OfCertificate(record, std::nullopt, AdoptCaStep);
  }
  std::optional<Attempt> operator()(const CertRecord& record) const {
    return OfCertificate(record, EndOfCertificate(record.issuer), CertStep);
  }
  template <typename Other>
  std::optional<Attempt> operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  template <typename R>
  std::optional<Attempt> OfCertificate(const R& record, std::optional<int64_t> issuer_end,
                                       absl::StatusOr<StepResult> (*step)(const StepContext&,
                                                                          const R&)) const {
    if (!imported_.contains(record.path)) return std::nullopt;
    std::string due =
        WhyCertificateIsDue(record.path, issuer_end, record.renew_before.value_or(0), context_.now);
    return Attempt{record.path, true, std::move(due), step(context_, record)};
  }

  const absl::flat_hash_map<std::string, const ImportedFile*>& imported_;
  const StepContext& context_;
};

// The first of FOLDER and the folders above it that is not there, from the top; "" when all are.
std::string FirstMissing(const std::string& folder) {
  std::string missing;
  struct stat info;
  for (std::string at = folder; lstat(at.c_str(), &info) != 0 && errno == ENOENT; at = FolderOf(at))
    missing = at;
  return missing;
}

}  // namespace

absl::StatusOr<TrialFolder> TrialFolder::Enter(const std::string& dir) {
  TrialFolder trial;
  trial.before_ = UniqueFd(disk::Open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!trial.before_.ok()) return ErrnoStatus(errno, "cannot open the current folder");
  std::string made = FirstMissing(dir);
  if (absl::Status status = MakeFolders(dir); !status.ok()) return status;
  const std::string path = absl::StrCat(dir, "/", kFolder);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", path));
  trial.lock_ = UniqueFd(disk::Open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!trial.lock_.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", path));
  if (disk::Lock(trial.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", path));
    return absl::UnavailableError(absl::StrCat("another import into ", dir, " is at work"));
  }
  // From here on it is ours to remove.
  trial.made_ = std::move(made);
  trial.path_ = path;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code remove_error;
    fs::remove_all(it->path(), remove_error);
    if (remove_error)
      return ErrnoStatus(remove_error.value(),
                         absl::StrCat("cannot remove the left-over ", it->path().string()));
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot read the folder ", path));
  if (fchmod(trial.lock_.get(), 0700) != 0 || fchdir(trial.lock_.get()) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot work in the folder ", path));
  return trial;
}

absl::Status TrialFolder::Leave() {
  if (fchdir(before_.get()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "cannot return to the folder that this was started in");
}

TrialFolder::~TrialFolder() {
  std::error_code ignored;  // a left-over is removed by the next import
  if (path_.empty() || !Leave().ok()) return;
  fs::remove_all(path_, ignored);
  // Folders made for nothing go too; rmdir() spares those that got something.
  if (made_.empty()) return;
  for (std::string at = FolderOf(path_); rmdir(at.c_str()) == 0 && at != made_;) at = FolderOf(at);
}

absl::StatusOr<std::vector<Remade>> TryOut(const Graph& graph, const std::vector<ImportedFile>& files,
                                           absl::Time now) {
  absl::flat_hash_map<std::string, const ImportedFile*> imported;
  for (const ImportedFile& file : files) {
    imported[file.path] = &file;
    std::error_code ignored;  // what a trial before this one left: a file that stays is in the way
    fs::remove(file.path, ignored);
    if (absl::Status status = WriteScratchFile(file.path, file.bytes, file.mode); !status.ok()) return status;
  }
  std::vector<Remade> remade;
  for (const Step& step : graph.steps()) {
    const StepContext context = {step.label, now};
    std::optional<Attempt> attempt = std::visit(Trial(imported, context), ReadAnyRecord(step.record));
    if (!attempt.has_value()) continue;
    const absl::StatusOr<StepResult>& result = attempt->result;
    if (!result.ok()) {
      remade.push_back({attempt->file, std::string(result.status().message()), false, true, ""});
      continue;
    }
    if (!attempt->keeps) continue;
    absl::StatusOr<std::string> bytes = ReadFile(attempt->file);
    if (!bytes.ok()) return bytes.status();
    const bool same = *bytes == imported[attempt->file]->bytes && result->reason.empty();
    if (same && result->output.empty()) continue;
    const std::string& due = attempt->due;
    remade.push_back(
        {attempt->file, result->reason, !due.empty() && due == result->reason, false, result->output});
  }
  return remade;
}

}  // namespace kplan
