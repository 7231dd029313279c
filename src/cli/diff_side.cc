#include "src/cli/diff_side.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// A repository may have to be fetched from (a partial clone).
constexpr Patience::Bounds kGitBounds = {absl::Minutes(1), absl::Minutes(5)};
constexpr size_t kMaxAnswer = 4096;
// A file that cluster.yaml names.
constexpr size_t kMaxBeside = 64 << 20;

// Where git finds its configuration (`safe.directory`), and which repository is meant.
std::vector<std::string> GitEnvironment() {
  std::vector<std::string> environment = {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0"};
  for (const char* name : {"HOME", "XDG_CONFIG_HOME", "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR",
                           "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"}) {
    if (const char* value = getenv(name); value != nullptr)
      environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

bool IsThere(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

std::string FolderPrefix(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

}  // namespace

absl::StatusOr<GitObjects> GitObjects::Open() {
  SpawnOptions options;
  options.environment = GitEnvironment();
  options.input = true;
  absl::StatusOr<Conversation> git =
      Conversation::Start({"git", "cat-file", "--batch"}, std::move(options), Patience(kGitBounds));
  if (absl::IsNotFound(git.status()))
    return absl::NotFoundError(
        "REV:FILE takes git, and there is none in PATH; install git, or name two files");
  if (!git.ok()) return git.status();
  return GitObjects(*std::move(git));
}

absl::StatusOr<std::string> GitObjects::Read(const std::string& name, size_t max_bytes) {
  // A line is a question.
  if (std::any_of(name.begin(), name.end(),
                  [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }))
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(name), " has a control character, which no revision has"));
  git_.SetPatience(Patience(kGitBounds));
  absl::Status asked = git_.Write(absl::StrCat(name, "\n"));
  absl::StatusOr<std::string> header = asked.ok() ? git_.ReadLine(kMaxAnswer) : asked;
  if (!header.ok()) {
    const std::string said(absl::StripAsciiWhitespace(git_.errors()));
    return absl::FailedPreconditionError(
        absl::StrCat("git cannot read ", Quote(name), ": ",
                     said.empty() ? std::string(header.status().message()) : ShownLines(said)));
  }
  const std::vector<absl::string_view> words = absl::StrSplit(*header, ' ');
  uint64_t size = 0;
  if (words.size() != 3 || words[1] != "blob" || !absl::SimpleAtoi(words[2], &size)) {
    return absl::NotFoundError(
        absl::StrCat("git has no file ", Quote(name),
                     "; REV:FILE is as `git show` takes it: FILE from the top of the repository, or ",
                     "with ./ from here (HEAD:./cluster.yaml)"));
  }
  if (size > max_bytes)
    return absl::OutOfRangeError(absl::StrCat(Quote(name), " is too large: ", size, " bytes"));
  std::string content;
  while (content.size() <= size) {
    absl::StatusOr<std::string> line = git_.ReadLine(size + 1);
    if (!line.ok()) return line.status();
    absl::StrAppend(&content, *line, "\n");
  }
  content.resize(size);
  return content;
}

absl::StatusOr<DiffSide> DiffSide::Open(const std::string& name) {
  DiffSide version;
  version.name_ = name;
  const size_t colon = name.find(':');
  const bool git =
      name != SpecFile::kStandardInput && colon != std::string::npos && colon > 0 && !IsThere(name);
  if (!git) {
    if (name != SpecFile::kStandardInput) version.folder_ = FolderPrefix(name);
    absl::StatusOr<SpecFile> file = SpecFile::Compile(name);
    if (!file.ok()) return file.status();
    version.file_ = std::make_unique<SpecFile>(*std::move(file));
    return version;
  }
  version.revision_ = name.substr(0, colon);
  version.folder_ = FolderPrefix(name.substr(colon + 1));
  absl::StatusOr<GitObjects> objects = GitObjects::Open();
  if (!objects.ok()) return objects.status();
  version.git_ = std::make_shared<GitObjects>(*std::move(objects));
  absl::StatusOr<std::string> text = version.git_->Read(name, YamlTree::kMaxBytes);
  if (!text.ok()) return text.status();
  version.file_ = std::make_unique<SpecFile>(SpecFile::CompileText(name, *std::move(text)));
  return version;
}

std::string DiffSide::place() const {
  if (name_ == SpecFile::kStandardInput) return "";
  return of_git() ? std::string(absl::StripPrefix(name_.substr(revision_.size() + 1), "./")) : name_;
}

std::optional<std::string> DiffSide::ReadBeside(const std::string& path) const {
  if (git_ == nullptr) {
    absl::StatusOr<std::string> content =
        ReadFile(absl::StartsWith(path, "/") ? path : absl::StrCat(folder_, path), kMaxBeside);
    return content.ok() ? std::optional<std::string>(*std::move(content)) : std::nullopt;
  }
  if (absl::StartsWith(path, "/")) return std::nullopt;  // none of the repository's
  absl::StatusOr<std::string> content =
      git_->Read(absl::StrCat(revision_, ":", folder_, absl::StripPrefix(path, "./")), kMaxBeside);
  return content.ok() ? std::optional<std::string>(*std::move(content)) : std::nullopt;
}

}  // namespace kplan
