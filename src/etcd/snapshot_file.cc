#include "src/etcd/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/bytes_text.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"
#include "src/base/record.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr int64_t kDigestSize = 32;  // SHA-256
constexpr int64_t kPageSize = 512;   // etcd: "512 is chosen because it's a minimum disk sector size"

absl::Status Damaged(const std::string& path, absl::string_view how) {
  return absl::DataLossError(absl::StrCat(path, " is no whole snapshot of etcd: ", how));
}

struct OpenSnapshot {
  UniqueFd fd;
  int64_t size = 0;
};

absl::StatusOr<OpenSnapshot> Open(const std::string& path) {
  OpenSnapshot file;
  file.fd = UniqueFd(disk::Open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  struct stat info;
  if (fstat(file.fd.get(), &info) != 0) return ErrnoStatus(errno, path);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a file"));
  file.size = info.st_size;
  return file;
}

// The digest that the file ends in, which has to be that of all before it.
absl::StatusOr<std::string> CheckDigest(const OpenSnapshot& file, const std::string& path) {
  if (file.size < kDigestSize + kPageSize || file.size % kPageSize != kDigestSize) {
    return Damaged(path, absl::StrCat("it has ", file.size, " bytes, and does not end in its SHA-256"));
  }
  Sha256Stream digest;
  std::string block(1 << 20, '\0');
  std::string last;
  for (int64_t at = 0; at < file.size;) {
    const int64_t left = file.size - kDigestSize - at;
    const int64_t wanted = left > 0 ? std::min<int64_t>(left, block.size()) : file.size - at;
    const ssize_t n = disk::ReadAt(file.fd.get(), &block[0], static_cast<size_t>(wanted), at);
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    if (n == 0) return Damaged(path, "it became shorter while it was read");
    const absl::string_view bytes(block.data(), static_cast<size_t>(n));
    if (left > 0) {
      digest.Update(bytes);
    } else {
      absl::StrAppend(&last, bytes);
    }
    at += n;
  }
  const std::string says = absl::BytesToHexString(last), is = digest.FinishHex();
  if (says == is) return is;
  return Damaged(path, absl::StrCat("it ends in the SHA-256 ", says.substr(0, 16),
                                    "…, and that of its content is ", is.substr(0, 16), "…"));
}

// TEXT less its lines that are etcd's log, in JSON, and "Error: ".
std::string WithoutLogLines(absl::string_view text) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "{\"level\":") || absl::StripAsciiWhitespace(line).empty()) continue;
    absl::ConsumePrefix(&line, "Error: ");
    lines.push_back(Shown(line));
  }
  return absl::StrJoin(lines, "; ");
}

}  // namespace

std::string SnapshotInfo::Describe() const {
  return absl::StrCat("revision ", revision, ", ",
                      keys.has_value() ? absl::StrCat(Count(static_cast<size_t>(*keys), "key"), ", ") : "",
                      BytesText(size));
}

std::string SnapshotProgram(const std::string& etcdctl) {
  const std::string found = FindProgram(etcdctl);
  const std::string beside = absl::StrCat(FolderOf(found.empty() ? etcdctl : found), "/etcdutl");
  return !found.empty() && access(beside.c_str(), X_OK) == 0 ? beside : etcdctl;
}

absl::Status WithoutLog(const absl::Status& error) {
  absl::string_view message = error.message(), prefix;
  if (size_t exit = message.find(": "); absl::StartsWith(message, "exit ") && exit != message.npos) {
    prefix = message.substr(0, exit + 2);
    message.remove_prefix(exit + 2);
  }
  const std::string text = WithoutLogLines(message);
  return text.empty() ? error : absl::Status(error.code(), absl::StrCat(prefix, text));
}

absl::StatusOr<std::string> RunSnapshotProgram(const std::string& program,
                                               const std::vector<std::string>& words, absl::Duration timeout,
                                               const std::string& folder) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), words.begin(), words.end());
  RunOptions options;
  options.environment = {"ETCDCTL_API=3"};
  options.timeout = timeout;
  options.working_folder = folder;
  absl::StatusOr<RunResult> result = Run(argv, options);
  if (!result.ok()) return result.status();
  if (result->timed_out) {
    return absl::DeadlineExceededError(
        absl::StrCat("it did not end within ", absl::ToInt64Seconds(timeout), " s"));
  }
  if (result->ok()) return std::move(result->out);
  return WithoutLog(
      absl::FailedPreconditionError(absl::StrCat("exit ", result->exit_code, ": ", FailureOf(*result))));
}

absl::StatusOr<SnapshotInfo> ParseSnapshotStatus(absl::string_view text) {
  const Json json = ParseJson(text).value_or(Json());
  SnapshotInfo info;
  int64_t hash = 0;
  const auto read = [&](const char* name, int64_t* to) {
    if (!json.is_object()) return false;
    auto found = json.find(name);
    if (found == json.end() || !found->is_number_integer()) return false;
    *to = found->get<int64_t>();
    return *to >= 0;
  };
  if (!read("revision", &info.revision) || !read("totalSize", &info.size) || !read("hash", &hash) ||
      hash > UINT32_MAX) {
    return absl::DataLossError(
        absl::StrCat("cannot read what `snapshot status` printed: ", Shown(text.substr(0, 500))));
  }
  info.hash = static_cast<uint32_t>(hash);
  return info;
}

absl::StatusOr<SnapshotInfo> AskSnapshotStatus(const std::string& program, const std::string& path,
                                               const std::string& folder) {
  struct stat file;
  const std::string seen = folder.empty() ? path : absl::StrCat(folder, "/", path);
  const int64_t size = stat(seen.c_str(), &file) == 0 ? file.st_size : 0;
  absl::StatusOr<std::string> out = RunSnapshotProgram(
      program, {"snapshot", "status", path, "--write-out=json"}, TimeForSnapshot(size), folder);
  absl::StatusOr<SnapshotInfo> info = out.ok() ? ParseSnapshotStatus(*out) : out.status();
  if (!info.ok()) {
    return absl::Status(info.status().code(), absl::StrCat("`", program, " snapshot status ", path,
                                                           "`: ", info.status().message()));
  }
  info->path = path;
  return info;
}

absl::StatusOr<SnapshotInfo> CheckSnapshot(const std::string& program, const std::string& path) {
  absl::StatusOr<OpenSnapshot> file = Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::string> digest = CheckDigest(*file, path);
  if (!digest.ok()) return digest.status();
  absl::StatusOr<SnapshotInfo> info = AskSnapshotStatus(program, path);
  if (!info.ok()) return info.status();
  info->sha256 = *std::move(digest);
  info->size = file->size;
  return info;
}

absl::Duration TimeForSnapshot(int64_t bytes) { return absl::Minutes(1) + absl::Seconds(bytes / 4000000); }

}  // namespace kplan
