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

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/pki/certificate_due.h"
#include "src/step/step.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = ".kplan-import";

struct Kind {
  const char* name;
  StepFunction run;
};
constexpr Kind kKinds[] = {{"adopt-ca", AdoptCaStep},
                           {"ca-cert", CaCertStep},
                           {"cert", CertStep},
                           {"csr", CsrStep},
                           {"key", KeyStep}};

std::string WhyDue(const Record& record, absl::Time now) {
  std::optional<int64_t> issuer_end;
  if (record.Has("issuer")) issuer_end = EndOfCertificate(record.String("issuer"));
  return WhyCertificateIsDue(record.String("path"), issuer_end, record.IntOr("renew-before", 0), now);
}

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
  trial.before_ = UniqueFd(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!trial.before_.ok()) return ErrnoStatus(errno, "cannot open the current folder");
  std::string made = FirstMissing(dir);
  if (absl::Status status = MakeFolders(dir); !status.ok()) return status;
  const std::string path = absl::StrCat(dir, "/", kFolder);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", path));
  trial.lock_ = UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!trial.lock_.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", path));
  if (flock(trial.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
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
    absl::StatusOr<Record> record = Record::Parse(step.record);
    if (!record.ok()) return record.status();
    const std::string kind = record->String("kind"), path = record->StringOr("path", "");
    const auto* known = std::find_if(std::begin(kKinds), std::end(kKinds),
                                     [&kind](const Kind& each) { return kind == each.name; });
    if (known == std::end(kKinds)) continue;
    // A request is made again for nothing but its key: no certificate is then.
    const bool request = kind == "csr";
    auto file = imported.find(request ? record->StringOr("key", "") : path);
    if (file == imported.end()) continue;
    const std::string due = request || kind == "key" ? "" : WhyDue(*record, now);
    absl::StatusOr<StepResult> result = known->run({step.label, now}, *record);
    if (!result.ok()) {
      remade.push_back({file->first, std::string(result.status().message()), false, ""});
      continue;
    }
    if (request) continue;
    absl::StatusOr<std::string> bytes = ReadFile(path);
    if (!bytes.ok()) return bytes.status();
    const bool same = *bytes == file->second->bytes && result->reason.empty();
    if (same && result->output.empty()) continue;
    remade.push_back({path, result->reason, !due.empty() && due == result->reason, result->output});
  }
  return remade;
}

}  // namespace kplan
