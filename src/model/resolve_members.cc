// The members of a cluster: where each listens, what each shows, and what they are told once, at their first
// start. With values of one host each that nobody has to write: a host's name and address say all.

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/pki/names.h"
#include "src/spec/variables.h"

namespace kplan {
namespace {

constexpr char kLocalhost[] = "127.0.0.1";

// NAME=VALUE as a line of a systemd EnvironmentFile (systemd.exec(5)): quoted where it has to be, and inside
// quotes a backslash before what a POSIX shell would take for something else.
std::string EnvironmentLine(absl::string_view name, absl::string_view value) {
  if (OnlyAlnumAnd(value, "._-:/=,[]")) return absl::StrCat(name, "=", value, "\n");
  std::string quoted;
  for (char c : value) {
    if (absl::StrContains("\"\\`$", c)) quoted += '\\';
    quoted += c;
  }
  return absl::StrCat(name, "=\"", quoted, "\"\n");
}

class MembersResolver {
 public:
  MembersResolver(const EtcdContext& context, const std::vector<int>& hosts,
                  const std::vector<const Text*>& names)
      : context_(context),
        hosts_(hosts),
        names_(names),
        cluster_(context.cluster),
        etcd_(context.etcd),
        diagnostics_(context.diagnostics) {}

  void Resolve() {
    const bool reachable = CheckMemberHosts(context_, hosts_, names_, &urls_);
    ResolveArchives();
    ResolveCertificates();
    CheckUrlsForAll();
    std::set<size_t> said;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      AddMember(i);
      CheckListening(context_, i, urls_[i], &said);
    }
    // With an error in what they are made from, what is missing would be said twice.
    const bool good = reachable && !diagnostics_->has_errors();
    if (good) CheckCertificates();
    ResolveBootstrap();
    for (size_t i = 0; i < hosts_.size(); ++i) {
      if (found_certificates_) ResolveArguments(i);
      ResolveMemberUnit(context_, /*report=*/i == 0, &etcd_.members[i]);
    }
    if (hosts_.size() == 2) {
      diagnostics_->Warning(Code::kQuorum, names_[1]->range,
                            "an etcd of two members stops when either of them is down",
                            "take one member, or three, which bear the loss of one");
    }
  }

 private:
  const Host& HostOf(size_t member) const { return cluster_.hosts[hosts_[member]]; }

  void ResolveArchives() {
    std::vector<std::string> archs;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      if (std::find(archs.begin(), archs.end(), HostOf(i).arch) == archs.end())
        archs.push_back(HostOf(i).arch);
    }
    const ArchiveSpec& spec = context_.spec.archive;
    if (archs.size() > 1) {
      std::vector<const Text*> ones = {&spec.url, &spec.path, &spec.sha256};
      for (const Text& mirror : spec.mirrors) ones.push_back(&mirror);
      for (const Text* one : ones) {
        // Behind a folder comes each one's own name.
        const bool is_url = one != &spec.path && one != &spec.sha256;
        if (!one->set() || (is_url && absl::EndsWith(one->value, "/"))) continue;
        diagnostics_->Error(
            Code::kConflict, one->range,
            absl::StrCat("one archive is not for both ", archs[0], " and ", archs[1],
                         ", which the members have"),
            one == &spec.sha256
                ? absl::StrCat("write one for each: sha256: {", archs[0], ": ..., ", archs[1], ": ...}")
            : is_url
                ? "name the folder of both, with a / at its end, or remove it: each is then taken from GitHub"
                : "remove it: the releases of each architecture are then taken from GitHub");
        return;
      }
    }
    for (const std::string& arch : archs) {
      // What is wrong with the text is wrong for every architecture, but for a digest that is missing.
      const int errors_before = diagnostics_->error_count();
      etcd_.archives.push_back(
          ResolveEtcdArchive(context_.spec, context_.version, arch, context_.all.well_formed, diagnostics_));
      if (diagnostics_->error_count() > errors_before) return;
    }
    for (size_t i = 0; i < hosts_.size(); ++i) {
      auto arch = std::find(archs.begin(), archs.end(), HostOf(i).arch);
      archive_of_.push_back(static_cast<int>(arch - archs.begin()));
    }
  }

  // The name of a certificate for one purpose, as it is written: `cert` is for all.
  const Text& Named(const Text& purpose) const {
    return context_.spec.tls.range.known() ? purpose : context_.spec.cert;
  }

