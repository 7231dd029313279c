// What proves that a service serves.

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/model/host_variables.h"
#include "src/model/pki_values.h"
#include "src/model/profiles.h"
#include "src/model/resolve_services_internal.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

constexpr int kLowestStatus = 100, kHighestStatus = 599;

class ChecksResolver {
 public:
  ChecksResolver(const ServiceContext& context, ServiceInstance* service)
      : context_(context),
        cluster_(context.cluster),
        diagnostics_(context.diagnostics),
        complete_(context.all.well_formed),
        service_(*service) {}

  void Resolve() {
    for (const CheckSpec& spec : context_.spec.checks) {
      if (!CheckKinds(spec)) continue;
      if (spec.systemd.set()) {
        CheckWord(spec.systemd, "systemd", {"active"}, diagnostics_);
        CheckManager(spec.systemd.range);
        Add(ServiceCheck::Kind::kSystemd, "");
      } else if (spec.tcp.set()) {
        ResolveTcp(spec.tcp);
      } else if (spec.https_range.known()) {
        ResolveHttps(spec);
      } else {
        ServiceCheck& check = Add(ServiceCheck::Kind::kExec, "");
        check.command = ResolveServiceCommand(context_, spec.exec, service_);
      }
    }
  }

 private:
  ServiceCheck& Add(ServiceCheck::Kind kind, absl::string_view target) {
    service_.checks.emplace_back();
    service_.checks.back().kind = kind;
    service_.checks.back().target = std::string(target);
    return service_.checks.back();
  }

  // Exactly one of the four.
  bool CheckKinds(const CheckSpec& spec) {
    std::vector<Range> kinds;
    for (Range range : {spec.systemd.range, spec.tcp.range, spec.https_range,
                        spec.exec.empty() ? Range() : spec.exec[0].range}) {
      if (range.known()) kinds.push_back(range);
    }
    if (kinds.size() == 1) return true;
    if (kinds.empty()) {
      if (complete_) {
        diagnostics_->Error(Code::kMissingKey, spec.range, "a check that asks for nothing",
                            "there are systemd, tcp, https and exec");
      }
      return false;
    }
    std::sort(kinds.begin(), kinds.end(), [](Range a, Range b) { return a.begin < b.begin; });
    diagnostics_
        ->Error(Code::kConflict, kinds[1], "a check is of one kind, and this one is of several",
                "write an entry of the list for each")
        .Relate(kinds[0], "the first is here");
    return false;
  }

  void CheckManager(Range range) {
    const Host* host = context_.host_of();
    if (host == nullptr || host->manager != ServiceManager::kProcess) return;
    diagnostics_
        ->Error(Code::kServiceManager, range,
                absl::StrCat("systemd is not asked on ", host->name, " (service-manager: process)"),
                "take tcp, https or exec; that it runs is seen to anyway")
        .Relate(PlaceOfHost(context_.all, host->name), "the host is here");
  }

  // TEXT with the host's $name and $address; empty, and an error, when that is not to be had. Where nobody
  // knows the host, with something in their place.
  std::string OfHost(const Text& text) {
    Host nobody;
    nobody.name = "host";
    const Host* host = context_.host_of();
    const HostVariables put = PutHostIn(text.value, host != nullptr ? host : &nobody, /*in_url=*/true);
    if (put.unknown) {
      ReportUnknownVariable(
          text,
          HostVariableMeant(text.value, absl::StrCat(kHostVariables, "; in a URL a dollar sign is %24")),
          diagnostics_);
    }
    if (put.address_missing && host != nullptr) ReportNoAddress(text, *host, context_.all, diagnostics_);
    return put.text;
  }

  void ResolveTcp(const Text& text) {
    const std::string target = OfHost(text);
    Add(ServiceCheck::Kind::kTcp, target);
    Url url;
    if (target.empty() || ParseUrl(absl::StrCat("https://", target), &url)) return;
    diagnostics_->Error(Code::kBadCheck, text.range, absl::StrCat(Quote(text.value), " is not HOST:PORT"),
                        "for example 127.0.0.1:8443, or [::1]:8443");
  }

