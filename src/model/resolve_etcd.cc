// One etcd: version, archive, flags and what has to fit together (the serving certificate and the URLs).
// Units are in resolve_etcd_unit.cc; what is a cluster's alone is in resolve_members.cc; what is about all
// etcds in resolve_etcds.cc.

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/model/pki_values.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/pki/names.h"
#include "src/systemd/hardening.h"

namespace kplan {
namespace {

constexpr char kEtcd[] = "etcd";
// Of one of `etcds`: its user may have 32 characters (useradd(8)), and is called as its unit.
constexpr size_t kLongestName = 27;
// Far more than anybody runs; every member's flags name all members.
constexpr size_t kMostMembers = 100;

class EtcdResolver {
 public:
  // The etcd with the index INDEX in SPEC and CLUSTER.
  EtcdResolver(const Spec& spec, size_t index, Cluster* cluster, SocketsByMachine* sockets,
               Diagnostics* diagnostics)
      : context_{spec, spec.etcds[index], *cluster, cluster->etcds[index], *sockets, diagnostics, {}, {}},
        spec_(spec.etcds[index]),
        cluster_(*cluster),
        etcd_(cluster->etcds[index]),
        diagnostics_(diagnostics) {}

  void Resolve() {
    ResolveName();
    // Flags and archive are the version's: without one there is nothing to hold them against.
    const bool versioned = ResolveVersion(), known = versioned && FindMembers();
    // No unit is made then that would say what is wrong with it.
    if (!known) IsStrict(spec_.hardening, diagnostics_);
    ResolveEtcdPlaces(spec_, &etcd_, diagnostics_);
    etcd_.replace = PkiValues(diagnostics_).ResolveBool(spec_.replace, "replace", false);
    if (!versioned) return;
    etcd_.clustered = spec_.tls.range.known() || members_.size() > 1 ||
                      (members_.size() == 1 && !cluster_.hosts[members_[0]].here());
    const int errors_before = diagnostics_->error_count();
    ResolveEtcdFlags(members_, &context_);
    flags_wrong_ = diagnostics_->error_count() > errors_before;
    for (const char* name : {"listen-client-urls", "advertise-client-urls"}) CheckClientUrls(name);
    CheckPort("client-port", spec_.client_port, {"listen-client-urls", "advertise-client-urls"});
    CheckPort("peer-port", spec_.peer_port, {"listen-peer-urls", "initial-advertise-peer-urls"});
    CheckListenHosts();
    ResolveToken();
    CheckWhichCertificates();
    if (!known) return;
    if (etcd_.clustered) {
      ResolveClusterMembers(context_, members_, member_names_);
    } else {
      etcd_.archives.push_back(ResolveEtcdArchive(spec_, context_.version, cluster_.hosts[members_[0]].arch,
                                                  context_.all.well_formed, diagnostics_));
      ResolveMember(members_[0]);
    }
  }

 private:
  void ResolveName() {
    etcd_.place = spec_.range;
    etcd_.name = kEtcd;
    if (!spec_.name.set()) return;
    const std::string& name = spec_.name.value;
    absl::StrAppend(&etcd_.name, "-", name);
    const bool good = absl::c_all_of(
        name, [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; });
    if (!good || name.empty() || name.size() > kLongestName || name.front() == '-' || name.back() == '-') {
      diagnostics_->Error(Code::kBadName, spec_.name.range,
                          absl::StrCat("an etcd cannot be called ", Quote(name)),
                          absl::StrCat("lower-case letters, digits and -, at most ", kLongestName,
                                       ": its unit is etcd-NAME"));
    } else if (name == "amd64" || name == "arm64") {
      diagnostics_->Error(
          Code::kNameTaken, spec_.name.range,
          absl::StrCat("no etcd can be called ", name, ": etcd's archive for that architecture is"),
          "give it another name");
    } else if (const Range host = PlaceOfHost(context_.all, etcd_.name); host.known()) {
      diagnostics_
          ->Error(Code::kNameTaken, spec_.name.range,
                  absl::StrCat("this etcd's unit and a host are both called ", etcd_.name),
                  "give one of them another name: `ninja NAME` means either")
          .Relate(host, "the host is here");
    }
  }

