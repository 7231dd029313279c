#include "src/archive/archive_rules.h"

#include <sys/stat.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

absl::Status Bad(absl::string_view reason) { return absl::InvalidArgumentError(reason); }

// FOLDER is where TARGET starts from: the entry's folder for a symbolic link, the archive's top for a hard
// link.
absl::Status CheckLinkTarget(absl::string_view folder, absl::string_view target) {
  if (absl::StartsWith(target, "/"))
    return Bad(absl::StrCat("a link to the absolute path ", QuoteForPerson(target)));
  std::vector<absl::string_view> at = absl::StrSplit(folder, '/', absl::SkipEmpty());
  for (absl::string_view part : absl::StrSplit(target, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      at.push_back(part);
    } else if (at.empty()) {
      return Bad(absl::StrCat("a link that leaves the archive, to ", QuoteForPerson(target)));
    } else {
      at.pop_back();
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string QuoteForPerson(absl::string_view text) {
  constexpr size_t kMost = 300;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMost)), text.size() > kMost ? "..." : "", "\"");
}

absl::StatusOr<std::string> NormalArchiveName(absl::string_view name) {
  if (name.empty()) return Bad("an empty name");
  for (char c : name) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return Bad("a control character in the name");
  }
  if (name[0] == '/') return Bad("an absolute path");
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(name, '/', absl::SkipEmpty())) {
    if (part == "..") return Bad("a path with \"..\" in it");
    if (part != ".") parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

absl::Status CheckArchiveEntry(const ArchiveEntry& entry) {
  absl::StatusOr<std::string> name = NormalArchiveName(entry.name);
  if (!name.ok()) return name.status();
  if ((entry.permissions & S_ISUID) != 0) return Bad("the setuid bit is set");
  if ((entry.permissions & S_ISGID) != 0) return Bad("the setgid bit is set");
  if (!entry.hardlink.empty()) return CheckLinkTarget("", entry.hardlink);
  switch (entry.type) {
    case S_IFREG:
    case S_IFDIR:
      return absl::OkStatus();
    case S_IFLNK: {
      size_t slash = name->rfind('/');
      return CheckLinkTarget(slash == std::string::npos ? "" : name->substr(0, slash), entry.symlink);
    }
    case S_IFBLK:
    case S_IFCHR:
      return Bad("a device");
    case S_IFIFO:
      return Bad("a FIFO");
    default:
      return Bad("neither a file nor a folder");
  }
}

}  // namespace kplan
