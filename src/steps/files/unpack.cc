// The wanted members as regular files with mode 0755.
//
// What came out is written down beside the members, in a manifest. With it the check reads the members alone,
// and works when the archive is gone.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/archive/archive_extract.h"
#include "src/archive/archive_rules.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {
namespace {

constexpr mode_t kMode = 0755;
constexpr char kManifest[] = ".kplan.json";

using Digests = std::map<std::string, std::string>;  // name in the folder -> sha256

struct Manifest {
  std::string archive;                              // its digest
  std::vector<std::array<std::string, 3>> members;  // (name in the archive, name in the folder, digest)

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("archive", self.archive);
    fields.Always("members", self.members);
  }
};

std::string PathOf(const UnpackRecord& wish, absl::string_view name) {
  return absl::StrCat(wish.dir, "/", name);
}

std::string ManifestText(const UnpackRecord& wish, const Digests& digests) {
  Manifest manifest;
  manifest.archive = wish.sha256;
  for (const auto& [member, name] : wish.members)
    manifest.members.push_back({member, name, digests.at(name)});
  return ToText(manifest) + "\n";
}

// What the manifest in the folder says came out of this very archive for these very members; empty when it is
// about something else, or no manifest at all.
Digests ReadManifest(const UnpackRecord& wish) {
  absl::StatusOr<std::string> text = ReadFile(PathOf(wish, kManifest), 1 << 20);
  if (!text.ok()) return {};
  absl::StatusOr<Manifest> manifest = FromText<Manifest>(*text);
  if (!manifest.ok()) return {};
  Digests digests;
  for (const auto& [unused, name, digest] : manifest->members) digests[name] = digest;
  for (const auto& [unused, name] : wish.members) {
    if (digests.count(name) == 0) return {};
  }
  // One text for one content: whatever else differs shows here.
  return ManifestText(wish, digests) == *text ? digests : Digests();
}

// Why the file at PATH is not what came out of the archive; no value when it is.
std::optional<Reason> WhatDiffers(const std::string& path, const std::string& name,
                                  const std::string& sha256) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return Reason{"missing", absl::StrCat(name, " is missing")};
  if (!S_ISREG(info.st_mode)) return Reason{"content", absl::StrCat(name, " is no regular file")};
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  if (!digest.ok()) return Reason{"content", absl::StrCat(name, " cannot be read")};
  if (*digest != sha256) return Reason{"content", absl::StrCat(name, " was edited")};
  if ((info.st_mode & 07777) == kMode) return std::nullopt;
  return Reason{"mode",
                absl::StrCat("mode of ", name, " was ", ModeText(info.st_mode), ", is ", ModeText(kMode))};
}

std::vector<Reason> WhyUnpack(const UnpackRecord& wish, const Digests& digests) {
  struct stat info;
  if (lstat(wish.dir.c_str(), &info) != 0) return {{"missing", "missing"}};
  if (digests.empty()) return {{"content", "unpacked from another archive, or not completely"}};
  std::vector<Reason> reasons;
  for (const auto& [unused, name] : wish.members) {
    std::optional<Reason> reason = WhatDiffers(PathOf(wish, name), name, digests.at(name));
    if (reason.has_value()) reasons.push_back(*std::move(reason));
  }
  return reasons;
}

// Opens the archive once and checks what it read, so that what is unpacked is what was checked.
absl::StatusOr<UniqueFd> OpenVerified(const UnpackRecord& wish) {
  UniqueFd fd(disk::Open(wish.archive.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", wish.archive));
  struct stat info;
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(wish.archive, " is no regular file"));
  }
  absl::StatusOr<std::string> digest = Sha256HexOfFile(absl::StrCat("/proc/self/fd/", fd.get()));
  if (!digest.ok()) return digest.status();
  if (*digest == wish.sha256) return fd;
  return absl::FailedPreconditionError(absl::StrCat(wish.archive,
                                                    " is not the archive that is wanted: it has sha256 ",
                                                    *digest, ", expected ", wish.sha256));
}