  // Those of `etcds` have their own even where nobody writes one: a member must not get into another cluster.
  void ResolveToken() {
    if (spec_.initial_cluster_token.set()) {
      etcd_.token = spec_.initial_cluster_token.value;
    } else if (etcd_.clustered && context_.all.metadata_name.set()) {
      etcd_.token = context_.all.metadata_name.value;
      if (spec_.name.set()) absl::StrAppend(&etcd_.token, "-", spec_.name.value);
    } else {
      etcd_.token = spec_.name.set() ? etcd_.name : kDefaultToken;
    }
  }

  bool ResolveVersion() {
    if (!spec_.version.set()) {
      if (context_.all.well_formed)
        diagnostics_->Error(Code::kMissingKey, spec_.range, absl::StrCat(etcd_.name, " has no version"),
                            "for example version: 3.4.15");
      return false;
    }
    etcd_.version = spec_.version.value;
    absl::string_view text = etcd_.version;
    if (!ParseEtcdVersion(text, &context_.version)) {
      bool v = absl::ConsumePrefix(&text, "v") && ParseEtcdVersion(text, &context_.version);
      diagnostics_->Error(Code::kEtcdVersion, spec_.version.range,
                          absl::StrCat(Quote(spec_.version.value), " is not a version of etcd"),
                          v ? Write(text) : "write all three numbers, for example 3.4.15");
      return false;
    }
    if (context_.version.major != 3 || context_.version.minor < 4 || context_.version.minor > 6) {
      diagnostics_->Error(Code::kEtcdVersion, spec_.version.range,
                          absl::StrCat("kplan does not know etcd ", etcd_.version),
                          "it knows the flags and rules of 3.4, 3.5 and 3.6");
      return false;
    }
    return true;
  }

  std::string FlagOr(const std::string& name, absl::string_view fallback) const {
    const Text* flag = context_.Flag(name);
    return flag != nullptr ? flag->value : std::string(fallback);
  }

  std::string DefaultClientUrl() const { return absl::StrCat("https://127.0.0.1:", etcd_.client_port); }
  // As etcd's own default.
  std::string DefaultPeerUrl() const { return absl::StrCat("http://localhost:", etcd_.peer_port); }

  // etcd lists URLs sorted; so do we, where they are compared with what it says.
  std::vector<std::string> Urls(const std::string& name, absl::string_view fallback) const {
    std::vector<std::string> urls = absl::StrSplit(FlagOr(name, fallback), ',');
    std::sort(urls.begin(), urls.end());
    return urls;
  }

  void CheckClientUrls(const std::string& name) {
    const Text* flag = context_.Flag(name);
    if (flag == nullptr || !absl::StrContains(flag->value, "http://")) return;
    diagnostics_->Error(Code::kEtcdFlagValue, flag->range,
                        absl::StrCat("the flag ", name, ": etcd would serve clients without TLS"),
                        {"write https://", absl::StrReplaceAll(flag->value, {{"http://", "https://"}})});
  }

  // A port stands in the URLs of one of FLAGS, or in the key KEY.
  void CheckPort(absl::string_view key, const Text& port, std::initializer_list<const char*> flags) {
    for (const char* name : flags) {
      const Text* flag = context_.Flag(name);
      if (!port.set() || flag == nullptr) continue;
      diagnostics_
          ->Error(
              Code::kConflict, port.range,
              absl::StrCat(key, " is for members whose URLs nobody writes, and the flag ", name, " has URLs"),
              "remove one of the two")
          .Relate(flag->range, "the flag is here");
      return;
    }
  }

  // etcd listens on addresses only (3.4, embed/config.go checkBindURLs), "localhost" aside.
  void CheckListenHosts() {
    for (const char* name : {"listen-client-urls", "listen-peer-urls"}) {
      const Text* flag = context_.Flag(name);
      if (flag == nullptr) continue;
      for (absl::string_view text : absl::StrSplit(flag->value, ',')) {
        Url url;
        if (!ParseUrl(text, &url) || url.host == "localhost" || IsIpAddress(url.host)) continue;
        diagnostics_->Error(
            Code::kEtcdFlagValue, flag->range,
            absl::StrCat("the flag ", name, ": etcd cannot listen on the name ", Quote(url.host)),
            "write an IP address");
      }
    }
  }

