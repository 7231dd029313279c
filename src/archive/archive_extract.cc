#include "src/archive/archive_extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/archive/archive_rules.h"
#include "src/base/digest.h"

namespace kplan {
namespace {

constexpr mode_t kMode = 0755;
constexpr int64_t kTarBlock = 512;
constexpr size_t kNamesShown = 8;

using ArchivePtr = std::unique_ptr<struct archive, decltype(&archive_read_free)>;

absl::Status AtEntry(absl::string_view name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("entry ", QuoteForPerson(name), ": ", status.message()));
}

std::string BaseOf(absl::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::string OrEmpty(const char* text) { return text != nullptr ? text : ""; }

constexpr int kNoFolder = -1;

class Extraction {
 public:
  // FOLDER_FD: kNoFolder for the digests alone.
  Extraction(int archive_fd, const StringPairs& members, int folder_fd, const ArchiveLimits& limits)
      : stream_(archive_fd, limits),
        folder_fd_(folder_fd),
        limits_(limits),
        archive_(archive_read_new(), &archive_read_free) {
    for (const auto& [member, name] : members) wanted_[member] = name;
  }

  absl::Status Run() {
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open(archive_.get(), this, nullptr, &Extraction::ReadBlock, nullptr) != ARCHIVE_OK) {
      return Failure();
    }
    for (int64_t entries = 0;; ++entries) {
      struct archive_entry* raw = nullptr;
      int result = archive_read_next_header(archive_.get(), &raw);
      if (result == ARCHIVE_EOF) break;
      if (entries >= limits_.entries) {
        return absl::ResourceExhaustedError(absl::StrCat("has more than ", limits_.entries, " entries"));
      }
      absl::StatusOr<ArchiveEntry> entry = Understand(raw, result);
      if (!entry.ok()) return entry.status();
      last_name_ = entry->name;
      if (absl::Status status = Take(*entry, raw); !status.ok()) return AtEntry(entry->name, status);
    }
    if (absl::Status status = CheckEnd(); !status.ok()) return status;
    if (absl::Status status = CheckComplete(); !status.ok()) return status;
    return absl::OkStatus();
  }

  std::map<std::string, std::string> TakeDigests() { return std::move(digests_); }
  std::vector<ExtractedMember> TakeMembers() { return std::move(extracted_); }

 private:
  static la_ssize_t ReadBlock(struct archive* archive, void* self, const void** block) {
    auto* extraction = static_cast<Extraction*>(self);
    absl::StatusOr<absl::string_view> next = extraction->stream_.Next();
    if (!next.ok()) {
      extraction->stream_status_ = next.status();
      archive_set_error(archive, EIO, "%s", std::string(next.status().message()).c_str());
      return ARCHIVE_FATAL;
    }
    *block = next->data();
    return static_cast<la_ssize_t>(next->size());
  }

  // What went wrong: below (the stream), or in the tar.
  absl::Status Failure() const {
    if (!stream_status_.ok()) return stream_status_;
    return absl::DataLossError(absl::StrCat("damaged tar: ", OrEmpty(archive_error_string(archive_.get()))));
  }

  absl::StatusOr<ArchiveEntry> Understand(struct archive_entry* raw, int result) const {
    ArchiveEntry entry;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return Failure(last_name_);
    // A name in UTF-8 has no form in the C locale, where we run; the bytes it has are good enough.
    const char* name = archive_entry_pathname(raw);
    if (name == nullptr) name = archive_entry_pathname_utf8(raw);
    entry.name = OrEmpty(name);
    entry.type = archive_entry_filetype(raw);
    entry.permissions = archive_entry_perm(raw);
    const char* hardlink = archive_entry_hardlink(raw);
    if (hardlink == nullptr) hardlink = archive_entry_hardlink_utf8(raw);
    entry.hardlink = OrEmpty(hardlink);
    const char* symlink = archive_entry_symlink(raw);
    if (symlink == nullptr) symlink = archive_entry_symlink_utf8(raw);
    entry.symlink = OrEmpty(symlink);
    if (result == ARCHIVE_WARN) {
      std::string warning = OrEmpty(archive_error_string(archive_.get()));
      if (!absl::StrContains(warning, "can't be converted"))
        return AtEntry(entry.name, absl::DataLossError(warning));
    }
    return entry;
  }

  absl::Status Failure(absl::string_view after) const {
    absl::Status status = Failure();
    if (after.empty()) return status;
    return absl::Status(status.code(),
                        absl::StrCat(status.message(), " (after entry ", QuoteForPerson(after), ")"));
  }

  absl::Status Take(const ArchiveEntry& entry, struct archive_entry* raw) {
    if (absl::Status status = CheckArchiveEntry(entry); !status.ok()) return status;
    std::string name = *NormalArchiveName(entry.name);
    Remember(name);
    auto wanted = wanted_.find(name);
    bool is_link = !entry.hardlink.empty() || entry.type == S_IFLNK;
    if (wanted == wanted_.end()) {
      if (!is_link) return absl::OkStatus();
      for (const auto& [member, unused] : wanted_) {
        if (absl::StartsWith(member, name + "/")) {
          return absl::InvalidArgumentError(
              absl::StrCat("a link in the place of a folder of ", QuoteForPerson(member)));
        }
      }
      return absl::OkStatus();
    }
    if (is_link) return absl::InvalidArgumentError("a link in the place of a wanted file");
    if (entry.type != S_IFREG) return absl::InvalidArgumentError("a folder in the place of a wanted file");
    if (!seen_.insert(name).second) return absl::InvalidArgumentError("is in the archive more than once");
    return Extract(wanted->second, raw);
  }

  absl::Status Extract(const std::string& name, struct archive_entry* raw) {
    const int64_t size = archive_entry_size(raw);
    absl::Status too_large =
        absl::ResourceExhaustedError(absl::StrCat("is larger than ", limits_.member_bytes, " bytes"));
    if (size > limits_.member_bytes) return too_large;
    std::optional<PendingFile> file;
    if (folder_fd_ != kNoFolder) {
      absl::StatusOr<PendingFile> created = PendingFile::Create(folder_fd_, name, kMode);
      if (!created.ok()) return created.status();
      file.emplace(*std::move(created));
    }
    Sha256Stream digest;
    int64_t written = 0;
    for (;;) {
      const void* data = nullptr;
      size_t length = 0;
      la_int64_t offset = 0;
      int result = archive_read_data_block(archive_.get(), &data, &length, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK) return Failure();
      if (offset != written) return absl::InvalidArgumentError("is a sparse file");
      absl::string_view bytes(static_cast<const char*>(data), length);
      digest.Update(bytes);
      absl::Status status = file.has_value() ? file->Append(bytes) : absl::OkStatus();
      if (!status.ok()) return status;
      written += static_cast<int64_t>(length);
      if (written > limits_.member_bytes) return too_large;
    }
    if (written != size) return absl::DataLossError(absl::StrCat("has ", written, " bytes of ", size));
    std::string& sha256 = digests_[name] = digest.FinishHex();
    if (file.has_value()) extracted_.push_back(ExtractedMember{name, sha256, *std::move(file)});
    return absl::OkStatus();
  }

  // Behind the end of the tar there are zeros, at least two blocks of them (POSIX ustar), and nothing else.
  absl::Status CheckEnd() {
    const int64_t tar_end = archive_filter_bytes(archive_.get(), 0);
    for (;;) {
      absl::StatusOr<absl::string_view> next = stream_.Next();
      if (!next.ok()) return next.status();
      if (next->empty()) break;
    }
    if (stream_.content_end() > tar_end) return absl::DataLossError("data follows the end of the tar");
    if (stream_.unpacked() - stream_.content_end() < 2 * kTarBlock) {
      return absl::DataLossError(absl::StrCat("truncated: the end of the tar is missing (after entry ",
                                              QuoteForPerson(last_name_), ")"));
    }
    return absl::OkStatus();
  }

  // Names for the message about a member that is missing: those that end like a wanted one, and the top ones.
  void Remember(const std::string& name) {
    std::string top = name.substr(0, name.find('/'));
    if (top_.size() < kNamesShown && !top.empty()) top_.insert(std::move(top));
    if (similar_.size() >= kNamesShown) return;
    for (const auto& [member, unused] : wanted_) {
      if (BaseOf(member) == BaseOf(name)) similar_.insert(name);
    }
  }

  absl::Status CheckComplete() const {
    for (const auto& [member, unused] : wanted_) {
      if (seen_.count(member) != 0) continue;
      auto quote = [](std::string* out, const std::string& name) { out->append(QuoteForPerson(name)); };
      std::string there;
      if (!similar_.empty()) {
        there = absl::StrCat("; there is ", absl::StrJoin(similar_, ", ", quote));
      } else if (!top_.empty()) {
        there = absl::StrCat("; at the top there is ", absl::StrJoin(top_, ", ", quote));
      }
      return absl::NotFoundError(absl::StrCat("has no ", QuoteForPerson(member), there));
    }
    return absl::OkStatus();
  }

  ArchiveStream stream_;
  absl::Status stream_status_;
  int folder_fd_;
  ArchiveLimits limits_;
  ArchivePtr archive_;
  std::map<std::string, std::string> wanted_;
  std::set<std::string> seen_, top_, similar_;
  std::string last_name_;
  std::map<std::string, std::string> digests_;  // of the wanted members, by name in the folder
  std::vector<ExtractedMember> extracted_;
};

}  // namespace

absl::StatusOr<std::vector<ExtractedMember>> ExtractMembers(int archive_fd, const StringPairs& members,
                                                            int folder_fd, const ArchiveLimits& limits) {
  Extraction extraction(archive_fd, members, folder_fd, limits);
  if (absl::Status status = extraction.Run(); !status.ok()) return status;
  return extraction.TakeMembers();
}

absl::StatusOr<std::map<std::string, std::string>> DigestMembers(int archive_fd, const StringPairs& members,
                                                                 const ArchiveLimits& limits) {
  Extraction extraction(archive_fd, members, kNoFolder, limits);
  if (absl::Status status = extraction.Run(); !status.ok()) return status;
  return extraction.TakeDigests();
}

}  // namespace kplan
