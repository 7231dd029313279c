// `etcd` and `etcds` together: what is the same for all, and what one must not have that another has.

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/resolve_etcd_internal.h"

namespace kplan {
namespace {

const char* const kRefusals[] = {"no-cert", "wrong-ca", "plaintext"};

// `verify.from`
std::string ResolveAskFrom(const Spec& spec, Diagnostics* diagnostics) {
  bool hosts = false, here = false;
  for (const Text& place : spec.ask_from) {
    hosts = hosts || place.value == "hosts";
    here = here || place.value == "here";
    if (place.value == "hosts" || place.value == "here") continue;
    diagnostics->Error(Code::kUnknownValue, place.range,
                       absl::StrCat("members are not asked from ", Quote(place.value)),
                       MeantOr(place.value, {"hosts", "here"}, "there are hosts and here"));
  }
  if (spec.ask_from_range.known() && spec.ask_from.empty() && !diagnostics->has_errors()) {
    diagnostics->Error(Code::kBadValue, spec.ask_from_range, "members have to be asked from somewhere",
                       "write [hosts], [here], or both, which is also what counts without the key");
  }
  return hosts == here ? "" : hosts ? "hosts" : "here";
}

// Hosts that have what is a member's, and are none.
void WarnOfNoMembers(const Spec& spec, const Cluster& cluster, Diagnostics* diagnostics) {
  if (diagnostics->has_errors()) return;  // members may be missing
  for (const HostSpec& host : spec.hosts) {
    for (const MemberSpec& own : host.members) {
      const auto etcd = std::find_if(spec.etcds.begin(), spec.etcds.end(),
                                     [&](const EtcdSpec& one) { return one.name.value == own.etcd.value; });
      const auto is_member = [&](const EtcdMember& member) {
        return cluster.hosts[member.host].name == host.name.value;
      };
      const bool known = etcd != spec.etcds.end();
      if (known) {
        const std::vector<EtcdMember>& members = cluster.etcds[etcd - spec.etcds.begin()].members;
        if (std::any_of(members.begin(), members.end(), is_member)) continue;
      }
      const std::string key = own.etcd.set() ? absl::StrCat("etcds.", own.etcd.value) : "etcd";
      diagnostics->Warning(
          Code::kConflict, own.range, absl::StrCat("the host ", host.name.value, " is no member of ", key),
          known ? absl::StrCat("put it into `", key, ".members`, or remove this") : "remove this");
    }
  }
}

// Two etcds of one version have one archive, or it would be said twice what is in one file.
void CheckArchives(Cluster* cluster, Diagnostics* diagnostics) {
  std::vector<const Archive*> met;
  for (const Etcd& etcd : cluster->etcds) {
    for (const Archive& archive : etcd.archives) {
      const auto other = std::find_if(met.begin(), met.end(), [&](const Archive* one) {
        return one->unpacked == archive.unpacked || one->path == archive.path;
      });
      if (other == met.end()) {
        met.push_back(&archive);
      } else if (!IsSameArchive(**other, archive)) {
        diagnostics
            ->Error(Code::kConflict, archive.place,
                    absl::StrCat("two etcds would keep different archives in ", archive.unpacked),
                    "write the same `archive` for both, or another version for one")
            .Relate((*other)->place, "the other one is here");
        return;
      }
    }
  }
}

}  // namespace

bool IsSameArchive(const Archive& a, const Archive& b) {
  const auto all = [](const Archive& it) {
    return std::tie(it.url, it.mirrors, it.ca, it.netrc, it.path, it.given, it.sha256, it.unpacked,
                    it.members);
  };
  return all(a) == all(b) && a.token == b.token;
}

void ResolveEtcd(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  cluster->ask_from = ResolveAskFrom(spec, diagnostics);
  for (const Text& refusal : spec.verify_refuse) {
    if (std::find(std::begin(kRefusals), std::end(kRefusals), refusal.value) == std::end(kRefusals)) {
      diagnostics->Error(Code::kUnknownValue, refusal.range,
                         absl::StrCat("there is no check ", Quote(refusal.value)),
                         MeantOr(refusal.value, {"no-cert", "wrong-ca", "plaintext"},
                                 "there are no-cert, wrong-ca and plaintext"));
    }
  }
  for (const char* refusal : kRefusals) {
    bool asked =
        !spec.refuse_range.known() || std::any_of(spec.verify_refuse.begin(), spec.verify_refuse.end(),
                                                  [&](const Text& text) { return text.value == refusal; });
    if (asked) cluster->refuse.push_back(refusal);
  }
  cluster->etcds.resize(spec.etcds.size());
  SocketsByMachine sockets;
  for (size_t i = 0; i < spec.etcds.size(); ++i) ResolveOneEtcd(spec, i, cluster, &sockets, diagnostics);
  WarnOfNoMembers(spec, *cluster, diagnostics);
  for (const EtcdSpec& etcd : spec.etcds) ResolveMaxUnavailable(spec, etcd, cluster, diagnostics);
  if (!diagnostics->has_errors()) CheckArchives(cluster, diagnostics);
}

}  // namespace kplan