  // Which hosts are members; false, and an error, when that is not known.
  bool FindMembers() {
    if (spec_.members.size() > kMostMembers) {
      diagnostics_->Error(
          Code::kQuorum, spec_.members[kMostMembers].range,
          absl::StrCat(spec_.members.size(), " members; at most ", kMostMembers, " are taken"),
          "etcd is run with 3, 5 or 7: more members make it slower, and hardly safer");
      return false;
    }
    bool good = true;
    std::vector<absl::string_view> known;
    for (const Host& host : cluster_.hosts) known.push_back(host.name);
    for (const Text& name : spec_.members) {
      auto found = std::find(known.begin(), known.end(), name.value);
      if (found == known.end()) {
        good = false;
        if (!context_.all.knows_hosts) continue;
        diagnostics_->Error(Code::kUnknownName, name.range,
                            absl::StrCat("there is no host ", Quote(name.value)),
                            MeantAmong(
                                *diagnostics_, name.value, [&] { return Others(known, spec_.members); }, ""));
        continue;
      }
      int host = static_cast<int>(found - known.begin());
      if (auto twice = std::find(members_.begin(), members_.end(), host); twice != members_.end()) {
        diagnostics_
            ->Error(Code::kDuplicateEntry, name.range,
                    absl::StrCat("the host ", name.value, " is a member twice"), "remove one of the two")
            .Relate(member_names_[twice - members_.begin()]->range, "the other one is here");
        good = false;
        continue;
      }
      members_.push_back(host);
      member_names_.push_back(&name);
    }
    if (!spec_.members.empty()) return good;
    if (cluster_.hosts.size() > 1) {
      if (!context_.all.well_formed) return false;
      diagnostics_
          ->Error(Code::kAmbiguous, spec_.range,
                  absl::StrCat("there are ", cluster_.hosts.size(),
                               " hosts: etcd needs to know on which it runs"),
                  absl::StrCat("for example members: [", cluster_.hosts[0].name, "]"))
          .Relate(PlaceOfHost(context_.all, cluster_.hosts[1].name), "the second is here");
      return false;
    }
    if (cluster_.hosts.empty()) return false;  // said already
    members_.push_back(0);
    return true;
  }

  void CheckWhichCertificates() {
    if (spec_.cert.set() && spec_.tls.range.known()) {
      diagnostics_
          ->Error(Code::kConflict, spec_.cert.range,
                  "etcd has a `cert` for everything, or `tls` with one for each purpose, not both",
                  "remove one of the two")
          .Relate(spec_.tls.range, "tls is here");
    } else if (!spec_.cert.set() && !spec_.tls.range.known() && context_.all.well_formed) {
      diagnostics_->Error(
          Code::kMissingKey, spec_.range, absl::StrCat(etcd_.name, " has no certificate"),
          etcd_.clustered
              ? "name some of `certs`, for example\n  tls: {server: server, peer: peer, client: root}"
              : "name one of `certs`, for example cert: kubernetes");
    }
  }

  // etcd shows its certificate to clients and, through the gateway, to itself as one (etcd v3.4,
  // embed/serve.go).
  void CheckServingCert(const LeafCertificate& cert, const std::vector<std::string>& client_urls) {
    CheckEtcdCert(context_, cert, spec_.cert.range, {"server auth", "client auth"});
    CheckKeyKinds(context_, {&cert}, spec_.cert.range);
    if (cert.kind->is_ca) return;
    for (const std::string& text : client_urls) {
      Url url;
      if (!ParseUrl(text, &url)) continue;  // said already
      if (IsValidFor(cert, url.host)) continue;
      const Text* flag = context_.Flag("advertise-client-urls");
      diagnostics_
          ->Error(Code::kEtcdCert, flag != nullptr ? flag->range : spec_.cert.range,
                  absl::StrCat("the certificate ", Quote(cert.kind->spec_name), " is not valid for ",
                               url.host, ", where clients reach etcd (", text, ")"),
                  absl::StrCat("add ", url.host, " to its hosts"))
          .Relate(PlaceOfCert(context_, cert), "it is here");
    }
  }