  // WHAT is the key in `etcd.tls`.
  bool IsNamed(const Text& purpose, absl::string_view what) {
    if (Named(purpose).set()) return true;
    if (context_.spec.tls.range.known() && context_.all.well_formed) {
      diagnostics_->Error(Code::kMissingKey, context_.spec.tls.range,
                          absl::StrCat(context_.Key(), ".tls has no ", what),
                          "it has all three: tls: {server: server, peer: peer, client: root}");
    }
    return false;
  }

  void ResolveCertificates() {
    const EtcdTlsSpec& tls = context_.spec.tls;
    const bool server = IsNamed(tls.server, "server"), peer = IsNamed(tls.peer, "peer"),
               client = IsNamed(tls.client, "client");
    if (!server || !peer || !client) return;
    found_certificates_ = true;
    for (size_t i = 0; i < hosts_.size() && found_certificates_; ++i) {
      servers_.push_back(FindCertificate(context_, Named(tls.server), hosts_[i]));
      // One name for everything is said to be missing once.
      const bool found = servers_.back() >= 0;
      peers_.push_back(tls.range.known() ? FindCertificate(context_, tls.peer, hosts_[i]) : servers_.back());
      found_certificates_ = found && peers_.back() >= 0;
    }
    // The first member's own where it is made per host: it is asked with here, not there.
    const int first = *std::min_element(hosts_.begin(), hosts_.end());
    if (tls.range.known() || found_certificates_)
      etcd_.client_cert = FindCertificate(context_, Named(tls.client), first);
    found_certificates_ = found_certificates_ && etcd_.client_cert >= 0;
  }

  // Flags with addresses that one value for all members has to fit.
  void CheckUrlsForAll() {
    if (hosts_.size() == 1) return;
    for (const char* name : {"listen-metrics-urls", "listen-client-http-urls"}) {
      const auto written = std::find_if(context_.spec.flags.begin(), context_.spec.flags.end(),
                                        [&](const auto& pair) { return pair.first.value == name; });
      // With a variable it is each one's own.
      const bool one_value =
          written != context_.spec.flags.end() && FindVariable(written->second.value).empty();
      const Text* flag = one_value && context_.Flag(name) != nullptr ? &written->second : nullptr;
      if (flag == nullptr) continue;
      for (absl::string_view text : absl::StrSplit(flag->value, ',')) {
        Url url;
        std::string ip;
        if (!ParseUrl(text, &url) || url.host == "localhost") continue;
        bool everywhere = ParseIpAddress(url.host, &ip) &&
                          (ip == "0.0.0.0" || ip == "::" || ip == "::1" || absl::StartsWith(ip, "127."));
        if (everywhere) continue;
        diagnostics_->Error(
            Code::kEtcdFlagValue, flag->range,
            absl::StrCat("the flag ", name, ": ", Quote(url.host), " is not an address of every member"),
            "write $address, 0.0.0.0 or 127.0.0.1");
        break;
      }
    }
  }

  void AddMember(size_t i) {
    EtcdMember member;
    member.host = hosts_[i];
    member.name = HostOf(i).name;
    if (!archive_of_.empty()) member.archive = archive_of_[i];
    if (found_certificates_) {
      member.cert = servers_[i];
      member.peer_cert = peers_[i];
    }
    const MemberUrls& urls = urls_[i];
    member.client_urls = urls.advertise;
    member.peer_urls = urls.peer_advertise;
    std::sort(member.client_urls.begin(), member.client_urls.end());
    std::sort(member.peer_urls.begin(), member.peer_urls.end());
    if (!urls.advertise.empty()) member.probe = urls.advertise[0];
    if (!urls.peer_advertise.empty()) member.peer_probe = urls.peer_advertise[0];
    if (HostOf(i).arch == "arm64" && context_.version.minor == 4)
      member.environment.push_back("ETCD_UNSUPPORTED_ARCH=arm64");
    etcd_.members.push_back(std::move(member));
  }

