// etcd: version, archive, flags, unit and what has to fit together (the serving certificate and the URLs).

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/model/etcd_flags.h"
#include "src/model/names.h"
#include "src/model/paths.h"
#include "src/model/resolve_internal.h"
#include "src/model/unit.h"

namespace kplan {
namespace {

constexpr char kDefaultToken[] = "etcd-cluster";             // etcd's own default
constexpr char kDefaultPeerUrl[] = "http://localhost:2380";  // etcd's own default
constexpr char kDefaultClientUrl[] = "https://127.0.0.1:2379";
constexpr char kDefaultName[] = "etcd";
const char* const kRefusals[] = {"no-cert", "wrong-ca", "plaintext"};

class EtcdResolver {
 public:
  EtcdResolver(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics)
      : all_(spec),
        spec_(spec.etcd),
        well_formed_(spec.well_formed),
        cluster_(*cluster),
        etcd_(cluster->etcd),
        diagnostics_(diagnostics) {}

  void Resolve() {
    cluster_.has_etcd = true;
    // Flags and archive are the version's: without one there is nothing to hold them against.
    if (!ResolveVersion()) return;
    ResolveFlags();
    etcd_.token = spec_.initial_cluster_token.set() ? spec_.initial_cluster_token.value : kDefaultToken;
    ResolveMembers();
  }

 private:
  bool ResolveVersion() {
    if (!spec_.version.set()) {
      if (well_formed_)
        diagnostics_->Error(Code::kMissingKey, spec_.range, "etcd has no version",
                            "for example version: 3.4.15");
      return false;
    }
    etcd_.version = spec_.version.value;
    absl::string_view text = etcd_.version;
    if (!ParseEtcdVersion(text, &version_)) {
      bool v = absl::ConsumePrefix(&text, "v") && ParseEtcdVersion(text, &version_);
      diagnostics_->Error(Code::kEtcdVersion, spec_.version.range,
                          absl::StrCat(Quote(spec_.version.value), " is not a version of etcd"),
                          v ? absl::StrCat("write ", text) : "write all three numbers, for example 3.4.15");
      return false;
    }
    if (version_.major != 3 || version_.minor < 4 || version_.minor > 6) {
      diagnostics_->Error(Code::kEtcdVersion, spec_.version.range,
                          absl::StrCat("kplan does not know etcd ", etcd_.version),
                          "it knows the flags and rules of 3.4, 3.5 and 3.6");
      return false;
    }
    return true;
  }

  void ResolveFlags() {
    for (const auto& [key, value] : spec_.flags) {
      absl::string_view name = key.value;
      const EtcdFlag* flag = FindEtcdFlag(name);
      if (flag == nullptr && absl::StartsWith(name, "experimental-") && OnlyAlnumAnd(name, "-")) {
        flags_[key.value] = &value;  // they come and go with each patch release: etcd is the judge
        continue;
      }
      if (flag == nullptr) {
        absl::string_view bare = name;
        std::string help = absl::ConsumePrefix(&bare, "--") && FindEtcdFlag(bare) != nullptr
                               ? absl::StrCat("write it without the dashes: ", bare)
                               : DidYouMean(name, EtcdFlagNames());
        diagnostics_->Error(Code::kEtcdFlag, key.range, absl::StrCat("etcd has no flag ", Quote(name)), help);
        continue;
      }
      if (flag->kind == EtcdFlag::Kind::kOurs) {
        diagnostics_->Error(Code::kSetByKplan, key.range,
                            absl::StrCat("the flag ", name, " cannot be set here: ", flag->text),
                            "remove it");
        continue;
      }
      if (flag->since_minor > version_.minor ||
          (flag->removed_minor != 0 && flag->removed_minor <= version_.minor)) {
        bool gone = flag->since_minor <= version_.minor;
        diagnostics_
            ->Error(Code::kEtcdFlag, key.range,
                    absl::StrCat("etcd ", etcd_.version, " has no flag ", name,
                                 gone ? ": it was removed in 3." : ": it came with 3.",
                                 gone ? flag->removed_minor : flag->since_minor),
                    "remove it, or change `version`")
            .Relate(spec_.version.range, "the version is here");
        continue;
      }
      if (absl::Status status = CheckEtcdFlagValue(*flag, value.value); !status.ok()) {
        Report(Code::kEtcdFlagValue, status, value.range, absl::StrCat("the flag ", name), diagnostics_);
        continue;
      }
      flags_[key.value] = &value;
    }
    for (const char* name : {"listen-client-urls", "advertise-client-urls"}) CheckClientUrls(name);
    CheckListenHosts();
  }

  const Text* Flag(const std::string& name) const {
    auto found = flags_.find(name);
    return found == flags_.end() ? nullptr : found->second;
  }
  std::string FlagOr(const std::string& name, absl::string_view fallback) const {
    const Text* flag = Flag(name);
    return flag != nullptr ? flag->value : std::string(fallback);
  }