  // The host of the https:// URL that TEXT is, as written; empty, and an error, when it is none.
  std::string HostOfUrl(const std::string& whole, const Text& text) {
    const std::optional<UrlParts> parts = SplitUrl(whole);
    std::string problem, help = "for example https://127.0.0.1:8443/metrics";
    if (!parts || parts->scheme != "https") {
      problem = "is no https:// URL";
      if (parts && parts->scheme == "http") help = "what is not served over TLS a tcp check can ask for";
    } else if (absl::StrContains(whole, '#')) {
      problem = "has a fragment (#), which no server sees";
    } else if (whole.find_first_of(" \"<>\\^`{|}") != std::string::npos ||
               std::any_of(whole.begin(), whole.end(),
                           [](char c) { return static_cast<unsigned char>(c) > 0x7e; })) {
      problem = "is no URL (RFC 3986)";
      help = "write spaces and the like as %20";
    } else if (parts->user) {
      problem = "has a user name or password, which everybody could read in the plan";
      help = "show a certificate: `cert`";
    }
    Url url;
    // A port that is not written is 443.
    if (problem.empty() &&
        !ParseUrl(absl::StrCat("https://", parts->host_port, parts->port.empty() ? ":443" : ""), &url))
      problem = "does not say host and port as a URL does";
    if (problem.empty()) return url.host;
    const bool secret = parts && parts->user;
    if (secret) diagnostics_->Hide(text.range);
    diagnostics_->Error(Code::kBadUrl, text.range,
                        absl::StrCat(secret ? "the URL" : Quote(text.value), " ", problem), help);
    return "";
  }

  void ResolveHttps(const CheckSpec& spec) {
    const std::string target = spec.url.set() ? OfHost(spec.url) : "";
    ServiceCheck& check = Add(ServiceCheck::Kind::kHttps, target);
    std::string host;
    if (!target.empty()) {
      host = HostOfUrl(target, spec.url);
    } else if (!spec.url.set() && complete_) {
      diagnostics_->Error(Code::kMissingKey, spec.https_range, "nobody says what is asked for",
                          "write url: https://HOST:PORT/PATH");
    }
    ResolveFrom(spec.from, host, &check);
    if (const Text& text = spec.status; text.set()) {
      if (!absl::SimpleAtoi(text.value, &check.status) || check.status < kLowestStatus ||
          check.status > kHighestStatus) {
        diagnostics_->Error(Code::kBadValue, text.range,
                            absl::StrCat("there is no HTTP status ", Quote(text.value)),
                            absl::StrCat("write ", kLowestStatus, " to ", kHighestStatus));
      }
    }
    if (spec.cert.set()) {
      check.cert = FindServiceCertificate(context_, spec.cert);
      if (check.cert >= 0) CheckCertificateUsage(context_, check.cert, spec.cert.range, "client auth");
    }
    if (spec.serves.set()) {
      check.serves = FindServiceCertificate(context_, spec.serves);
      if (check.serves >= 0) CheckServed(spec, check.serves, host);
    }
    check.ca = CaOf(spec, check);
    ResolveRefusals(spec, &check);
  }

  // HOST: of the URL. What is a machine's own address here is another machine.
  void ResolveFrom(const Text& from, const std::string& host, ServiceCheck* check) {
    CheckWord(from, "from", {"here", "host"}, diagnostics_);
    const Host* there = context_.host_of();
    const bool own = absl::StartsWith(host, "127.") || host == "::1" || host == "localhost";
    check->from_host = from.set() ? from.value == "host" : own && there != nullptr && there->ssh.set();
  }