  // What is asked of the certificates, of each kind once; what is asked of those of a host, of each.
  void CheckCertificates() {
    if (!found_certificates_) return;
    const EtcdTlsSpec& tls = context_.spec.tls;
    const LeafCertificate& server = cluster_.certificates[servers_[0]];
    const LeafCertificate& peer = cluster_.certificates[peers_[0]];
    const LeafCertificate& client = cluster_.certificates[etcd_.client_cert];
    // etcd shows the server's certificate to itself as a client's, through its gateway (etcd v3.4,
    // embed/serve.go), and a peer is the others' client.
    CheckEtcdCert(context_, server, Named(tls.server).range, {"server auth", "client auth"});
    if (peer.kind != server.kind)
      CheckEtcdCert(context_, peer, Named(tls.peer).range, {"server auth", "client auth"});
    if (client.kind != server.kind && client.kind != peer.kind)
      CheckEtcdCert(context_, client, Named(tls.client).range, {"client auth"});
    CheckKeyKinds(context_, {&server, &peer, &client},
                  tls.range.known() ? tls.range : context_.spec.cert.range);
    if (!server.kind->is_ca)
      CheckCoverage(servers_, Named(tls.server), &MemberUrls::advertise, "where clients reach it");
    // One certificate for both is said to lack an address once, where both are the same.
    if (!peer.kind->is_ca && (peer.kind != server.kind || !diagnostics_->has_errors()))
      CheckCoverage(peers_, Named(tls.peer), &MemberUrls::peer_advertise, "where the other members reach it");
    if (client.kind->ca != server.kind->ca) {
      diagnostics_
          ->Error(
              Code::kEtcdCert, tls.client.range,
              absl::StrCat("the CA ", Quote(cluster_.cas[client.kind->ca].name), " signs ",
                           Quote(client.kind->spec_name), ", and members trust as clients what ",
                           Quote(cluster_.cas[server.kind->ca].name), " signs, as ",
                           Quote(server.kind->spec_name)),
              "let one CA sign both: etcd's gateway is a client of its own server, and shows the server's")
          .Relate(PlaceOfCert(context_, client), "it is here");
    }
    if (peer.kind->ca != server.kind->ca) CheckPeerCaFile(server, peer);
  }

  // The CA of the peers gets a file of its own on each host, beside the certificates.
  void CheckPeerCaFile(const LeafCertificate& server, const LeafCertificate& peer) {
    for (const LeafCertificate* cert : {&server, &peer}) {
      if (absl::StrCat(cert->kind->spec_name, ".pem") != paths::on_host::kPeerCaName) continue;
      diagnostics_->Error(Code::kNameTaken, PlaceOfCert(context_, *cert),
                          absl::StrCat(etcd_.folders.Config(paths::on_host::kPeerCaName),
                                       " is the CA of the peers, so no certificate of etcd's can be called ",
                                       Quote(cert->kind->spec_name)),
                          "give it another name");
      return;
    }
  }

