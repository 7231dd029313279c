#include "src/show/resolved_spec.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "src/base/natural_order.h"
#include "src/show/resolved_etcd.h"
#include "src/show/resolved_pki.h"
#include "src/show/resolved_services.h"
#include "src/show/resolved_walk.h"

namespace kplan {
namespace {

// What is a member's own has no default that is shown: the flags of etcd have what it follows from.
void WalkMember(const ResolvedWalk& walk, const MemberSpec& spec) {
  walk.sink.Open(spec.etcd.set() ? spec.etcd.value : "etcd");
  walk.Put("listen", spec.listen);
  walk.Put("advertise", spec.advertise);
  walk.Put("peer-listen", spec.peer_listen);
  walk.Put("peer-advertise", spec.peer_advertise);
  if (!spec.flags.empty()) {
    walk.sink.Open("flags");
    for (const auto& [key, value] : spec.flags) walk.Put(key.value, value);
    walk.sink.Close();
  }
  walk.sink.Close();
}

void WalkHosts(const ResolvedWalk& walk) {
  if (walk.spec.hosts.empty()) return;
  walk.sink.Open("hosts");
  for (const HostSpec& spec : walk.spec.hosts) {
    const Host& host =
        *std::lower_bound(walk.cluster.hosts.begin(), walk.cluster.hosts.end(), spec.name.value,
                          [](const Host& a, const std::string& b) { return NaturalLess(a.name, b); });
    walk.sink.Open(spec.name.value, walk.Place(spec.name.range));
    walk.Put("address", spec.address);
    walk.Put("root", spec.root, host.root);
    walk.Put("service-manager", spec.service_manager, ManagerName(host.manager));
    walk.Put("arch", spec.arch, host.arch);
    walk.Put("ssh", spec.ssh);
    walk.Put("become", spec.become);
    bool open = false;
    for (const MemberSpec& member : spec.members) {
      if (member.etcd.set() && !std::exchange(open, true)) walk.sink.Open("etcds");
      WalkMember(walk, member);
    }
    if (open) walk.sink.Close();
    walk.sink.Close();
  }
  walk.sink.Close();
}

// How an etcd of one member here, or a service of one host, is restarted has no choices.
void WalkRollout(const ResolvedWalk& walk) {
  const RolloutSpec& spec = walk.spec.rollout;
  const std::vector<Etcd>& etcds = walk.cluster.etcds;
  const bool several = std::any_of(walk.cluster.services.begin(), walk.cluster.services.end(),
                                   [](const ServiceInstance& service) { return service.rollout_after >= 0; });
  const bool rolled = absl::c_any_of(etcds, [](const Etcd& etcd) { return etcd.clustered; });
  if (!rolled && !several && !spec.max_unavailable.set()) return;
  walk.sink.Open("rollout");
  walk.Put("max-unavailable", spec.max_unavailable, absl::StrCat(walk.cluster.max_unavailable));
  walk.Put("snapshot", spec.snapshot);
  const auto kept = absl::c_find_if(etcds, [](const Etcd& etcd) { return etcd.snapshots_kept > 0; });
  if (kept != etcds.end())
    walk.Put("keep-snapshots", spec.keep_snapshots, absl::StrCat(kept->snapshots_kept));
  walk.sink.Close();
}

void WalkContact(const ResolvedWalk& walk) {
  if (!walk.spec.contact_every.set()) return;
  walk.sink.Open("contact");
  walk.Put("every", walk.spec.contact_every);
  walk.sink.Close();
}

bool HasMembersElsewhere(const Cluster& cluster) {
  return absl::c_any_of(cluster.etcds, [&](const Etcd& etcd) {
    return etcd.clustered && absl::c_any_of(etcd.members, [&](const EtcdMember& member) {
             return cluster.hosts[member.host].remote();
           });
  });
}

// The list NAME: as written (TEXTS, at RANGE), else what it stands for.
void WalkList(const ResolvedWalk& walk, const char* name, const Range& range, const std::vector<Text>& texts,
              const std::vector<std::string>& otherwise) {
  std::vector<ResolvedSpecSink::Element> elements;
  for (const Text& text : texts) elements.push_back({text.value, walk.File(text.range)});
  if (!range.known()) {
    for (const std::string& text : otherwise) elements.push_back({text, walk.Default()});
  }
  walk.sink.List(name, elements);
}

void WalkVerify(const ResolvedWalk& walk) {
  const Spec& spec = walk.spec;
  if (walk.cluster.etcds.empty() && !spec.refuse_range.known() && !spec.ask_from_range.known()) return;
  walk.sink.Open("verify");
  WalkList(walk, "refuse", spec.refuse_range, spec.verify_refuse, walk.cluster.refuse);
  if (HasMembersElsewhere(walk.cluster) || spec.ask_from_range.known())
    WalkList(walk, "from", spec.ask_from_range, spec.ask_from, {"hosts", "here"});
  walk.sink.Close();
}

}  // namespace

const char* KindName(ValueOrigin::Kind kind) {
  switch (kind) {
    case ValueOrigin::Kind::kFile:
      return "file";
    case ValueOrigin::Kind::kDefault:
      return "default";
    case ValueOrigin::Kind::kDerived:
      return "derived";
  }
  return "";
}

void WalkResolvedSpec(const Spec& spec, const Cluster& cluster, const SourceFile& source,
                      ResolvedSpecSink* sink) {
  ResolvedWalk walk{spec, cluster, source, *sink};
  walk.Put("apiVersion", spec.api_version, "kplan.dev/v1");
  walk.Put("kind", spec.kind, "Cluster");
  if (spec.metadata_name.set()) {
    sink->Open("metadata");
    walk.Put("name", spec.metadata_name);
    sink->Close();
  }
  WalkHosts(walk);
  WalkPki(walk);
  WalkEtcds(walk);
  WalkServices(walk);
  WalkRollout(walk);
  WalkContact(walk);
  WalkVerify(walk);
}

}  // namespace kplan
