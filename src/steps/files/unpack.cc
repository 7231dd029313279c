// unpack: {"archive":"archives/X.tar.gz","dir":"archives/X","kind":"unpack",
//          "members":[["X/etcd","etcd"],["X/etcdctl","etcdctl"]],"sha256":"<the archive's digest>"}
// The wanted members (name in the archive -> name in the folder) as regular files with mode 0755.
//
// What came out is written down beside the members, in DIR/.kplan.json:
// {"archive":"<digest>","members":[[member, name, digest], ...]}. With it the check reads the members alone,
// and works when the archive is gone.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "src/archive/archive_extract.h"
#include "src/archive/archive_rules.h"
#include "src/base/digest.h"
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

struct Wish {
  std::string archive, dir, sha256;
  StringPairs members;

  static absl::StatusOr<Wish> From(const Record& record);
  std::string PathOf(absl::string_view name) const { return absl::StrCat(dir, "/", name); }
};

std::string ManifestOf(const Wish& wish, const Digests& digests) {
  std::vector<std::string> lines;
  for (const auto& [member, name] : wish.members) {
    std::string line = "[";
    AppendJsonString(member, &line);
    line.push_back(',');
    AppendJsonString(name, &line);
    line.push_back(',');
    AppendJsonString(digests.at(name), &line);
    line.push_back(']');
    lines.push_back(std::move(line));
  }
  RecordWriter writer;
  writer.Add("archive", wish.sha256).AddJson("members", absl::StrCat("[", absl::StrJoin(lines, ","), "]"));
  return std::move(writer).Finish() + "\n";
}

// What the manifest in the folder says came out of this very archive for these very members; empty when it is
// about something else, or no manifest at all.
Digests ReadManifest(const Wish& wish) {
  absl::StatusOr<std::string> text = ReadFile(wish.PathOf(kManifest), 1 << 20);
  if (!text.ok()) return {};
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("members") || !json["members"].is_array()) return {};
  Digests digests;
  for (const Json& item : json["members"]) {
    if (!item.is_array() || item.size() != 3 || !item[1].is_string() || !item[2].is_string()) return {};
    digests[item[1].get<std::string>()] = item[2].get<std::string>();
  }
  for (const auto& [unused, name] : wish.members) {
    if (digests.count(name) == 0) return {};
  }
  // One text for one content: whatever else differs shows here.
  return ManifestOf(wish, digests) == *text ? digests : Digests();
}

// Why the file at PATH is not what came out of the archive; no value when it is.
absl::optional<Reason> WhatDiffers(const std::string& path, const std::string& name,
                                   const std::string& sha256) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return Reason{"missing", absl::StrCat(name, " is missing")};
  if (!S_ISREG(info.st_mode)) return Reason{"content", absl::StrCat(name, " is no regular file")};
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  if (!digest.ok()) return Reason{"content", absl::StrCat(name, " cannot be read")};
  if (*digest != sha256) return Reason{"content", absl::StrCat(name, " was edited")};
  if ((info.st_mode & 07777) == kMode) return absl::nullopt;
  return Reason{"mode",
                absl::StrCat("mode of ", name, " was ", ModeText(info.st_mode), ", is ", ModeText(kMode))};
}

std::vector<Reason> WhyUnpack(const Wish& wish, const Digests& digests) {
  struct stat info;
  if (lstat(wish.dir.c_str(), &info) != 0) return {{"missing", "missing"}};
  if (digests.empty()) return {{"content", "unpacked from another archive, or not completely"}};
  std::vector<Reason> reasons;
  for (const auto& [unused, name] : wish.members) {
    absl::optional<Reason> reason = WhatDiffers(wish.PathOf(name), name, digests.at(name));
    if (reason.has_value()) reasons.push_back(*std::move(reason));
  }
  return reasons;
}

