// Which service comes after which: `after`, by name and by label.

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/model/resolve_services_internal.h"

namespace kplan {
namespace {

class AfterResolver {
 public:
  AfterResolver(const Spec& spec, const Cluster& cluster, const std::vector<std::vector<int>>& hosts,
                Diagnostics* diagnostics)
      : spec_(spec), cluster_(cluster), hosts_(hosts), diagnostics_(diagnostics) {
    for (size_t i = 0; i < spec.services.size(); ++i)
      services_.try_emplace(spec.services[i].name.value, static_cast<int>(i));
    for (size_t i = 0; i < cluster.hosts.size(); ++i)
      host_names_.try_emplace(cluster.hosts[i].name, static_cast<int>(i));
  }

  // False when TEXT was an error.
  bool Resolve(const GenericServiceSpec& service, const Text& text, AfterEntry* entry) {
    entry->range = text.range;
    std::vector<absl::string_view> parts = absl::StrSplit(text.value, '/');
    absl::string_view name = parts.back(), host;
    const bool known = parts.size() == 1 || (parts[0] == "verify" && parts.size() <= 3) ||
                       (parts[0] == "service" && parts.size() == 3);
    if (!known) {
      diagnostics_->Error(Code::kUnknownName, text.range,
                          absl::StrCat(Quote(text.value), " is no service, and no label of one"),
                          "write NAME, service/HOST/NAME, verify/NAME or verify/HOST/NAME");
      return false;
    }
    if (parts.size() == 3) host = parts[1];
    if (!host.empty() && !FindHost(text, host, entry)) return false;
    if (FindEtcd(name, entry)) return true;
    if (name == "etcd") {
      ReportNoEtcd(text);
      return false;
    }
    auto found = services_.find(name);
    if (found == services_.end()) {
      if (!spec_.knows_services) return false;
      auto names = [&] {
        std::vector<absl::string_view> all;
        for (const GenericServiceSpec& one : spec_.services)
          if (one.name.value != service.name.value) all.push_back(one.name.value);
        for (const Etcd& etcd : cluster_.etcds) all.push_back(etcd.name);
        return all;
      };
      diagnostics_->Error(
          Code::kUnknownName, text.range, absl::StrCat("there is no service ", Quote(name)),
          InLabel(text, name,
                  MeantAmong(*diagnostics_, name, names, "write it under `services`, or remove it")));
      return false;
    }
    entry->service = found->second;
    if (name == service.name.value) {
      diagnostics_->Error(Code::kServiceOrder, text.range,
                          absl::StrCat("the service ", Quote(name), " would come after itself"),
                          hosts_[entry->service].size() > 1
                              ? "remove it: its hosts are restarted one after the other anyway"
                              : "remove it");
      return false;
    }
    const std::vector<int>& hosts = hosts_[entry->service];
    if (entry->host >= 0 && std::find(hosts.begin(), hosts.end(), entry->host) == hosts.end()) {
      diagnostics_
          ->Error(Code::kUnknownName, text.range,
                  absl::StrCat("the service ", Quote(name), " does not run on ", host),
                  Write(name, " for all hosts that it runs on"))
          .Relate(spec_.services[entry->service].name.range, "it is here");
      return false;
    }
    return true;
  }

 private:
  // REMEDY for PART of TEXT's value, for the whole of it.
  static Remedy InLabel(const Text& text, absl::string_view part, Remedy remedy) {
    const size_t before = static_cast<size_t>(part.data() - text.value.data());
    if (remedy.instead)
      remedy.instead = std::string(text.value).replace(before, part.size(), *remedy.instead);
    return remedy;
  }

  bool FindHost(const Text& text, absl::string_view host, AfterEntry* entry) {
    auto found = host_names_.find(host);
    if (found != host_names_.end()) {
      entry->host = found->second;
      return true;
    }
    if (!spec_.knows_hosts) return false;
    auto names = [&] {
      std::vector<absl::string_view> all;
      for (const Host& one : cluster_.hosts) all.push_back(one.name);
      return all;
    };
    diagnostics_->Error(Code::kUnknownName, text.range, absl::StrCat("there is no host ", Quote(host)),
                        InLabel(text, host, MeantAmong(*diagnostics_, host, names, "")));
    return false;
  }

  // etcd is verified as a whole: which member is named says nothing.
  bool FindEtcd(absl::string_view name, AfterEntry* entry) const {
    for (size_t i = 0; i < cluster_.etcds.size(); ++i) {
      if (cluster_.etcds[i].name != name) continue;
      entry->etcd = static_cast<int>(i);
      entry->host = -1;
      return true;
    }
    return false;
  }

