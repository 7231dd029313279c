#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/etcd/facts/etcd_releases.h"
#include "src/model/resolve_internal.h"

namespace kplan {
namespace {

// The SHA-256 written for ARCH, else the one that kplan knows.
std::string ResolveDigest(const EtcdSpec& etcd, const std::string& arch, bool well_formed,
                          Diagnostics* diagnostics) {
  const ArchiveSpec& spec = etcd.archive;
  const Text* digest = FindArchiveDigest(spec, arch, diagnostics);
  if (digest != nullptr) return CheckedDigest(*digest, diagnostics);
  for (const auto& [key, value] : spec.sha256_by_arch) {
    if (key.value != "amd64" && key.value != "arm64") return "";  // said already
  }
  // A file of the user's own is not etcd's release, whatever its version.
  absl::string_view known = spec.path.set() ? "" : KnownEtcdDigest(etcd.version.value, arch);
  // One that could not be read is one.
  if (!known.empty() || !well_formed) return std::string(known);
  Range range = spec.range.known() ? spec.range : etcd.version.range;
  absl::string_view source =
      spec.path.set() ? "have sha256sum print it, and " : "take it from the release's SHA256SUMS, and ";
  diagnostics->Error(Code::kBadDigest, range,
                     absl::StrCat("the archive of etcd ", etcd.version.value, " for ", arch, " has no sha256",
                                  spec.path.set() ? "" : ", and kplan does not know it"),
                     absl::StrCat(source, "write\n  archive: {sha256: ",
                                  etcd.members.size() > 1 ? absl::StrCat("{", arch, ": ...}") : "...", "}"));
  return "";
}

// Those for which no digest is written: what a misspelt one can mean.
std::vector<absl::string_view> OtherArchs(const ArchiveSpec& spec) {
  std::vector<Text> written;
  for (const auto& [key, value] : spec.sha256_by_arch) written.push_back(key);
  return Others({"amd64", "arm64"}, written);
}

}  // namespace

void ResolveArchivePath(const Text& path, Archive* archive, Diagnostics* diagnostics) {
  archive->given = true;
  archive->path = path.value;
  if (!IsPlainPath(archive->path)) {
    diagnostics->Error(
        Code::kBadPath, path.range,
        absl::StrCat("path ", Quote(archive->path), " has characters that cannot be in a path here"),
        "letters, digits and / . _ - + @ = ~ can");
  }
}

void ResolveArchiveUrl(const Text& url, absl::string_view folder, absl::string_view example, Archive* archive,
                       Diagnostics* diagnostics) {
  if (url.set()) archive->url = url.value;
  std::string base = archive->url.substr(archive->url.rfind('/') + 1);
  const std::optional<UrlParts> parts = SplitUrl(archive->url);
  if (!parts || parts->scheme != "https") {
    diagnostics->Error(Code::kBadUrl, url.range, "only https is downloaded from",
                       "write an https:// URL, or `path` for a file that is here");
  } else if (parts->user || absl::StrContains(parts->rest.substr(0, parts->rest.find('/')), '@')) {
    // A ? or # in a password ends the host, and the @ comes behind it.
    diagnostics->Error(
        Code::kBadUrl, url.range,
        "the URL has a user name or password, which every user could see while it is downloaded",
        "download the file yourself, and name it with `path`");
  } else if (!IsPlainPath(base) || base[0] == '.' || base[0] == '-') {
    diagnostics->Error(Code::kBadUrl, url.range,
                       absl::StrCat("the URL ends with ", Quote(base), ", which cannot be a file name here"),
                       absl::StrCat("it must end with the archive's name, for example ", example));
  } else if (archive->url.find_first_of(" \"<>\\^`{|}") != std::string::npos) {
    diagnostics->Error(Code::kBadUrl, url.range, "not a URL (RFC 3986)", "write spaces and the like as %20");
  }
  archive->path = paths::Archive(absl::StrCat(folder, base));
}

bool HasOneSource(const ArchiveSpec& spec, Diagnostics* diagnostics) {
  if (!spec.url.set() || !spec.path.set()) return true;
  diagnostics
      ->Error(Code::kConflict, spec.path.range, "an archive has a `url` or a `path`, not both",
              "remove one of the two")
      .Relate(spec.url.range, "the url is here");
  return false;
}

const Text* FindArchiveDigest(const ArchiveSpec& spec, const std::string& arch, Diagnostics* diagnostics) {
  const Text* digest = spec.sha256.set() ? &spec.sha256 : nullptr;
  for (const auto& [key, value] : spec.sha256_by_arch) {
    if (key.value != "amd64" && key.value != "arm64") {
      diagnostics->Error(
          Code::kUnknownValue, key.range, absl::StrCat("unknown architecture ", Quote(key.value)),
          MeantAmong(
              *diagnostics, key.value, [&] { return OtherArchs(spec); }, "write amd64 or arm64"));
    }
    if (key.value == arch) digest = &value;
  }
  return digest;
}

std::string CheckedDigest(const Text& digest, Diagnostics* diagnostics) {
  std::string lower = absl::AsciiStrToLower(digest.value);
  if (!IsSha256Hex(lower)) {
    diagnostics->Error(
        Code::kBadDigest, digest.range,
        absl::StrCat("not a SHA-256: ", digest.value.size(), " characters of ", Quote(digest.value)),
        "it is 64 hexadecimal digits, as sha256sum prints them");
  }
  return lower;
}

Archive ResolveEtcdArchive(const EtcdSpec& etcd, const EtcdVersion& version, const std::string& arch,
                           bool well_formed, Diagnostics* diagnostics) {
  const ArchiveSpec& spec = etcd.archive;
  std::string release = EtcdReleaseName(etcd.version.value, arch);
  Archive archive;
  archive.place = spec.range.known() ? spec.range : etcd.range;
  HasOneSource(spec, diagnostics);
  if (spec.path.set()) {
    ResolveArchivePath(spec.path, &archive, diagnostics);
  } else {
    archive.url = EtcdReleaseUrl(etcd.version.value, arch);
    ResolveArchiveUrl(spec.url, "", absl::StrCat(release, ".tar.gz"), &archive, diagnostics);
  }
  archive.sha256 = ResolveDigest(etcd, arch, well_formed, diagnostics);
  archive.unpacked = paths::Archive(absl::StrCat("unpacked/", release));
  std::vector<std::string> programs = {"etcd", "etcdctl"};
  if (version.minor >= 5) programs.push_back("etcdutl");
  for (const std::string& program : programs) {
    archive.members.emplace_back(absl::StrCat(release, "/", program), program);
  }
  return archive;
}

}  // namespace kplan