// Opens the archive once and checks what it read, so that what is unpacked is what was checked.
absl::StatusOr<UniqueFd> OpenVerified(const Wish& wish) {
  UniqueFd fd(open(wish.archive.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
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
absl::StatusOr<Digests> UnpackInto(const Wish& wish, int archive_fd) {
  UniqueFd folder(open(wish.dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", wish.dir));
  absl::StatusOr<std::vector<ExtractedMember>> members =
      ExtractMembers(archive_fd, wish.members, folder.get());
  if (!members.ok()) return members.status();
  Digests digests;
  for (ExtractedMember& member : *members) {
    digests[member.name] = member.sha256;
    // One that already is right stays: its time is what other steps compare.
    if (!WhatDiffers(wish.PathOf(member.name), member.name, member.sha256).has_value()) continue;
    if (absl::Status status = member.file.Commit(); !status.ok()) return status;
  }
  absl::StatusOr<bool> wrote = WriteFileIfChanged(wish.PathOf(kManifest), ManifestOf(wish, digests), 0644);
  if (!wrote.ok()) return wrote.status();
  return digests;
}

absl::Status NotUnpacked(const Wish& wish, const absl::Status& status) {
  return ExplainHostError(status, absl::StrCat(wish.archive, " was not unpacked"));
}

absl::StatusOr<Digests> Unpack(const Wish& wish) {
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

absl::Status CheckWish(const Wish& wish) {
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

absl::StatusOr<Wish> Wish::From(const Record& record) {
  Wish wish;
  wish.archive = record.String("archive");
  wish.dir = record.String("dir");
  wish.members = record.Pairs("members");
  wish.sha256 = record.String("sha256");
  if (absl::Status status = record.status(); !status.ok()) return status;
  if (absl::Status status = CheckWish(wish); !status.ok()) return status;
  return wish;
}

// The step's digest.
std::string DigestOfAll(const Digests& digests) {
  std::string all;
  for (const auto& [name, sha256] : digests) absl::StrAppend(&all, name, " ", sha256, "\n");
  return Sha256Hex(all);
}

// What Unpack() would give; KNOWN: what the manifest says, or nothing.
absl::StatusOr<Digests> LookIntoArchive(const Wish& wish, const Digests& known) {
  absl::StatusOr<UniqueFd> archive = OpenVerified(wish);
  if (!archive.ok()) return archive.status();
  if (!known.empty()) return known;  // it came out of this very archive
  absl::StatusOr<Digests> digests = DigestMembers(archive->get(), wish.members);
  if (!digests.ok()) return NotUnpacked(wish, digests.status());
  return digests;
}

}  // namespace

absl::StatusOr<StepResult> UnpackStep(const StepContext&, const Record& record) {
  absl::StatusOr<Wish> wish = Wish::From(record);
  if (!wish.ok()) return wish.status();
  StepResult result;
  Digests digests = ReadManifest(*wish);
  result.reason = Join(WhyUnpack(*wish, digests));
  if (!result.reason.empty()) {
    absl::StatusOr<Digests> unpacked = Unpack(*wish);
    if (!unpacked.ok()) return unpacked.status();
    digests = *std::move(unpacked);
  }
  result.digest = DigestOfAll(digests);
  for (const auto& [unused, name] : wish->members) result.files.push_back(wish->PathOf(name));
  return result;
}

absl::StatusOr<Outlook> UnpackLook(const LookContext& context, const Record& record) {
  absl::StatusOr<Wish> wish = Wish::From(record);
  if (!wish.ok()) return wish.status();
  Outlook outlook;
  const Digests manifest = ReadManifest(*wish);
  outlook.reasons = WhyUnpack(*wish, manifest);
  if (outlook.reasons.empty()) {
    outlook.digest = DigestOfAll(manifest);
    return outlook;
  }
  Digests digests = manifest;
  if (context.foreseen.Find(wish->archive) == nullptr) {
    absl::StatusOr<Digests> looked = LookIntoArchive(*wish, manifest);
    if (!looked.ok()) return looked.status();
    digests = *std::move(looked);
  }
  if (!digests.empty()) outlook.digest = DigestOfAll(digests);
  for (const auto& [unused, name] : wish->members) {
    ForeseenFile file;  // of an archive that has yet to be downloaded nothing is known
    bool differs = true, content_differs = true;
    if (!digests.empty()) {
      file.sha256 = digests.at(name);
      absl::optional<Reason> reason = WhatDiffers(wish->PathOf(name), name, *file.sha256);
      differs = reason.has_value();
      content_differs = differs && reason->name != "mode";
    }
    if (content_differs) outlook.changes_digest = true;
    if (differs) outlook.files.emplace_back(wish->PathOf(name), std::move(file));
  }
  return outlook;
}

}  // namespace kplan