  // CERTS are those of the members, NAME as it is written, WHERE for the message.
  void CheckCoverage(const std::vector<int>& certs, const Text& name,
                     std::vector<std::string> MemberUrls::*advertised, absl::string_view where) {
    std::vector<std::string> missing;
    bool all_addresses = true;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      for (const std::string& url : urls_[i].*advertised) {
        const std::string host = HostOfUrl(url);
        if (IsValidFor(cluster_.certificates[certs[i]], host)) continue;
        missing.push_back(absl::StrCat(host, " (", HostOf(i).name, ")"));
        const MemberSpec& own = WrittenMember(context_, hosts_[i]);
        all_addresses = all_addresses && own.advertise.empty() && own.peer_advertise.empty();
      }
    }
    if (missing.empty()) return;
    const LeafCertificate& cert = cluster_.certificates[certs[0]];
    const bool per_host = cert.host >= 0;
    diagnostics_
        ->Error(Code::kEtcdCert, name.range,
                absl::StrCat("the certificate ", Quote(cert.kind->spec_name), " is not valid for ",
                             JoinAnd(missing), ", ", where),
                !all_addresses ? "add them to its hosts"
                : per_host     ? "add $address to its hosts"
                               : "add the addresses to its hosts, or make it `per: host` with $address there")
        .Relate(PlaceOfCert(context_, cert), "it is here");
  }

  void ResolveBootstrap() {
    std::vector<std::string> entries;
    for (const EtcdMember& member : etcd_.members) {
      for (const std::string& url : member.peer_urls) entries.push_back(absl::StrCat(member.name, "=", url));
    }
    // The order of `members` is nobody's concern at the first start.
    std::sort(entries.begin(), entries.end());
    const Text* state = context_.Flag("initial-cluster-state");
    etcd_.initial_state = state == nullptr ? "new" : state->value;
    std::string text = absl::StrCat(EnvironmentLine("ETCD_INITIAL_CLUSTER", absl::StrJoin(entries, ",")),
                                    EnvironmentLine("ETCD_INITIAL_CLUSTER_STATE", etcd_.initial_state),
                                    EnvironmentLine("ETCD_INITIAL_CLUSTER_TOKEN", etcd_.token));
    for (EtcdMember& member : etcd_.members) member.bootstrap = text;
  }

  // The tutorial's flags in the tutorial's order and form, those of peers after those of clients, then the
  // others by name.
  void ResolveArguments(size_t i) {
    EtcdMember* member = &etcd_.members[i];
    const LeafCertificate& server = cluster_.certificates[member->cert];
    const LeafCertificate& peer = cluster_.certificates[member->peer_cert];
    const Host& host = cluster_.hosts[member->host];
    const CertificateAuthority& ca = cluster_.cas[server.kind->ca];
    const CertificateAuthority& peer_ca = cluster_.cas[peer.kind->ca];
    const bool one_ca = server.kind->ca == peer.kind->ca;
    const EtcdFolders& folders = etcd_.folders;
    const std::string local = HttpsUrl(kLocalhost, etcd_.client_port);
    const auto listed = [](const std::vector<std::string>& urls) { return absl::StrJoin(urls, ","); };
    std::vector<std::string> listen = urls_[i].listen;
    // For who is on the machine. The hosts that are folders of one machine share that address.
    if (WrittenMember(context_, member->host).listen.empty() && host.root == "/" &&
        listen != std::vector<std::string>{local} && IsValidFor(server, kLocalhost)) {
      listen.push_back(local);
    }
    member->answers = AnswersAt(listen, member->probe);
    member->peer_answers = AnswersAt(urls_[i].peer_listen, member->peer_probe);
    member->arguments = {
        {"", folders.Program("etcd")},
        {"--client-cert-auth", ""},
        {"--name", ""},
        {member->name, ""},
        {"--cert-file=", folders.Config(absl::StrCat(server.kind->spec_name, ".pem"))},
        {"--key-file=", folders.Config(absl::StrCat(server.kind->spec_name, "-key.pem"))},
        {"--trusted-ca-file=", folders.Config("ca.pem")},
        {"--peer-client-cert-auth", ""},
        {"--peer-cert-file=", folders.Config(absl::StrCat(peer.kind->spec_name, ".pem"))},
        {"--peer-key-file=", folders.Config(absl::StrCat(peer.kind->spec_name, "-key.pem"))},
        {"--peer-trusted-ca-file=", folders.Config(one_ca ? "ca.pem" : paths::on_host::kPeerCaName)},
        {"--listen-client-urls", ""},
        {listed(listen), ""},
        {"--advertise-client-urls", ""},
        {listed(member->client_urls), ""},
        {"--listen-peer-urls", ""},
        {listed(urls_[i].peer_listen), ""},
        {"--initial-advertise-peer-urls", ""},
        {listed(member->peer_urls), ""},
        {"--data-dir=", folders.data},
    };
    if (!folders.wal.empty()) member->arguments.emplace_back("--wal-dir=", folders.Log());
    if (ca.crl_expiry_seconds != 0 && context_.Flag("client-crl-file", i) == nullptr)
      member->arguments.emplace_back("--client-crl-file=", folders.Config(paths::on_host::kCrlName));
    if (peer_ca.crl_expiry_seconds != 0 && context_.Flag("peer-crl-file", i) == nullptr) {
      member->arguments.emplace_back(
          "--peer-crl-file=",
          folders.Config(one_ca ? paths::on_host::kCrlName : paths::on_host::kPeerCrlName));
    }
    AppendFlags(context_, i, {"initial-cluster-state"}, &member->arguments);
  }

  const EtcdContext& context_;
  const std::vector<int>& hosts_;
  const std::vector<const Text*>& names_;
  Cluster& cluster_;
  Etcd& etcd_;
  Diagnostics* diagnostics_;
  // One a member, as hosts_. Empty, where there is an error.
  std::vector<MemberUrls> urls_;
  std::vector<int> archive_of_, servers_, peers_;
  bool found_certificates_ = false;
};

}  // namespace

void ResolveClusterMembers(const EtcdContext& context, const std::vector<int>& hosts,
                           const std::vector<const Text*>& names) {
  MembersResolver(context, hosts, names).Resolve();
}

}  // namespace kplan
