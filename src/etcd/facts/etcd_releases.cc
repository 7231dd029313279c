#include "src/etcd/facts/etcd_releases.h"

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

struct Release {
  const char* version;
  const char* arch;
  const char* sha256;
};

constexpr Release kReleases[] = {
    {"3.4.15", "amd64", "3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81"},
};

}  // namespace

std::string EtcdReleaseName(absl::string_view version, absl::string_view arch) {
  return absl::StrCat("etcd-v", version, "-linux-", arch);
}

std::string EtcdReleaseUrl(absl::string_view version, absl::string_view arch) {
  return absl::StrCat("https://github.com/etcd-io/etcd/releases/download/v", version, "/",
                      EtcdReleaseName(version, arch), ".tar.gz");
}

absl::string_view KnownEtcdDigest(absl::string_view version, absl::string_view arch) {
  for (const Release& release : kReleases) {
    if (release.version == version && release.arch == arch) return release.sha256;
  }
  return "";
}

}  // namespace kplan
