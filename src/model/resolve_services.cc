// `services`: names, hosts, and how the parts of a service come together on each of its hosts.

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/natural_order.h"
#include "src/base/text.h"
#include "src/model/pki_values.h"
#include "src/model/resolve_services_internal.h"

namespace kplan {
namespace {

// Of all services on all hosts, together.
constexpr size_t kMostParts = 300'000, kMostAfter = 2'000'000;

constexpr int kSnapshotsKept = 3, kMostSnapshots = 1000;

// A further unit of this name would have the same label.
constexpr absl::string_view kUnitSuffixes[] = {".service", ".timer", ".socket", ".path", ".target",
                                               ".mount",   ".slice", ".scope",  ".swap", ".automount"};

class ServicesResolver {
 public:
  ServicesResolver(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics)
      : spec_(spec), cluster_(*cluster), diagnostics_(diagnostics), certificates_(*cluster) {}

  void Resolve() {
    for (const GenericServiceSpec& service : spec_.services) {
      CheckName(service.name);
      hosts_.push_back(HostsOf(service));
    }
    after_ = ResolveAfter(spec_, cluster_, hosts_, diagnostics_);
    first_.resize(spec_.services.size());
    for (int i : OrderOfServices(spec_, after_, diagnostics_)) Add(i);
    if (!too_many_) CheckServicePaths(spec_, cluster_, hosts_, diagnostics_);
  }

 private:
  void CheckName(const Text& name) {
    const std::string& text = name.value;
    if (!IsFileName(text)) {
      diagnostics_->Error(Code::kBadName, name.range,
                          absl::StrCat("a service cannot be called ", Quote(text)),
                          "its name becomes its unit's: letters, digits, . _ and -, at most 64");
      return;
    }
    for (absl::string_view suffix : kUnitSuffixes) {
      if (!absl::EndsWith(text, suffix)) continue;
      diagnostics_->Error(
          Code::kBadName, name.range,
          absl::StrCat("a service cannot be called ", Quote(text), ": its unit would be ", text, ".service"),
          Write(absl::string_view(text).substr(0, text.size() - suffix.size())));
    }
    const std::vector<absl::string_view>& reserved = ReservedHostNames();
    if (std::find(reserved.begin(), reserved.end(), text) != reserved.end()) {
      diagnostics_->Error(Code::kNameTaken, name.range,
                          absl::StrCat("no service can be called ", Quote(text), ": `ninja ", text,
                                       "` already means something else"),
                          text == "etcd" ? "etcd has a key of its own, at the top" : "give it another name");
    } else if (const Range etcd = PlaceOfEtcd(text); etcd.known()) {
      diagnostics_
          ->Error(Code::kNameTaken, name.range,
                  absl::StrCat("a service and one of `etcds` are both called ", Quote(text)),
                  "give one of them another name: it is the unit's")
          .Relate(etcd, "the etcd is here");
    } else if (HostNamed(text) >= 0) {
      diagnostics_
          ->Error(Code::kNameTaken, name.range,
                  absl::StrCat("a service and a host are both called ", Quote(text)),
                  "give one of them another name: `ninja NAME` means either")
          .Relate(PlaceOfHost(spec_, text), "the host is here");
    }
  }

  Range PlaceOfEtcd(absl::string_view name) const {
    for (const Etcd& etcd : cluster_.etcds) {
      if (etcd.name == name) return etcd.place;
    }
    return {};
  }

  int HostNamed(absl::string_view name) const {
    auto host = std::lower_bound(cluster_.hosts.begin(), cluster_.hosts.end(), name,
                                 [](const Host& a, absl::string_view b) { return NaturalLess(a.name, b); });
    if (host == cluster_.hosts.end() || host->name != name) return -1;
    return static_cast<int>(host - cluster_.hosts.begin());
  }