// Unpacks into the folder, which is there. Every member is complete on disk before the first takes its name;
// the manifest comes last. A kill in between leaves a manifest that does not fit, or none.
absl::StatusOr<Digests> UnpackInto(const UnpackRecord& wish, int archive_fd) {
  UniqueFd folder(disk::Open(wish.dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", wish.dir));
  absl::StatusOr<std::vector<ExtractedMember>> members =
      ExtractMembers(archive_fd, wish.members, folder.get());
  if (!members.ok()) return members.status();
  Digests digests;
  for (ExtractedMember& member : *members) {
    digests[member.name] = member.sha256;
    // One that already is right stays: its time is what other steps compare.
    if (!WhatDiffers(PathOf(wish, member.name), member.name, member.sha256).has_value()) continue;
    if (absl::Status status = member.file.Commit(); !status.ok()) return status;
  }
  absl::StatusOr<bool> wrote = WriteFileIfChanged(PathOf(wish, kManifest), ManifestText(wish, digests), 0644);
  if (!wrote.ok()) return wrote.status();
  return digests;
}

absl::Status NotUnpacked(const UnpackRecord& wish, const absl::Status& status) {
  return ExplainHostError(status, absl::StrCat(wish.archive, " was not unpacked"));
}

absl::StatusOr<Digests> Unpack(const UnpackRecord& wish) {
  absl::StatusOr<UniqueFd> archive = OpenVerified(wish);
  if (!archive.ok()) return archive.status();
  struct stat info;
  const bool made = lstat(wish.dir.c_str(), &info) != 0;
  if (absl::Status status = MakeFolders(wish.dir); !status.ok()) return status;
  absl::StatusOr<Digests> digests = UnpackInto(wish, archive->get());
  if (digests.ok()) return digests;
  if (made) rmdir(wish.dir.c_str());  // as it was before; fails when something is in it, as it should
  return NotUnpacked(wish, digests.status());
}

absl::Status CheckWish(const UnpackRecord& wish) {
  if (!IsSha256Hex(wish.sha256)) return absl::InvalidArgumentError("\"sha256\" is no digest");
  if (wish.members.empty()) return absl::InvalidArgumentError("no members are wanted");
  Digests names;
  for (const auto& [member, name] : wish.members) {
    absl::StatusOr<std::string> normal = NormalArchiveName(member);
    if (!normal.ok() || *normal != member) {
      return absl::InvalidArgumentError(
          absl::StrCat(QuoteForPerson(member), " cannot be a member of an archive"));
    }
    if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos ||
        !names.emplace(name, "").second) {
      return absl::InvalidArgumentError(
          absl::StrCat(QuoteForPerson(name), " cannot be the name of a member"));
    }
  }
  return absl::OkStatus();
}

// The step's digest.
std::string DigestOfAll(const Digests& digests) {
  std::string all;
  for (const auto& [name, sha256] : digests) absl::StrAppend(&all, name, " ", sha256, "\n");
  return Sha256Hex(all);
}

// What Unpack() would give; KNOWN: what the manifest says, or nothing.
absl::StatusOr<Digests> LookIntoArchive(const UnpackRecord& wish, const Digests& known) {
  absl::StatusOr<UniqueFd> archive = OpenVerified(wish);
  if (!archive.ok()) return archive.status();
  if (!known.empty()) return known;  // it came out of this very archive
  absl::StatusOr<Digests> digests = DigestMembers(archive->get(), wish.members);
  if (!digests.ok()) return NotUnpacked(wish, digests.status());
  return digests;
}

}  // namespace

absl::StatusOr<StepResult> UnpackStep(const StepContext&, const UnpackRecord& wish) {
  if (absl::Status status = CheckWish(wish); !status.ok()) return status;
  StepResult result;
  Digests digests = ReadManifest(wish);
  result.reason = Join(WhyUnpack(wish, digests));
  if (!result.reason.empty()) {
    absl::StatusOr<Digests> unpacked = Unpack(wish);
    if (!unpacked.ok()) return unpacked.status();
    digests = *std::move(unpacked);
  }
  result.digest = DigestOfAll(digests);
  for (const auto& [unused, name] : wish.members) result.files.push_back(PathOf(wish, name));
  return result;
}

absl::StatusOr<Outlook> UnpackLook(const LookContext& context, const UnpackRecord& wish) {
  if (absl::Status status = CheckWish(wish); !status.ok()) return status;
  Outlook outlook;
  const Digests manifest = ReadManifest(wish);
  outlook.reasons = WhyUnpack(wish, manifest);
  if (outlook.reasons.empty()) {
    outlook.digest = DigestOfAll(manifest);
    return outlook;
  }
  Digests digests = manifest;
  if (context.foreseen.Find(wish.archive) == nullptr) {
    absl::StatusOr<Digests> looked = LookIntoArchive(wish, manifest);
    if (!looked.ok()) return looked.status();
    digests = *std::move(looked);
  }
  if (!digests.empty()) outlook.digest = DigestOfAll(digests);
  for (const auto& [unused, name] : wish.members) {
    ForeseenFile file;  // of an archive that has yet to be downloaded nothing is known
    bool differs = true, content_differs = true;
    if (!digests.empty()) {
      file.sha256 = digests.at(name);
      std::optional<Reason> reason = WhatDiffers(PathOf(wish, name), name, *file.sha256);
      differs = reason.has_value();
      content_differs = differs && reason->name != "mode";
    }
    if (content_differs) outlook.changes_digest = true;
    if (differs) outlook.files.emplace_back(PathOf(wish, name), std::move(file));
  }
  return outlook;
}

}  // namespace kplan