  // A given initial-cluster must name this member with the URLs it advertises, or etcd refuses to start.
  void CheckInitialCluster(const EtcdMember& member) {
    const Text* flag = context_.Flag("initial-cluster");
    // Other flags that are wrong may be what it is compared with.
    if (flag == nullptr || !context_.all.well_formed || flags_wrong_) return;
    std::vector<std::string> urls;
    for (absl::string_view entry : absl::StrSplit(flag->value, ',')) {
      size_t equals = entry.find('=');
      if (equals == absl::string_view::npos || entry.substr(0, equals) != member.name) {
        diagnostics_->Error(Code::kEtcdFlagValue, flag->range,
                            absl::StrCat("the flag initial-cluster names ", Quote(entry),
                                         "; the only member is ", Quote(member.name)),
                            Write(absl::StrCat(member.name, "=", member.peer_urls[0])));
        return;
      }
      urls.push_back(std::string(entry.substr(equals + 1)));
    }
    std::sort(urls.begin(), urls.end());
    if (urls != member.peer_urls) {
      const Text* advertised = context_.Flag("initial-advertise-peer-urls");
      diagnostics_
          ->Error(Code::kEtcdFlagValue, flag->range,
                  absl::StrCat("the flag initial-cluster gives other URLs than initial-advertise-peer-urls (",
                               absl::StrJoin(member.peer_urls, ","), ")"),
                  "make them the same, or remove initial-cluster")
          .Relate(advertised != nullptr ? advertised->range : Range(), "the other flag is here");
    }
  }

  void ResolveMember(int host) {
    EtcdMember member;
    member.host = host;
    member.name = FlagOr("name", etcd_.name);
    const MemberUrls urls = UrlsOf(host);
    member.client_urls = urls.advertise;
    std::sort(member.client_urls.begin(), member.client_urls.end());
    member.peer_urls = Urls("initial-advertise-peer-urls", DefaultPeerUrl());
    member.probe = urls.advertise[0];
    member.answers = AnswersAt(urls.listen, member.probe);
    CheckInitialCluster(member);
    int cert = spec_.cert.set() ? FindCertificate(context_, spec_.cert, host) : -1;
    if (cert >= 0) {
      member.cert = cert;
      // With an error in what the certificate is made from, what it lacks would be said twice.
      if (!diagnostics_->has_errors()) CheckServingCert(cluster_.certificates[cert], member.client_urls);
      member.arguments = Arguments(member, urls, cluster_.certificates[cert]);
    }
    if (cluster_.hosts[host].arch == "arm64" && context_.version.minor == 4)
      member.environment.push_back("ETCD_UNSUPPORTED_ARCH=arm64");
    ResolveMemberUnit(context_, /*report=*/true, &member);
    etcd_.members.push_back(std::move(member));
    std::set<size_t> said;
    CheckListening(context_, 0, urls, &said);
  }

  // Where the member on HOST, the only one, serves clients: as the flags say, or `hosts.NAME.etcd`. It has no
  // other members to serve.
  MemberUrls UrlsOf(int host) {
    const MemberSpec& own = WrittenMember(context_, host);
    const Text* listen = context_.Flag("listen-client-urls");
    const Text* advertise = context_.Flag("advertise-client-urls");
    MemberUrls urls;
    urls.listen = Urls("listen-client-urls", DefaultClientUrl());
    urls.advertise = Urls("advertise-client-urls", FlagOr("listen-client-urls", DefaultClientUrl()));
    urls.peer_listen = Urls("listen-peer-urls", DefaultPeerUrl());
    CheckWrittenOnce("listen", own.listen, listen);
    CheckWrittenOnce("advertise", own.advertise, advertise);
    for (const std::vector<Text>* peers : {&own.peer_listen, &own.peer_advertise}) {
      if (peers->empty()) continue;
      diagnostics_->Error(Code::kConflict, peers->front().range,
                          "an etcd of one member on this machine has no other members to serve",
                          "remove it; as a cluster's member it has etcd.tls");
    }
    ResolveMemberUrls(context_, host, &urls);
    if (own.listen.empty() || !own.advertise.empty() || advertise != nullptr) return urls;
    const std::string& address = cluster_.hosts[host].address;
    urls.advertise =
        address.empty() ? urls.listen : std::vector<std::string>{HttpsUrl(address, etcd_.client_port)};
    if (address.empty() && IsAnyAddress(HostOfUrl(urls.listen[0]))) {
      diagnostics_->Error(Code::kMissingKey, own.listen[0].range,
                          absl::StrCat("etcd would tell clients to connect to ", urls.listen[0]),
                          "write where they reach it, for example advertise: 10.0.0.11");
    }
    return urls;
  }

  // What a key of `hosts.NAME.etcd` says, no flag says, too.
  void CheckWrittenOnce(absl::string_view key, const std::vector<Text>& own, const Text* flag) {
    if (own.empty() || flag == nullptr) return;
    diagnostics_
        ->Error(Code::kConflict, own[0].range,
                absl::StrCat(key, " is for a member whose flags do not say it"), "remove one of the two")
        .Relate(flag->range, "the flag is here");
  }