  std::vector<int> HostsOf(const GenericServiceSpec& service) {
    std::vector<int> hosts;
    if (service.hosts.empty()) {
      if (cluster_.hosts.size() == 1) return {0};
      if (cluster_.hosts.size() > 1 && spec_.well_formed) {
        diagnostics_
            ->Error(Code::kAmbiguous, service.name.range,
                    absl::StrCat("there are ", cluster_.hosts.size(), " hosts: on which does ",
                                 Quote(service.name.value), " run?"),
                    absl::StrCat("for example hosts: [", cluster_.hosts[0].name, "]"))
            .Relate(PlaceOfHost(spec_, cluster_.hosts[1].name), "the second is here");
      }
      return hosts;
    }
    absl::flat_hash_map<int, const Text*> met;
    for (const Text& name : service.hosts) {
      const int host = HostNamed(name.value);
      if (host < 0) {
        if (!spec_.knows_hosts) continue;
        auto names = [&] {
          std::vector<absl::string_view> all;
          for (const Host& known : cluster_.hosts) all.push_back(known.name);
          return Others(all, service.hosts);
        };
        diagnostics_->Error(Code::kUnknownName, name.range,
                            absl::StrCat("there is no host ", Quote(name.value)),
                            MeantAmong(*diagnostics_, name.value, names, ""));
        continue;
      }
      auto [first, fresh] = met.try_emplace(host, &name);
      if (!fresh) {
        diagnostics_
            ->Error(Code::kDuplicateEntry, name.range,
                    absl::StrCat("the host ", name.value, " runs ", Quote(service.name.value), " twice"),
                    "remove one of the two")
            .Relate(first->second->range, "the other one is here");
        continue;
      }
      hosts.push_back(host);
    }
    return hosts;
  }

  // The instances of the service with the index SERVICE in the spec; those it comes after are there.
  void Add(int index) {
    const GenericServiceSpec& spec = spec_.services[index];
    const std::vector<int>& hosts = hosts_[index];
    first_[index] = static_cast<int>(cluster_.services.size());
    // Where no host is known, what is wrong with the text is said all the same.
    if (hosts.empty()) {
      Instance(index, {spec_, spec, cluster_, certificates_, diagnostics_, -1});
      return;
    }
    if (!MayMultiply(index)) return;
    // What is wrong with the text is wrong on every host: it is said once.
    Diagnostics unheard(&diagnostics_->source());
    Diagnostics* diagnostics = diagnostics_;
    for (size_t i = 0; i < hosts.size(); ++i) {
      const int errors_before = diagnostics->error_count();
      ServiceInstance service =
          Instance(index, {spec_, spec, cluster_, certificates_, diagnostics, hosts[i]});
      if (diagnostics->error_count() > errors_before) diagnostics = &unheard;
      const size_t at_once = static_cast<size_t>(cluster_.max_unavailable);
      if (i >= at_once) service.rollout_after = first_[index] + static_cast<int>(i - at_once);
      cluster_.services.push_back(std::move(service));
    }
  }

  // Whether the service can be on all its hosts; what it comes to is added up: a short text must not multiply
  // without end.
  bool MayMultiply(int index) {
    const GenericServiceSpec& spec = spec_.services[index];
    const size_t hosts = hosts_[index].size();
    parts_ += hosts * (1 + spec.files.size() + 3 * spec.certs.size() + spec.dirs.size() + spec.units.size() +
                       spec.archive.members.size() + spec.checks.size());
    for (const AfterEntry& entry : after_[index]) {
      if (entry.etcd < 0) after_parts_ += hosts * (entry.host >= 0 ? 1 : hosts_[entry.service].size());
    }
    auto refuse = [&](size_t count, absl::string_view what, size_t most) {
      too_many_ = true;
      diagnostics_->Error(Code::kTooLarge, spec.name.range,
                          absl::StrCat("with this service on its ", hosts, " hosts, there are ", count, " ",
                                       what, "; at most ", most, " are"),
                          "write a cluster.yaml for each part of the hosts");
      return false;
    };
    if (parts_ > kMostParts) return refuse(parts_, "files, folders, units and checks", kMostParts);
    if (after_parts_ > kMostAfter)
      return refuse(after_parts_, "services on one host that wait for one on another", kMostAfter);
    return true;
  }

  ServiceInstance Instance(int index, const ServiceContext& context) {
    ServiceInstance service;
    service.name = context.spec.name.value;
    service.host = std::max(context.host, 0);
    const Range key = context.spec.name.range;
    auto or_key = [key](Range range) { return range.known() ? range : key; };
    service.place = or_key(context.spec.unit_range);
    service.user_place = or_key(context.spec.user_range);
    service.checks_place = or_key(context.spec.checks_range);
    const std::vector<std::string> after_units = ResolveAfterOn(index, context.host, &service);
    if (context.spec.command.empty() && spec_.well_formed) {
      context.diagnostics->Error(
          Code::kMissingKey, context.spec.name.range,
          absl::StrCat("the service ", Quote(service.name), " has no command"),
          "write what is run, for example command: [/usr/local/bin/metrics, --verbose]");
    }
    if (const Host* host = context.host_of()) CheckServiceManager(context, *host);
    ResolveServicePrograms(context, hosts_[index], &service, &cluster_);
    // The arguments name files, folders and programs; the unit has the arguments, and says who owns what.
    ResolveServiceFiles(context, &service);
    service.arguments = ResolveServiceCommand(context, context.spec.command, service);
    const std::string owner = ResolveServiceUnit(context, after_units, &service);
    GiveTo(owner, &service);
    ResolveServiceChecks(context, &service);
    return service;
  }

