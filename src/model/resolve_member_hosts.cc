// The hosts of a cluster's members: whether they can be reached, by all others, and how many may be down.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

class MemberHosts {
 public:
  MemberHosts(const EtcdContext& context, const std::vector<int>& hosts,
              const std::vector<const Text*>& names, std::vector<std::string>* addresses)
      : context_(context),
        hosts_(hosts),
        names_(names),
        cluster_(context.cluster),
        diagnostics_(context.diagnostics),
        addresses_(*addresses) {}

  // Files alone, or services: a cluster of which some members run is none.
  void CheckManagers() {
    auto none = [&](size_t member) { return HostOf(member).manager == ServiceManager::kNone; };
    for (size_t i = 1; i < hosts_.size(); ++i) {
      if (none(i) == none(0)) continue;
      const size_t without = none(i) ? i : 0, with = none(i) ? 0 : i;
      diagnostics_
          ->Error(Code::kServiceManager, WrittenHost(without).service_manager.range,
                  absl::StrCat("nothing is started on ", HostOf(without).name,
                               ", so it would be missing in the cluster of ", HostOf(with).name),
                  "write `none` for all members, or for none of them")
          .Relate(PlaceOfMember(without), "it is a member here");
      return;
    }
  }

  // Members listen, and reach each other, at their addresses.
  bool CheckAddresses() {
    const int errors_before = diagnostics_->error_count();
    auto remote =
        std::find_if(hosts_.begin(), hosts_.end(), [&](int host) { return !cluster_.hosts[host].here(); });
    for (size_t i = 0; i < hosts_.size(); ++i) {
      const Host& host = HostOf(i);
      const HostSpec& written = WrittenHost(i);
      addresses_.emplace_back();
      std::string& address = addresses_.back();
      if (!written.address.set()) {
        if (!context_.all.well_formed) continue;
        diagnostics_
            ->Error(Code::kMissingKey, written.name.range,
                    absl::StrCat("the host ", host.name, " is a member of a cluster, and has no address"),
                    "write the IP address at which clients and the other members reach it, for example\n"
                    "  address: 10.0.0.11")
            .Relate(PlaceOfMember(i), "it is a member here");
        continue;
      }
      if (!ParseIpAddress(host.address, &address)) {
        if (!CheckDnsName(host.address).ok()) continue;  // said already
        diagnostics_
            ->Error(Code::kBadHost, written.address.range,
                    absl::StrCat("etcd cannot listen on the name ", Quote(host.address)),
                    "write the IP address; the name can stand in the `hosts` of the certificates")
            .Relate(PlaceOfMember(i), "it is a member here");
        continue;
      }
      if (address == "0.0.0.0" || address == "::") {
        diagnostics_->Error(Code::kBadHost, written.address.range,
                            absl::StrCat(address, " means any address: nobody can be told to connect there"),
                            "write the address at which clients and the other members reach it");
      } else if ((absl::StartsWith(address, "127.") || address == "::1") && remote != hosts_.end()) {
        const size_t far = static_cast<size_t>(remote - hosts_.begin());
        diagnostics_
            ->Error(Code::kBadHost, written.address.range,
                    absl::StrCat(address, " is a machine's own address, which means another machine to ",
                                 !host.here() ? "everybody else" : HostOf(far).name),
                    "write the address at which clients and the other members reach it")
            .Relate(WrittenHost(far).ssh.range, "the host is reached by ssh");
      }
      auto same = std::find(addresses_.begin(), addresses_.end() - 1, address);
      if (same == addresses_.end() - 1) continue;
      const size_t other = static_cast<size_t>(same - addresses_.begin());
      diagnostics_
          ->Error(Code::kDuplicateEntry, written.address.range,
                  absl::StrCat("the members ", HostOf(other).name, " and ", host.name,
                               " have the same address, ", address),
                  "give each the address of its own machine")
          .Relate(WrittenHost(other).address.range, "the other one is here");
    }
    return diagnostics_->error_count() == errors_before;
  }

 private:
  const Host& HostOf(size_t member) const { return cluster_.hosts[hosts_[member]]; }

  const HostSpec& WrittenHost(size_t member) const {
    return *std::find_if(context_.all.hosts.begin(), context_.all.hosts.end(),
                         [&](const HostSpec& host) { return host.name.value == HostOf(member).name; });
  }

  // Where it is said that the host is a member.
  Range PlaceOfMember(size_t member) const {
    return names_.empty() ? context_.spec.range : names_[member]->range;
  }

  const EtcdContext& context_;
  const std::vector<int>& hosts_;
  const std::vector<const Text*>& names_;
  const Cluster& cluster_;
  Diagnostics* diagnostics_;
  std::vector<std::string>& addresses_;
};

}  // namespace

bool CheckMemberHosts(const EtcdContext& context, const std::vector<int>& hosts,
                      const std::vector<const Text*>& names, std::vector<std::string>* addresses) {
  MemberHosts members(context, hosts, names, addresses);
  members.CheckManagers();
  return members.CheckAddresses();
}

void ResolveMaxUnavailable(const Spec& spec, int members, Etcd* etcd, Diagnostics* diagnostics) {
  const Text& text = spec.rollout.max_unavailable;
  if (!text.set()) return;
  int number = 0;
  if (!absl::SimpleAtoi(text.value, &number) || number < 1) {
    diagnostics->Error(Code::kBadValue, text.range,
                       absl::StrCat("max-unavailable ", Quote(text.value), " is not a number of members"),
                       "write 1, or what the cluster bears: 2 of five members");
    return;
  }
  // What is left of N members has to be more than half of them (etcd v3.4, raft/quorum/majority.go).
  const int most = std::max((members - 1) / 2, 1);
  if (number > most) {
    diagnostics
        ->Error(Code::kQuorum, text.range,
                absl::StrCat("max-unavailable ", number, ": ", Count(members, "member"),
                             members == 1 ? " bears" : " bear", " the loss of ",
                             members < 3 ? "none" : absl::StrCat(most)),
                Write(absl::StrCat(most), most > 1 ? " or less" : ""))
        .Relate(spec.etcd.members.empty() ? Range() : spec.etcd.members[0].range, "the members are here");
    return;
  }
  etcd->max_unavailable = number;
}

}  // namespace kplan