  // etcd lists URLs sorted; so do we, where they are compared with what it says.
  std::vector<std::string> Urls(const std::string& name, absl::string_view fallback) const {
    std::vector<std::string> urls = absl::StrSplit(FlagOr(name, fallback), ',');
    std::sort(urls.begin(), urls.end());
    return urls;
  }

  void CheckClientUrls(const std::string& name) {
    const Text* flag = Flag(name);
    if (flag == nullptr || absl::StrContains(flag->value, "http://")) {
      if (flag == nullptr) return;
      diagnostics_->Error(Code::kEtcdFlagValue, flag->range,
                          absl::StrCat("the flag ", name, ": etcd would serve clients without TLS"),
                          "write https://");
    }
  }

  // etcd listens on addresses only (3.4, embed/config.go checkBindURLs), "localhost" aside.
  void CheckListenHosts() {
    for (const char* name : {"listen-client-urls", "listen-peer-urls"}) {
      const Text* flag = Flag(name);
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

  void ResolveMembers() {
    std::vector<const Text*> names;
    for (const Text& member : spec_.members) names.push_back(&member);
    if (names.size() > 1) {
      diagnostics_->Error(Code::kNotYet, names[1]->range,
                          "this version of kplan provisions an etcd of one member",
                          "name one host in `members`");
    }
    int host = 0;
    if (!names.empty()) {
      auto found = std::find_if(cluster_.hosts.begin(), cluster_.hosts.end(),
                                [&](const Host& h) { return h.name == names[0]->value; });
      if (found == cluster_.hosts.end()) {
        std::vector<absl::string_view> known;
        for (const Host& candidate : cluster_.hosts) known.push_back(candidate.name);
        diagnostics_->Error(Code::kUnknownName, names[0]->range,
                            absl::StrCat("there is no host ", Quote(names[0]->value)),
                            DidYouMean(names[0]->value, known));
        return;
      }
      host = static_cast<int>(found - cluster_.hosts.begin());
    } else if (cluster_.hosts.size() > 1) {
      diagnostics_
          ->Error(Code::kAmbiguous, spec_.range,
                  absl::StrCat("there are ", cluster_.hosts.size(),
                               " hosts: etcd needs to know on which it runs"),
                  absl::StrCat("for example members: [", cluster_.hosts[0].name, "]"))
          .Relate(PlaceOfHost(all_, cluster_.hosts[1].name), "the second is here");
      return;
    } else if (cluster_.hosts.empty()) {
      return;  // said already
    }
    etcd_.archives.push_back(ResolveEtcdArchive(spec_, version_, cluster_.hosts[host].arch, diagnostics_));
    ResolveMember(host);
  }

  // The certificate named by `etcd.cert`; -1 when there is none.
  int FindCert(int host) {
    if (!spec_.cert.set()) {
      if (well_formed_) {
        diagnostics_->Error(Code::kMissingKey, spec_.range, "etcd has no certificate",
                            "name one of `certs`, for example cert: kubernetes");
      }
      return -1;
    }
    std::vector<absl::string_view> names;
    for (size_t i = 0; i < cluster_.certificates.size(); ++i) {
      const LeafCertificate& cert = cluster_.certificates[i];
      if (cert.kind->spec_name == spec_.cert.value && (cert.host == -1 || cert.host == host))
        return static_cast<int>(i);
      names.push_back(cert.kind->spec_name);
    }
    std::string help = DidYouMean(spec_.cert.value, names);
    diagnostics_->Error(Code::kUnknownName, spec_.cert.range,
                        absl::StrCat("there is no certificate ", Quote(spec_.cert.value)),
                        help.empty() ? "write it under `certs`" : help);
    return -1;
  }

  Range PlaceOfCert(const LeafCertificate& cert) const {
    for (const CertSpec& written : all_.certs) {
      if (written.name.value == cert.kind->spec_name) return written.name.range;
    }
    return {};
  }

  // etcd shows its certificate to clients and, through the gateway, to itself as one (etcd v3.4,
  // embed/serve.go).
  void CheckServingCert(const LeafCertificate& cert, const std::vector<std::string>& client_urls) {
    if (cert.kind->is_ca) {
      diagnostics_
          ->Error(Code::kEtcdCert, spec_.cert.range,
                  absl::StrCat("the certificate ", Quote(cert.kind->spec_name),
                               " is a CA's, which no server should show"),
                  "name one whose profile makes no CAs")
          .Relate(PlaceOfCert(cert), "it is here");
      return;
    }
    for (const char* usage : {"server auth", "client auth"}) {
      bool has = std::any_of(cert.kind->usages.begin(), cert.kind->usages.end(),
                             [&](const std::string& u) { return u == usage || u == "any"; });
      if (has) continue;
      diagnostics_
          ->Error(Code::kEtcdCert, spec_.cert.range,
                  absl::StrCat("the certificate ", Quote(cert.kind->spec_name), " lacks the usage ",
                               Quote(usage), ", which etcd needs"),
                  "add it to the certificate's profile")
          .Relate(PlaceOfCert(cert), "it is here");
    }
    for (const std::string& text : client_urls) {
      Url url;
      if (!ParseUrl(text, &url)) continue;  // said already
      bool covered = std::any_of(cert.sans.begin(), cert.sans.end(),
                                 [&](const auto& san) { return SanCovers(san, url.host); });
      if (covered) continue;
      const Text* flag = Flag("advertise-client-urls");
      diagnostics_
          ->Error(Code::kEtcdCert, flag != nullptr ? flag->range : spec_.cert.range,
                  absl::StrCat("the certificate ", Quote(cert.kind->spec_name), " is not valid for ",
                               url.host, ", where clients reach etcd (", text, ")"),
                  absl::StrCat("add ", url.host, " to its hosts"))
          .Relate(PlaceOfCert(cert), "it is here");
    }
  }

  // etcd's Go has to know the key kinds of the certificate and of everyone who signs above it: crypto/tls has
  // Ed25519 since Go 1.13, and releases before 3.4.18 are built with 1.12.
  void CheckKeyKinds(const LeafCertificate& cert) {
    constexpr int kFirstWithEd25519 = 18;
    if (version_.minor != 4 || version_.patch >= kFirstWithEd25519) return;
    std::string whose;
    Range place;
    if (cert.kind->key.algo == "ed25519") {
      whose = absl::StrCat("the certificate ", Quote(cert.kind->spec_name));
      place = PlaceOfCert(cert);
    }
    for (int ca = cert.kind->ca; ca >= 0 && whose.empty(); ca = cluster_.cas[ca].issuer) {
      if (cluster_.cas[ca].key.algo != "ed25519") continue;
      whose = absl::StrCat("the CA ", Quote(cluster_.cas[ca].name));
      place = PlaceOfCa(all_, cluster_.cas[ca].name);
    }
    if (whose.empty()) return;
    diagnostics_
        ->Error(Code::kEtcdCert, spec_.cert.range,
                absl::StrCat("etcd ", etcd_.version, " is built with Go 1.12, whose TLS has no Ed25519; ",
                             whose, " has such a key"),
                "take an ecdsa or rsa key, or etcd 3.4.18 or later")
        .Relate(place, "it is here");
  }

  // A given initial-cluster must name this member with the URLs it advertises, or etcd refuses to start.
  void CheckInitialCluster(const EtcdMember& member) {
    const Text* flag = Flag("initial-cluster");
    if (flag == nullptr) return;
    std::vector<std::string> urls;
    for (absl::string_view entry : absl::StrSplit(flag->value, ',')) {
      size_t equals = entry.find('=');
      if (equals == absl::string_view::npos || entry.substr(0, equals) != member.name) {
        diagnostics_->Error(Code::kEtcdFlagValue, flag->range,
                            absl::StrCat("the flag initial-cluster names ", Quote(entry),
                                         "; the only member is ", Quote(member.name)),
                            absl::StrCat("write ", member.name, "=", member.peer_urls[0]));
        return;
      }
      urls.push_back(std::string(entry.substr(equals + 1)));
    }
    std::sort(urls.begin(), urls.end());
    if (urls != member.peer_urls) {
      const Text* advertised = Flag("initial-advertise-peer-urls");
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
    member.name = FlagOr("name", kDefaultName);
    member.client_urls = Urls("advertise-client-urls", FlagOr("listen-client-urls", kDefaultClientUrl));
    member.peer_urls = Urls("initial-advertise-peer-urls", kDefaultPeerUrl);
    member.probe = member.client_urls[0];
    CheckInitialCluster(member);
    int cert = FindCert(host);
    if (cert >= 0) {
      member.cert = cert;
      // With an error in what the certificate is made from, what it lacks would be said twice.
      if (!diagnostics_->has_errors()) {
        CheckServingCert(cluster_.certificates[cert], member.client_urls);
        CheckKeyKinds(cluster_.certificates[cert]);
      }
      member.arguments = Arguments(member, cluster_.certificates[cert]);
    }
    if (cluster_.hosts[host].arch == "arm64" && version_.minor == 4)
      member.environment.push_back("ETCD_UNSUPPORTED_ARCH=arm64");
    ResolveUnit(&member);
    etcd_.members.push_back(std::move(member));
  }

  // The tutorial's flags in the tutorial's order and form, then the others by name.
  std::vector<Argument> Arguments(const EtcdMember& member, const LeafCertificate& cert) const {
    using paths::on_host::kEtcdConfig;
    std::string config = absl::StrCat(kEtcdConfig, "/");
    std::vector<Argument> arguments = {
        {"", absl::StrCat(paths::on_host::kBinaries, "/etcd")},
        {"--client-cert-auth", ""},
        {"--name", ""},
        {member.name, ""},
        {"--cert-file=", absl::StrCat(config, cert.kind->spec_name, ".pem")},
        {"--key-file=", absl::StrCat(config, cert.kind->spec_name, "-key.pem")},
        {"--trusted-ca-file=", absl::StrCat(config, "ca.pem")},
        {"--listen-client-urls", ""},
        {FlagOr("listen-client-urls", kDefaultClientUrl), ""},
        {"--advertise-client-urls", ""},
        {FlagOr("advertise-client-urls", FlagOr("listen-client-urls", kDefaultClientUrl)), ""},
        {"--data-dir=", paths::on_host::kEtcdData},
    };
    if (etcd_.token != kDefaultToken)
      arguments.emplace_back(absl::StrCat("--initial-cluster-token=", etcd_.token), "");
    const CertificateAuthority& ca = cluster_.cas[cert.kind->ca];
    if (ca.crl_expiry_seconds != 0 && Flag("client-crl-file") == nullptr) {
      arguments.emplace_back("--client-crl-file=", absl::StrCat(kEtcdConfig, "/", paths::on_host::kCrlName));
    }
    for (const auto& [name, value] : flags_) {
      if (name == "name" || name == "listen-client-urls" || name == "advertise-client-urls") continue;
      const EtcdFlag* flag = FindEtcdFlag(name);
      bool path = flag != nullptr && flag->kind == EtcdFlag::Kind::kPath;
      if (path) {
        arguments.emplace_back(absl::StrCat("--", name, "="), value->value);
      } else {
        arguments.emplace_back(absl::StrCat("--", name, "=", value->value), "");
      }
    }
    return arguments;
  }

  void ResolveUnit(EtcdMember* member) {
    Unit unit;
    unit.sections = {
        {"Unit", {{"Description", "etcd"}, {"Documentation", "https://github.com/coreos"}}},
        {"Service",
         {{"Type", "notify"},
          {"ExecStart", ExecStart(member->arguments)},
          {"Restart", "on-failure"},
          {"RestartSec", "5"}}},
        {"Install", {{"WantedBy", "multi-user.target"}}},
    };
    if (!member->environment.empty())
      unit.Set("Service", "Environment", absl::StrJoin(member->environment, " "));
    MergeUnit(spec_.unit, &unit, diagnostics_);
    if (const std::string* user = unit.Find("Service", "User")) {
      member->owner = *user;
      if (const std::string* group = unit.Find("Service", "Group"))
        absl::StrAppend(&member->owner, ":", *group);
      if (!OnlyAlnumAnd(member->owner, "._-:")) {
        for (const UnitSectionSpec& section : spec_.unit) {
          for (const auto& [key, value] : section.keys) {
            if (section.name.value != "Service" || (key.value != "User" && key.value != "Group")) continue;
            if (OnlyAlnumAnd(value.value, "._-")) continue;
            diagnostics_->Error(Code::kBadUnit, value.range,
                                absl::StrCat(Quote(value.value), " is not the name of a user or group"), "");
          }
        }
      }
    }
    member->unit = unit.Text();
  }

  const Spec& all_;
  const EtcdSpec& spec_;
  bool well_formed_;
  Cluster& cluster_;
  Etcd& etcd_;
  Diagnostics* diagnostics_;
  EtcdVersion version_;
  std::map<std::string, const Text*> flags_;  // the good ones
};

}  // namespace

void ResolveEtcd(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  Etcd& etcd = cluster->etcd;
  for (const Text& refusal : spec.verify_refuse) {
    if (std::find(std::begin(kRefusals), std::end(kRefusals), refusal.value) == std::end(kRefusals)) {
      std::string help = DidYouMean(refusal.value, {"no-cert", "wrong-ca", "plaintext"});
      diagnostics->Error(Code::kUnknownValue, refusal.range,
                         absl::StrCat("there is no check ", Quote(refusal.value)),
                         help.empty() ? "there are no-cert, wrong-ca and plaintext" : help);
    }
  }
  for (const char* refusal : kRefusals) {
    bool asked =
        !spec.refuse_range.known() || std::any_of(spec.verify_refuse.begin(), spec.verify_refuse.end(),
                                                  [&](const Text& text) { return text.value == refusal; });
    if (asked) etcd.refuse.push_back(refusal);
  }
  if (spec.etcd.range.known()) EtcdResolver(spec, cluster, diagnostics).Resolve();
}

}  // namespace kplan