  // What belongs to nobody yet, and is the service's own to write or to keep secret.
  static void GiveTo(const std::string& owner, ServiceInstance* service) {
    for (ServiceCertificate& cert : service->certificates)
      if (cert.owner.empty()) cert.owner = owner;
    for (ServiceFolder& folder : service->folders)
      if (folder.owner.empty()) folder.owner = owner;
  }

  // Whom the service on HOST comes after; gives the units of those that run there, too.
  std::vector<std::string> ResolveAfterOn(int index, int host, ServiceInstance* service) {
    std::vector<std::string> units;
    for (const AfterEntry& entry : after_[index]) {
      if (entry.etcd >= 0) {
        service->after_etcds.push_back(entry.etcd);
        const Etcd& etcd = cluster_.etcds[entry.etcd];
        for (const EtcdMember& member : etcd.members) {
          if (member.host == host) units.push_back(absl::StrCat(etcd.name, ".service"));
        }
        continue;
      }
      const std::vector<int>& hosts = hosts_[entry.service];
      for (size_t i = 0; i < hosts.size(); ++i) {
        if (entry.host >= 0 && hosts[i] != entry.host) continue;
        service->after.push_back(first_[entry.service] + static_cast<int>(i));
        if (hosts[i] == host)
          units.push_back(absl::StrCat(spec_.services[entry.service].name.value, ".service"));
      }
    }
    return units;
  }