  // The tutorial's flags in the tutorial's order and form, then the others by name.
  std::vector<Argument> Arguments(const EtcdMember& member, const MemberUrls& urls,
                                  const LeafCertificate& cert) const {
    const EtcdFolders& folders = etcd_.folders;
    std::vector<Argument> arguments = {
        {"", folders.Program("etcd")},
        {"--client-cert-auth", ""},
        {"--name", ""},
        {member.name, ""},
        {"--cert-file=", folders.Config(absl::StrCat(cert.kind->spec_name, ".pem"))},
        {"--key-file=", folders.Config(absl::StrCat(cert.kind->spec_name, "-key.pem"))},
        {"--trusted-ca-file=", folders.Config("ca.pem")},
        {"--listen-client-urls", ""},
        {FlagOr("listen-client-urls", absl::StrJoin(urls.listen, ",")), ""},
        {"--advertise-client-urls", ""},
        {AdvertisedFlag(urls), ""},
        {"--data-dir=", folders.data},
    };
    if (!folders.wal.empty()) arguments.emplace_back("--wal-dir=", folders.Log());
    AppendPeerPort(member, &arguments);
    if (etcd_.token != kDefaultToken)
      arguments.emplace_back(absl::StrCat("--initial-cluster-token=", etcd_.token), "");
    const CertificateAuthority& ca = cluster_.cas[cert.kind->ca];
    if (ca.crl_expiry_seconds != 0 && context_.Flag("client-crl-file") == nullptr) {
      arguments.emplace_back("--client-crl-file=", folders.Config(paths::on_host::kCrlName));
    }
    AppendFlags(context_, 0, {"name", "listen-client-urls", "advertise-client-urls"}, &arguments);
    return arguments;
  }

  // In the order written: that of listen-client-urls where nobody says more.
  std::string AdvertisedFlag(const MemberUrls& urls) const {
    if (const Text* flag = context_.Flag("advertise-client-urls")) return flag->value;
    const Text* listen = context_.Flag("listen-client-urls");
    const bool own = !WrittenMember(context_, members_[0]).advertise.empty();
    return listen != nullptr && !own ? listen->value : absl::StrJoin(urls.advertise, ",");
  }

  // Another port than etcd's own takes three flags, where nobody writes them.
  void AppendPeerPort(const EtcdMember& member, std::vector<Argument>* arguments) const {
    if (etcd_.peer_port == kEtcdPeerPort) return;
    if (context_.Flag("listen-peer-urls") == nullptr)
      arguments->emplace_back(absl::StrCat("--listen-peer-urls=", DefaultPeerUrl()), "");
    if (context_.Flag("initial-advertise-peer-urls") == nullptr)
      arguments->emplace_back(absl::StrCat("--initial-advertise-peer-urls=", DefaultPeerUrl()), "");
    if (context_.Flag("initial-cluster") == nullptr)
      arguments->emplace_back(absl::StrCat("--initial-cluster=", member.name, "=", member.peer_urls[0]), "");
  }

  EtcdContext context_;
  bool flags_wrong_ = false;
  const EtcdSpec& spec_;
  Cluster& cluster_;
  Etcd& etcd_;
  Diagnostics* diagnostics_;
  std::vector<int> members_;               // indices into Cluster::hosts, in the order of the spec
  std::vector<const Text*> member_names_;  // the same as they are written; empty when nobody did
};

}  // namespace

const Text* EtcdContext::Flag(const std::string& name, size_t member) const {
  auto found = flags[member].find(name);
  return found == flags[member].end() ? nullptr : &found->second;
}

void AppendFlags(const EtcdContext& context, size_t member, const std::vector<absl::string_view>& without,
                 std::vector<Argument>* arguments) {
  for (const auto& [name, value] : context.flags[member]) {
    if (std::find(without.begin(), without.end(), name) != without.end()) continue;
    const EtcdFlag* flag = FindEtcdFlag(name);
    bool path = flag != nullptr && flag->type == EtcdFlag::Type::kPath;
    if (path) {
      arguments->emplace_back(absl::StrCat("--", name, "="), value.value);
    } else {
      arguments->emplace_back(absl::StrCat("--", name, "=", value.value), "");
    }
  }
}

void ResolveOneEtcd(const Spec& spec, size_t index, Cluster* cluster, SocketsByMachine* sockets,
                    Diagnostics* diagnostics) {
  EtcdResolver(spec, index, cluster, sockets, diagnostics).Resolve();
}

}  // namespace kplan
