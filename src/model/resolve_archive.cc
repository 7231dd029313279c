#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/etcd/facts/etcd_releases.h"
#include "src/model/pki_values.h"
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

std::string BaseOf(const std::string& url) { return url.substr(url.rfind('/') + 1); }

// WHOLE is URL with the archive's name, of which NAME is an example.
void CheckUrl(const Text& url, const std::string& whole, absl::string_view name, Diagnostics* diagnostics) {
  const std::string base = BaseOf(whole);
  const std::optional<UrlParts> parts = SplitUrl(whole);
  if (!parts || parts->scheme != "https") {
    diagnostics->Error(Code::kBadUrl, url.range, "only https is downloaded from",
                       "write an https:// URL, or `path` for a file that is here");
  } else if (parts->user || absl::StrContains(parts->rest.substr(0, parts->rest.find('/')), '@')) {
    // A ? or # in a password ends the host, and the @ comes behind it.
    diagnostics->Hide(url.range);
    diagnostics->Error(
        Code::kBadUrl, url.range,
        "the URL has a user name or password, which every user could see while it is downloaded",
        "write them into a file, `machine HOST login NAME password PASSWORD`, chmod 600 it, and name it with "
        "`netrc`");
  } else if (!IsPlainPath(base) && absl::StrContains(base, '?')) {
    diagnostics->Hide(url.range);
    diagnostics->Error(
        Code::kBadUrl, url.range,
        "the URL ends with a query, which every user could see while it is downloaded",
        "write the archive's URL alone, and what its server wants with `netrc` or `token-file`");
  } else if (!IsPlainPath(base) || base[0] == '.' || base[0] == '-') {
    diagnostics->Error(Code::kBadUrl, url.range,
                       absl::StrCat("the URL ends with ", Quote(base), ", which cannot be a file name here"),
                       absl::StrCat("it must end with the archive's name, for example ", name));
  } else if (whole.find_first_of(" \"<>\\^`{|}") != std::string::npos) {
    diagnostics->Error(Code::kBadUrl, url.range, "not a URL (RFC 3986)", "write spaces and the like as %20");
  }
}

// A token is for one server: which of several would get it, nobody has said.
void CheckTokenHost(const ArchiveSpec& spec, Diagnostics* diagnostics) {
  absl::string_view first;
  for (const Text& mirror : spec.mirrors) {
    const std::optional<UrlParts> parts = SplitUrl(mirror.value);
    if (!parts) continue;  // said already
    if (first.empty()) first = parts->host_port;
    if (absl::EqualsIgnoreCase(first, parts->host_port)) continue;
    const Text& token = spec.token.file.set() ? spec.token.file : spec.token.env;
    diagnostics
        ->Error(Code::kConflict, token.range, "a token is for one server, and the mirrors are several",
                "write `netrc: FILE`, which says what is for whom")
        .Relate(mirror.range, "this one is on another server than the first");
    return;
  }
}

void ResolveAccess(const ArchiveSpec& spec, Archive* archive, Diagnostics* diagnostics) {
  PkiValues values(diagnostics);
  if (spec.ca.set()) archive->ca = values.ResolvePath(spec.ca, "ca");
  if (spec.netrc.set()) archive->netrc = values.ResolvePath(spec.netrc, "netrc");
  archive->token = values.ResolveSecret(spec.token, "token");
  if (!spec.token.set()) return;
  if (spec.netrc.set()) {
    const Text& token = spec.token.file.set() ? spec.token.file : spec.token.env;
    diagnostics
        ->Error(Code::kConflict, token.range, "a server gets a token, or a name and a password, not both",
                "remove one of the two")
        .Relate(spec.netrc.range, "the netrc is here");
  }
  CheckTokenHost(spec, diagnostics);
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

void ResolveArchiveDownload(const ArchiveSpec& spec, absl::string_view folder, absl::string_view name,
                            bool named, Archive* archive, Diagnostics* diagnostics) {
  absl::flat_hash_map<absl::string_view, const Text*> seen;
  auto take = [&](const Text& url) {
    std::string whole = url.value;
    if (named && absl::EndsWith(whole, "/")) absl::StrAppend(&whole, name);
    CheckUrl(url, whole, name, diagnostics);
    if (archive->url.empty()) {
      archive->url = std::move(whole);
    } else {
      archive->mirrors.push_back(std::move(whole));
    }
    auto [same, fresh] = seen.try_emplace(url.value, &url);
    if (fresh) return;
    diagnostics
        ->Error(Code::kDuplicateEntry, url.range, "this mirror is there twice", "remove one of the two")
        .Relate(same->second->range, "the other one is here");
  };
  if (spec.url.set() || !spec.mirrors.empty()) archive->url.clear();
  if (spec.url.set()) take(spec.url);
  for (const Text& mirror : spec.mirrors) take(mirror);
  archive->path = paths::Archive(absl::StrCat(folder, BaseOf(archive->url)));
  ResolveAccess(spec, archive, diagnostics);
}

bool HasOneSource(const ArchiveSpec& spec, Diagnostics* diagnostics) {
  const Text none;
  const Text& mirrors = spec.mirrors.empty() ? none : spec.mirrors[0];
  if (spec.url.set() && mirrors.set()) {
    diagnostics
        ->Error(Code::kConflict, mirrors.range, "an archive has a `url` or `mirrors`, not both",
                "write the url as the first of the mirrors")
        .Relate(spec.url.range, "the url is here");
    return false;
  }
  if (!spec.path.set()) return true;
  if (const Text& other = spec.url.set() ? spec.url : mirrors; other.set()) {
    const absl::string_view what = spec.url.set() ? "url" : "mirrors";
    diagnostics
        ->Error(
            Code::kConflict, spec.path.range,
            absl::StrCat("an archive has ", spec.url.set() ? "a " : "", "`", what, "` or a `path`, not both"),
            "remove one of the two")
        .Relate(other.range, absl::StrCat("the ", what, spec.url.set() ? " is here" : " are here"));
    return false;
  }
  bool good = true;
  for (const auto& [key, text] : {std::pair<const char*, const Text*>{"ca", &spec.ca},
                                  {"netrc", &spec.netrc},
                                  {"token-file", &spec.token.file},
                                  {"token-env", &spec.token.env}}) {
    if (!text->set()) continue;
    diagnostics
        ->Error(Code::kConflict, text->range,
                absl::StrCat("`", key, "` is for a download, and this archive is a file that is here"),
                "remove it")
        .Relate(spec.path.range, "the path is here");
    good = false;
  }
  return good;
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
    ResolveArchiveDownload(spec, "", absl::StrCat(release, ".tar.gz"), /*named=*/true, &archive, diagnostics);
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