  const Spec& spec_;
  Cluster& cluster_;
  Diagnostics* diagnostics_;
  const CertificateNames certificates_;
  // As Spec::services: where each runs, what it comes after, and its first instance in Cluster::services.
  std::vector<std::vector<int>> hosts_;
  std::vector<std::vector<AfterEntry>> after_;
  std::vector<int> first_;
  size_t parts_ = 0, after_parts_ = 0;  // see MayMultiply
  bool too_many_ = false;
};

}  // namespace

const char* OnChangeName(OnChange need) {
  switch (need) {
    case OnChange::kNothing:
      return "nothing";
    case OnChange::kReload:
      return "reload";
    case OnChange::kRestart:
      return "restart";
  }
  return "";
}

CertificateNames::CertificateNames(const Cluster& cluster) : cluster_(cluster) {
  for (size_t i = 0; i < cluster.certificates.size(); ++i)
    first_.try_emplace(cluster.certificates[i].kind->spec_name, static_cast<int>(i));
}

int CertificateNames::Find(const std::string& name, int host) const {
  auto first = first_.find(name);
  if (first == first_.end()) return -1;
  const bool per_host = cluster_.certificates[first->second].host >= 0;
  // Those of the hosts stand together, in the order of Cluster::hosts.
  return first->second + (per_host ? std::max(host, 0) : 0);
}

std::vector<absl::string_view> CertificateNames::All() const {
  std::vector<absl::string_view> names;
  for (const auto& [name, index] : first_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

void CheckWord(const Text& text, absl::string_view what, std::initializer_list<absl::string_view> words,
               Diagnostics* diagnostics) {
  if (!text.set() || std::find(words.begin(), words.end(), text.value) != words.end()) return;
  const std::vector<std::string> known(words.begin(), words.end());
  const Remedy otherwise = known.size() == 1 ? Remedy(absl::StrCat("write ", what, ": ", known[0]), known[0])
                                             : Remedy(absl::StrCat("there are ", JoinAnd(known)));
  diagnostics->Error(Code::kUnknownValue, text.range,
                     absl::StrCat(what, ": ", Quote(text.value), " is not known"),
                     MeantOr(text.value, words, otherwise));
}

int FindServiceCertificate(const ServiceContext& context, const Text& name) {
  const int cert = context.certificates.Find(name.value, context.host);
  if (cert >= 0 || !context.all.knows_certs) return cert;
  context.diagnostics->Error(Code::kUnknownName, name.range,
                             absl::StrCat("there is no certificate ", Quote(name.value)),
                             MeantAmong(
                                 *context.diagnostics, name.value, [&] { return context.certificates.All(); },
                                 "write it under `certs`"));
  return -1;
}

void CheckCertificateUsage(const ServiceContext& context, int cert, Range place, absl::string_view usage) {
  const LeafKind& kind = *context.cluster.certificates[cert].kind;
  std::string problem;
  if (kind.is_ca) {
    problem =
        absl::StrCat(" is a CA's, which no ", usage == "client auth" ? "client" : "server", " should show");
  } else if (std::none_of(kind.usages.begin(), kind.usages.end(),
                          [&](const std::string& u) { return u == usage || u == "any"; })) {
    problem = absl::StrCat(" lacks the usage ", Quote(usage));
  }
  if (problem.empty()) return;
  Range written;
  for (const CertSpec& spec : context.all.certs) {
    if (spec.name.value == kind.spec_name) written = spec.name.range;
  }
  context.diagnostics
      ->Error(Code::kServiceCert, place, absl::StrCat("the certificate ", Quote(kind.spec_name), problem),
              kind.is_ca ? "name one whose profile makes no CAs" : "add it to the certificate's profile")
      .Relate(written, "it is here");
}

// Snapshots of those that are rolled; an error when none is.
void ResolveSnapshots(const Spec& spec, int kept, Cluster* cluster, Diagnostics* diagnostics) {
  const Text& snapshot = spec.rollout.snapshot;
  if (cluster->etcds.empty()) {
    if (!spec.well_formed) return;
    diagnostics->Error(Code::kConflict, snapshot.range,
                       "a snapshot is one of etcd, and there is no `etcd` here", "remove it");
    return;
  }
  bool rolled = false, runs = false;
  for (Etcd& etcd : cluster->etcds) {
    // Whether it is one of them is not known then.
    if (etcd.members.empty()) return;
    const bool started = cluster->hosts[etcd.members[0].host].manager != ServiceManager::kNone;
    if (etcd.clustered && started) etcd.snapshots_kept = kept;
    rolled = rolled || (etcd.clustered && started);
    runs = runs || started;
  }
  if (rolled) return;
  if (!runs && cluster->etcds[0].clustered) {
    diagnostics->Error(Code::kServiceManager, snapshot.range,
                       "nothing is started on the members (service-manager: none), so there is nothing to "
                       "take a snapshot of",
                       "remove it");
    return;
  }
  diagnostics
      ->Error(
          Code::kConflict, snapshot.range,
          "this etcd has one member on this machine, which is restarted like any service: only a cluster's "
          "members are rolled, with a snapshot before",
          "write `tls` instead of `cert`, which makes it a cluster of one, or run `kplan snapshot` before "
          "a change")
      .Relate(cluster->etcds[0].place, "etcd is here");
}

void ResolveRollout(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  const RolloutSpec& rollout = spec.rollout;
  // That of an etcd was held against its members.
  if (rollout.max_unavailable.set() && cluster->etcds.empty()) {
    int number = 0;
    if (!absl::SimpleAtoi(rollout.max_unavailable.value, &number) || number < 1) {
      diagnostics->Error(
          Code::kBadValue, rollout.max_unavailable.range,
          absl::StrCat("max-unavailable ", Quote(rollout.max_unavailable.value), " is not a number of hosts"),
          "write how many may be down at a time: 1, or more");
    } else {
      cluster->max_unavailable = number;
    }
  }
  CheckWord(rollout.snapshot, "snapshot", {"before-restart"}, diagnostics);
  int kept = kSnapshotsKept;
  if (const Text& text = rollout.keep_snapshots; text.set()) {
    if (!absl::SimpleAtoi(text.value, &kept) || kept < 1 || kept > kMostSnapshots) {
      diagnostics->Error(Code::kBadValue, text.range,
                         absl::StrCat("keep-snapshots ", Quote(text.value), " is not a number of snapshots"),
                         absl::StrCat("write how many are kept, 1 to ", kMostSnapshots));
    } else if (!rollout.snapshot.set() && spec.well_formed) {
      diagnostics->Error(Code::kConflict, text.range, "no snapshots are taken, so none can be kept",
                         "write snapshot: before-restart as well, or remove it");
    }
  }
  if (rollout.snapshot.set()) ResolveSnapshots(spec, kept, cluster, diagnostics);
}

void ResolveServices(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  ServicesResolver(spec, cluster, diagnostics).Resolve();
}

}  // namespace kplan