  void CheckServed(const CheckSpec& spec, int serves, const std::string& host) {
    const int errors_before = diagnostics_->error_count();
    CheckCertificateUsage(context_, serves, spec.serves.range, "server auth");
    if (diagnostics_->error_count() > errors_before || host.empty()) return;
    const LeafCertificate& cert = cluster_.certificates[serves];
    const bool covers = std::any_of(cert.sans.begin(), cert.sans.end(),
                                    [&](const auto& san) { return SanCovers(san, host); });
    // What is wrong with its hosts has been said.
    if (covers || diagnostics_->has_errors()) return;
    diagnostics_
        ->Error(Code::kServiceCert, spec.serves.range,
                absl::StrCat("the certificate ", Quote(cert.name), " is not valid for ", host,
                             ", where it is asked for"),
                absl::StrCat("add ", host, " to its hosts, or ask at a name that it has"))
        .Relate(spec.url.range, "the URL is here");
  }

  // Who signs what is served; -1, and an error, when nobody can tell.
  int CaOf(const CheckSpec& spec, const ServiceCheck& check) {
    const int signer = check.serves >= 0 ? cluster_.certificates[check.serves].kind->ca : -1;
    if (spec.ca.set()) {
      const int ca = FindCa(cluster_, spec.ca);
      if (ca < 0) {
        if (!context_.all.knows_cas) return -1;
        diagnostics_->Error(
            Code::kUnknownName, spec.ca.range, absl::StrCat("there is no CA ", Quote(spec.ca.value)),
            MeantAmong(
                *diagnostics_, spec.ca.value, [&] { return CaNames(context_.all); }, "write it under `cas`"));
        return -1;
      }
      // One above it will do: what is served comes with the chain.
      int above = signer;
      while (above >= 0 && above != ca) above = cluster_.cas[above].issuer;
      if (signer >= 0 && above != ca) {
        diagnostics_
            ->Error(Code::kServiceCert, spec.ca.range,
                    absl::StrCat("the CA ", Quote(spec.ca.value), " did not sign ", Quote(spec.serves.value),
                                 ": ", Quote(cluster_.cas[signer].name), " does"),
                    Remedy(absl::StrCat("write ca: ", cluster_.cas[signer].name, ", or leave it out"),
                           cluster_.cas[signer].name))
            .Relate(spec.serves.range, "what has to be served is here");
      }
      return ca;
    }
    if (signer >= 0) return signer;
    if (check.cert >= 0) return cluster_.certificates[check.cert].kind->ca;
    if (cluster_.cas.size() == 1) return 0;
    // A name that is unknown has been said.
    if (!complete_ || spec.serves.set() || spec.cert.set()) return -1;
    if (cluster_.cas.empty()) {
      diagnostics_->Error(Code::kMissingKey, spec.https_range,
                          "there is no CA that could have signed what is served",
                          "write a `ca`; one that is there already has `cert:` with its file");
    } else {
      diagnostics_->Error(Code::kAmbiguous, spec.https_range,
                          absl::StrCat("there are ", cluster_.cas.size(), " CAs: who signs what is served?"),
                          absl::StrCat("for example ca: ", cluster_.cas[0].name));
    }
    return -1;
  }

  void ResolveRefusals(const CheckSpec& spec, ServiceCheck* check) {
    for (const Text& refusal : spec.refuse)
      CheckWord(refusal, "refuse", {"no-cert", "wrong-ca", "plaintext"}, diagnostics_);
    for (absl::string_view kind : {"no-cert", "wrong-ca", "plaintext"}) {
      auto asked = std::find_if(spec.refuse.begin(), spec.refuse.end(),
                                [&](const Text& text) { return text.value == kind; });
      if (asked == spec.refuse.end()) continue;
      check->refuse.emplace_back(kind);
      if (kind == "plaintext" || spec.cert.set() || !complete_) continue;
      diagnostics_->Error(
          Code::kBadCheck, asked->range,
          absl::StrCat(kind, " is refused by who asks for certificates, and this check shows none"),
          "write cert: NAME, one that gets in");
    }
  }

  const ServiceContext& context_;
  const Cluster& cluster_;
  Diagnostics* diagnostics_;
  const bool complete_;
  ServiceInstance& service_;
};

}  // namespace

void ResolveServiceChecks(const ServiceContext& context, ServiceInstance* service) {
  ChecksResolver(context, service).Resolve();
}

}  // namespace kplan
