#ifndef KPLAN_ETCD_FACTS_ETCD_RELEASES_H_
#define KPLAN_ETCD_FACTS_ETCD_RELEASES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// "etcd-v3.4.15-linux-amd64": the one top folder of a release archive, and with ".tar.gz" its name.
std::string EtcdReleaseName(absl::string_view version, absl::string_view arch);

// Where etcd's project publishes it (https://github.com/etcd-io/etcd/releases).
std::string EtcdReleaseUrl(absl::string_view version, absl::string_view arch);

// The archive's SHA-256 as published in the release's SHA256SUMS; empty when kplan does not know it.
absl::string_view KnownEtcdDigest(absl::string_view version, absl::string_view arch);

}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_RELEASES_H_
