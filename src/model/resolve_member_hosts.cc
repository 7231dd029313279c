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
              const std::vector<const Text*>& names, std::vector<MemberUrls>* urls)
      : context_(context),
        hosts_(hosts),
        names_(names),
        cluster_(context.cluster),
        diagnostics_(context.diagnostics),
        urls_(*urls) {}

  // Files alone, or services: a cluster of which some members run is none.
  void CheckManagers() {
    auto none = [&](size_t member) { return HostOf(member).manager == ServiceManager::kNone; };
    for (size_t i = 1; i < hosts_.size(); ++i) {
      if (none(i) == none(0)) continue;
      const size_t without = none(i) ? i : 0, with = none(i) ? 0 : i;
      diagnostics_
          ->Error(Code::kServiceManager, Written(without).service_manager.range,
                  absl::StrCat("nothing is started on ", HostOf(without).name,
                               ", so it would be missing in the cluster of ", HostOf(with).name),
                  "write `none` for all members, or for none of them")
          .Relate(PlaceOfMember(without), "it is a member here");
      return;
    }
  }

  // Members listen, and reach each other, at their addresses, where `hosts.NAME.etcd` does not say more.
  bool CheckAddresses() {
    const int errors_before = diagnostics_->error_count();
    for (size_t i = 0; i < hosts_.size(); ++i) {
      urls_.emplace_back();
      AddAddress(i);
      ResolveMemberUrls(context_, hosts_[i], &urls_[i]);
      CheckIsReached(i, Own(i).advertise, urls_[i].advertise);
      CheckIsReached(i, Own(i).peer_advertise, urls_[i].peer_advertise);
      CheckApart(i);
    }
    return diagnostics_->error_count() == errors_before;
  }

 private:
  const Host& HostOf(size_t member) const { return cluster_.hosts[hosts_[member]]; }

  const HostSpec& Written(size_t member) const { return WrittenHost(context_, hosts_[member]); }
  const MemberSpec& Own(size_t member) const { return WrittenMember(context_, hosts_[member]); }

  // The URLs of its address, where nobody says others.
  void AddAddress(size_t i) {
    const Host& host = HostOf(i);
    const HostSpec& written = Written(i);
    const MemberSpec& own = Own(i);
    const bool listens = own.listen.empty() || own.peer_listen.empty();
    const bool needed = listens || own.advertise.empty() || own.peer_advertise.empty();
    if (!needed) return;
    if (!written.address.set()) {
      if (!context_.all.well_formed) return;
      diagnostics_
          ->Error(Code::kMissingKey, written.name.range,
                  absl::StrCat("the host ", host.name, " is a member of a cluster, and has no address"),
                  "write the IP address at which clients and the other members reach it, for example\n"
                  "  address: 10.0.0.11")
          .Relate(PlaceOfMember(i), "it is a member here");
      return;
    }
    std::string address;
    if (!ParseIpAddress(host.address, &address)) {
      if (!CheckDnsName(host.address).ok()) return;  // said already
      address = host.address;
      if (listens) {
        diagnostics_
            ->Error(Code::kBadHost, written.address.range,
                    absl::StrCat("etcd cannot listen on the name ", Quote(host.address)),
                    "write the IP address; the name can stand in the `hosts` of the certificates")
            .Relate(PlaceOfMember(i), "it is a member here");
        return;
      }
    }
    if (IsAnyAddress(address)) {
      diagnostics_->Error(Code::kBadHost, written.address.range,
                          absl::StrCat(address, " means any address: nobody can be told to connect there"),
                          "write the address at which clients and the other members reach it");
    } else {
      CheckIsNotItself(i, address, written.address.range);
    }
    const std::string client = HttpsUrl(address, context_.etcd.client_port),
                      peer = HttpsUrl(address, context_.etcd.peer_port);
    urls_[i] = {{client}, {client}, {peer}, {peer}};
  }

  // A member that is elsewhere is not reached at a machine's own address, nor is one here by it.
  void CheckIsNotItself(size_t i, const std::string& address, Range range) {
    if (!absl::StartsWith(address, "127.") && address != "::1" && address != "localhost") return;
    auto remote =
        std::find_if(hosts_.begin(), hosts_.end(), [&](int host) { return !cluster_.hosts[host].here(); });
    if (remote == hosts_.end()) return;
    const size_t far = static_cast<size_t>(remote - hosts_.begin());
    diagnostics_
        ->Error(Code::kBadHost, range,
                absl::StrCat(address, " is a machine's own address, which means another machine to ",
                             !HostOf(i).here() ? "everybody else" : HostOf(far).name),
                "write the address at which clients and the other members reach it")
        .Relate(Written(far).ssh.range, "the host is reached by ssh");
  }

  // TEXTS: as the URLS are written.
  void CheckIsReached(size_t i, const std::vector<Text>& texts, const std::vector<std::string>& urls) {
    if (texts.size() != urls.size()) return;  // said already
    for (size_t k = 0; k < urls.size(); ++k) CheckIsNotItself(i, HostOfUrl(urls[k]), texts[k].range);
  }

  // Two members are not reached at one URL.
  void CheckApart(size_t i) {
    const auto same = [&](const std::vector<std::string>& a, const std::vector<std::string>& b) {
      auto found = std::find_first_of(a.begin(), a.end(), b.begin(), b.end());
      return found == a.end() ? "" : *found;
    };
    for (size_t other = 0; other < i; ++other) {
      std::string url = same(urls_[i].advertise, urls_[other].advertise);
      const bool by_peers = url.empty();
      if (by_peers) url = same(urls_[i].peer_advertise, urls_[other].peer_advertise);
      if (url.empty()) continue;
      SayNotApart(i, other, url, by_peers);
      return;
    }
  }

  void SayNotApart(size_t i, size_t other, const std::string& url, bool by_peers) {
    const auto place = [&](size_t member) {
      const std::vector<Text>& own = by_peers ? Own(member).peer_advertise : Own(member).advertise;
      return own.empty() ? Written(member).address.range : own[0].range;
    };
    const bool addresses = !Own(i).range.known() && !Own(other).range.known();
    diagnostics_
        ->Error(Code::kDuplicateEntry, place(i),
                absl::StrCat("the members ", HostOf(other).name, " and ", HostOf(i).name,
                             addresses ? " have the same address, " : " are both reached at ",
                             addresses ? HostOfUrl(url) : url),
                addresses ? "give each the address of its own machine"
                          : "give each an address or a port of its own")
        .Relate(place(other), "the other one is here");
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
  std::vector<MemberUrls>& urls_;
};

}  // namespace

bool CheckMemberHosts(const EtcdContext& context, const std::vector<int>& hosts,
                      const std::vector<const Text*>& names, std::vector<MemberUrls>* urls) {
  MemberHosts members(context, hosts, names, urls);
  members.CheckManagers();
  return members.CheckAddresses();
}

void ResolveMaxUnavailable(const Spec& spec, const EtcdSpec& etcd, Cluster* cluster,
                           Diagnostics* diagnostics) {
  const int members = std::max(static_cast<int>(etcd.members.size()), 1);
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
        .Relate(etcd.members.empty() ? Range() : etcd.members[0].range, "the members are here");
    return;
  }
  cluster->max_unavailable = number;
}

}  // namespace kplan
