#ifndef KPLAN_CLI_DIFF_SIDE_H_
#define KPLAN_CLI_DIFF_SIDE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/conversation.h"
#include "src/lower/compile.h"

namespace kplan {

// A git repository, asked for what is in its revisions: `git cat-file --batch`, one process for all
// questions. No word of the person's is an argument of it.
class GitObjects {
 public:
  // That of the current folder. NotFound where there is no git.
  static absl::StatusOr<GitObjects> Open();

  // The content of NAME, "REV:PATH" as git has it (gitrevisions(7)): PATH is relative to the top of the work
  // tree, or, with "./", to the current folder. NotFound when there is none such; FailedPrecondition, in
  // git's words, when there is no repository; OutOfRange for one of more than MAX_BYTES.
  absl::StatusOr<std::string> Read(const std::string& name, size_t max_bytes);

 private:
  explicit GitObjects(Conversation git) : git_(std::move(git)) {}

  Conversation git_;
};

// One of the two texts of `diff`: a file, standard input ("-"), or REV:FILE of git. A file whose name is all
// of it comes first.
class DiffSide {
 public:
  // NAME as the person wrote it. An error when it cannot be read; what is wrong in it is in its diagnostics.
  static absl::StatusOr<DiffSide> Open(const std::string& name);

  const SpecFile& file() const { return *file_; }
  const std::string& text() const { return file_->diagnostics().source().text(); }
  const std::string& name() const { return name_; }
  bool of_git() const { return git_ != nullptr; }
  // The file in the repository, or as the person wrote it; "" for standard input.
  std::string place() const;

  // What a file that this text names is, relative to the folder of the text itself; of the same revision
  // where it is git's. Nothing when there is none, or it cannot be read: git has no keys, and a CI job no
  // archive.
  std::optional<std::string> ReadBeside(const std::string& path) const;

 private:
  std::string name_;
  std::string revision_, folder_;  // "HEAD", ""; "" or with "/" at its end
  std::unique_ptr<SpecFile> file_;
  std::shared_ptr<GitObjects> git_;
};

}  // namespace kplan

#endif  // KPLAN_CLI_DIFF_SIDE_H_