  void ReportNoEtcd(const Text& text) {
    if (!spec_.etcds.empty()) {
      diagnostics_->Error(Code::kAmbiguous, text.range, "the etcds here are those of `etcds`",
                          absl::StrCat("write the one that it needs, for example ", cluster_.etcds[0].name));
    } else if (spec_.well_formed) {
      diagnostics_->Error(Code::kUnknownName, text.range, "there is no etcd to come after",
                          "write `etcd`, or remove it");
    }
  }

  const Spec& spec_;
  const Cluster& cluster_;
  const std::vector<std::vector<int>>& hosts_;
  Diagnostics* diagnostics_;
  absl::flat_hash_map<std::string, int> services_, host_names_;
};

// Of a circle; it may be as long as there are services, and there may be as many.
constexpr size_t kMostNamed = 8;

// Depth first, in the order of the text.
class Sorter {
 public:
  Sorter(const Spec& spec, const std::vector<std::vector<AfterEntry>>& after, Diagnostics* diagnostics)
      : spec_(spec), after_(after), diagnostics_(diagnostics), state_(after.size(), State::kNew) {}

  std::vector<int> Sort() {
    for (size_t i = 0; i < after_.size(); ++i) Add(static_cast<int>(i));
    return std::move(order_);
  }

 private:
  enum class State { kNew, kOpen, kDone };

  struct Step {
    int service;
    size_t next = 0;  // into its entries
  };

  // Without recursion: a chain may be as long as there are services.
  void Add(int service) {
    if (state_[service] != State::kNew) return;
    Open(service);
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next == after_[step.service].size()) {
        state_[step.service] = State::kDone;
        order_.push_back(step.service);
        path_.pop_back();
        continue;
      }
      const AfterEntry& entry = after_[step.service][step.next++];
      if (entry.etcd >= 0) continue;
      if (state_[entry.service] == State::kOpen) ReportCycle(entry.service);
      if (state_[entry.service] == State::kNew) Open(entry.service);
    }
  }

  void Open(int service) {
    state_[service] = State::kOpen;
    path_.push_back({service});
  }

  // The one that the path has come back to is FIRST.
  void ReportCycle(int first) {
    auto begin = std::find_if(path_.begin(), path_.end(), [&](const Step& s) { return s.service == first; });
    const size_t length = static_cast<size_t>(path_.end() - begin);
    std::string text = absl::StrCat("the service ", Name(first), " comes after ");
    for (size_t i = 1; i < std::min(length, kMostNamed); ++i)
      absl::StrAppend(&text, Name((begin + i)->service), ", which comes after ");
    if (length > kMostNamed) {
      absl::StrAppend(&text, length - kMostNamed,
                      " more, one after the other, the last of which comes after ");
    }
    absl::StrAppend(&text, Name(first), " itself");
    diagnostics_
        ->Error(Code::kServiceOrder, PlaceOfStep(*begin), text,
                "take one of them out of the other's `after`: somebody has to be the first")
        .Relate(PlaceOfStep(path_.back()), "the circle closes here");
  }

  std::string Name(int service) const { return Quote(spec_.services[service].name.value); }

  // Where the entry stands that STEP follows.
  Range PlaceOfStep(const Step& step) const { return after_[step.service][step.next - 1].range; }

  const Spec& spec_;
  const std::vector<std::vector<AfterEntry>>& after_;
  Diagnostics* diagnostics_;
  std::vector<State> state_;
  std::vector<Step> path_;
  std::vector<int> order_;
};

}  // namespace

std::vector<std::vector<AfterEntry>> ResolveAfter(const Spec& spec, const Cluster& cluster,
                                                  const std::vector<std::vector<int>>& hosts,
                                                  Diagnostics* diagnostics) {
  AfterResolver resolver(spec, cluster, hosts, diagnostics);
  std::vector<std::vector<AfterEntry>> after;
  for (const GenericServiceSpec& service : spec.services) {
    std::vector<AfterEntry> entries;
    absl::flat_hash_set<std::pair<int, int>> seen;  // service (below 0: an etcd) and host
    for (const Text& text : service.after) {
      AfterEntry entry;
      if (!resolver.Resolve(service, text, &entry)) continue;
      if (seen.emplace(entry.etcd >= 0 ? -1 - entry.etcd : entry.service, entry.host).second)
        entries.push_back(entry);
    }
    // A service on all hosts is also one on each.
    entries.erase(
        std::remove_if(entries.begin(), entries.end(),
                       [&](const AfterEntry& entry) {
                         return entry.etcd < 0 && entry.host >= 0 && seen.contains({entry.service, -1});
                       }),
        entries.end());
    after.push_back(std::move(entries));
  }
  return after;
}

std::vector<int> OrderOfServices(const Spec& spec, const std::vector<std::vector<AfterEntry>>& after,
                                 Diagnostics* diagnostics) {
  return Sorter(spec, after, diagnostics).Sort();
}

}  // namespace kplan
