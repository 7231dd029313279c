// The CA, profiles and certificates: cfssl's words, with what cfssl lets pass refused.

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/base/usages.h"
#include "src/model/names.h"
#include "src/model/resolve_internal.h"

namespace kplan {
namespace {

// The tutorial's (and cfssl's) defaults.
constexpr int64_t kCaExpirySeconds = int64_t{43800} * 3600;
constexpr int64_t kLeafExpirySeconds = int64_t{8760} * 3600;
// What must be left of a certificate's life before its renewal: it begins five minutes before it is made.
constexpr int64_t kShortestUse = 600;
constexpr char kDefaultProfile[] = "kubernetes";
constexpr int kDefaultRsaBits = 2048;

struct Profile {
  std::vector<std::string> usages;
  int64_t expiry_seconds = 0;
  int64_t renew_before_seconds = 0;
};

class PkiResolver {
 public:
  PkiResolver(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics)
      : spec_(spec), cluster_(*cluster), diagnostics_(diagnostics) {}

  void Resolve() {
    ResolveCa();
    ResolveProfiles();
    std::vector<const CertSpec*> sorted;
    for (const CertSpec& cert : spec_.certs) sorted.push_back(&cert);
    std::sort(sorted.begin(), sorted.end(),
              [](const CertSpec* a, const CertSpec* b) { return a->name.value < b->name.value; });
    size_t per_host =
        std::count_if(sorted.begin(), sorted.end(), [](const CertSpec* c) { return c->per.set(); });
    cluster_.certificates.reserve(per_host * cluster_.hosts.size() + sorted.size() - per_host);
    for (const CertSpec* cert : sorted) ResolveCert(*cert);
  }

 private:
  void ResolveCa() {
    CertificateAuthority& ca = cluster_.ca;
    if (!spec_.ca.range.known()) {
      if (!spec_.well_formed) return;
      diagnostics_->Error({}, "there is no CA", "write, for example,\n  ca:\n    CN: Kubernetes");
      return;
    }
    if (!spec_.ca.CN.set() && spec_.well_formed) {
      diagnostics_->Error(spec_.ca.range, "the CA has no CN", "give it a name, for example CN: Kubernetes");
    }
    ca.key = ResolveKey(spec_.ca.key);
    ca.subject = ResolveNames(spec_.ca.names);
    if (spec_.ca.CN.set()) {
      CheckField("CN", spec_.ca.CN.value, spec_.ca.CN.range);
      ca.subject.emplace_back("CN", spec_.ca.CN.value);
    }
    ca.expiry_seconds = ResolveExpiry(spec_.ca.expiry, kCaExpirySeconds);
    ca.renew_before_seconds = ResolveRenewBefore(spec_.ca.renew_before, ca.expiry_seconds);
  }

  int64_t ResolveExpiry(const Text& text, int64_t fallback) {
    if (!text.set()) return fallback;
    absl::StatusOr<int64_t> seconds = ParseExpiry(text.value);
    if (seconds.ok()) return *seconds;
    Report(seconds.status(), text.range, "expiry", diagnostics_);
    return fallback;
  }

  int64_t ResolveRenewBefore(const Text& text, int64_t expiry) {
    if (!text.set()) return 0;
    absl::StatusOr<int64_t> seconds = ParseExpiry(text.value);
    if (!seconds.ok()) {
      Report(seconds.status(), text.range, "renew-before", diagnostics_);
    } else if (*seconds > expiry - kShortestUse) {
      diagnostics_->Error(
          text.range,
          "renew-before is no shorter than the certificate's life, so that it would be made again and again",
          absl::StrCat("write at most ", (expiry - kShortestUse) / 60, "m, or a longer expiry"));
    } else {
      return *seconds;
    }
    return 0;
  }

  KeyKind ResolveKey(const KeySpec& spec) {
    KeyKind key;
    key.algo = spec.algo.set() ? spec.algo.value : "rsa";
    if (key.algo != "rsa" && key.algo != "ecdsa") {
      std::string help = DidYouMean(key.algo, {"rsa", "ecdsa"});
      diagnostics_->Error(spec.algo.range, absl::StrCat("there is no key algo ", Quote(key.algo)),
                          help.empty() ? "write rsa or ecdsa" : help);
      return {"rsa", kDefaultRsaBits};
    }
    bool rsa = key.algo == "rsa";
    key.size = rsa ? kDefaultRsaBits : 256;
    if (!spec.size.set()) return key;
    bool good = absl::SimpleAtoi(spec.size.value, &key.size) &&
                (rsa ? key.size >= 2048 && key.size <= 8192 && key.size % 64 == 0
                     : key.size == 256 || key.size == 384 || key.size == 521);
    if (!good) {
      diagnostics_->Error(spec.size.range,
                          absl::StrCat("there is no ", key.algo, " key of size ", Quote(spec.size.value)),
                          rsa ? "write 2048, 3072 or 4096 (up to 8192 bits, a multiple of 64)"
                              : "write 256, 384 or 521: the curves P-256, P-384 and P-521");
      key.size = rsa ? kDefaultRsaBits : 256;
    }
    return key;
  }

  void CheckField(absl::string_view field, absl::string_view value, Range range) {
    absl::Status status = CheckSubjectField(field, value);
    if (!status.ok()) Report(status, range, Quote(value), diagnostics_);
  }

  StringPairs ResolveNames(const std::vector<NameSpec>& names) {
    StringPairs subject;
    auto add = [&](absl::string_view field, const Text& text) {
      if (!text.set()) return;
      CheckField(field, text.value, text.range);
      subject.emplace_back(std::string(field), text.value);
    };
    for (const NameSpec& name : names) {
      add("C", name.C);
      add("ST", name.ST);
      add("L", name.L);
      add("O", name.O);
      add("OU", name.OU);
    }
    return subject;
  }

  void ResolveProfiles() {
    profiles_[kDefaultProfile] = {{"signing", "key encipherment", "server auth", "client auth"},
                                  kLeafExpirySeconds};
    for (const ProfileSpec& spec : spec_.profiles) {
      Profile profile;
      profile.expiry_seconds = ResolveExpiry(spec.expiry, kLeafExpirySeconds);
      profile.renew_before_seconds = ResolveRenewBefore(spec.renew_before, profile.expiry_seconds);
      for (const Text& usage : spec.usages) {
        if (FindUsage(usage.value) == nullptr) {
          std::vector<absl::string_view> all;
          for (const Usage& known : kUsages) all.push_back(known.name);
          std::string help = DidYouMean(usage.value, all);
          diagnostics_->Error(usage.range, absl::StrCat("there is no usage ", Quote(usage.value)),
                              help.empty()
                                  ? "cfssl's words: signing, key encipherment, server auth, client auth, ..."
                                  : help);
        } else if (usage.value == "cert sign" || usage.value == "crl sign") {
          diagnostics_->Error(
              usage.range,
              absl::StrCat("the usage ", Quote(usage.value), " is for CAs; a profile makes leaves"),
              "remove it");
        } else if (std::find(profile.usages.begin(), profile.usages.end(), usage.value) ==
                   profile.usages.end()) {
          profile.usages.push_back(usage.value);
        }
      }
      if (spec.usages.empty() && spec_.well_formed) {
        diagnostics_->Error(spec.name.range,
                            absl::StrCat("the profile ", Quote(spec.name.value), " has no usages"),
                            "for example usages: [signing, key encipherment, server auth, client auth]");
      }
      profiles_[spec.name.value] = std::move(profile);
    }
  }

  const Profile& FindProfile(const CertSpec& spec) {
    std::string name = spec.profile.set() ? spec.profile.value : kDefaultProfile;
    auto found = profiles_.find(name);
    if (found != profiles_.end()) return found->second;
    std::vector<absl::string_view> names;
    for (const auto& [known, profile] : profiles_) names.push_back(known);
    std::sort(names.begin(), names.end());
    std::string help = DidYouMean(name, names);
    diagnostics_->Error(
        spec.profile.range, absl::StrCat("there is no profile ", Quote(name)),
        help.empty() ? absl::StrCat("there are ", JoinAnd({names.begin(), names.end()})) : help);
    return profiles_[kDefaultProfile];
  }

  // $name and $address of HOST put in; both are known only where a certificate is made per host. A variable
  // ends where no letter, digit or "_" follows: "$namespace" is none. Empty when there is an unknown one.
  std::string Substitute(const Text& text, const Host* host, bool report) {
    std::string value;
    absl::string_view rest = text.value;
    bool address_missing = false;
    for (size_t dollar; (dollar = rest.find('$')) != absl::string_view::npos;) {
      absl::StrAppend(&value, rest.substr(0, dollar));
      rest.remove_prefix(dollar + 1);
      size_t length = 0;
      while (length < rest.size() && OnlyAlnumAnd(rest.substr(length, 1), "_")) ++length;
      absl::string_view variable = rest.substr(0, length);
      rest.remove_prefix(length);
      if (host != nullptr && variable == "name") {
        value += host->name;
      } else if (host != nullptr && variable == "address") {
        address_missing = host->address.empty();
        value += address_missing ? "0.0.0.0" : host->address;
      } else {
        if (report) {
          diagnostics_->Error(text.range, absl::StrCat("unknown variable in ", Quote(text.value)),
                              host != nullptr
                                  ? "there are $name and $address"
                                  : "$name and $address are known where a certificate is made `per: host`");
        }
        return std::string();
      }
    }
    if (address_missing && report) {
      diagnostics_->Error(text.range, absl::StrCat("$address: the host ", host->name, " has no address"),
                          "give it one, or remove $address");
    }
    return absl::StrCat(value, rest);
  }

  void CheckName(const CertSpec& spec) {
    const std::string& name = spec.name.value;
    if (!OnlyAlnumAnd(name, "._-") || name.size() > 64 || absl::StartsWith(name, ".") ||
        absl::StartsWith(name, "-")) {
      diagnostics_->Error(spec.name.range, absl::StrCat("a certificate cannot be called ", Quote(name)),
                          "its name becomes a file name: letters, digits, . _ and -, at most 64");
    } else if (name == "ca" || absl::EndsWith(name, "-key")) {
      diagnostics_->Error(
          spec.name.range,
          absl::StrCat("a certificate cannot be called ", Quote(name), ": its files would be ",
                       name == "ca" ? "the CA's" : "another one's key"),
          "give it another name; its CN can be anything");
    }
    for (const Host& host : cluster_.hosts) {
      if (host.name != name) continue;
      diagnostics_->Error(spec.name.range,
                          absl::StrCat("a certificate and a host are both called ", Quote(name)),
                          "give the certificate another name; its CN can be anything");
    }
  }

  void ResolveCert(const CertSpec& spec) {
    CheckName(spec);
    const Profile& profile = FindProfile(spec);
    auto kind = std::make_shared<LeafKind>();
    kind->spec_name = spec.name.value;
    kind->key = ResolveKey(spec.key);
    kind->names = ResolveNames(spec.names);
    kind->usages = profile.usages;
    kind->expiry_seconds = profile.expiry_seconds;
    kind->renew_before_seconds = profile.renew_before_seconds;
    bool per_host = spec.per.set();
    if (per_host && spec.per.value != "host") {
      diagnostics_->Error(spec.per.range, absl::StrCat("per: ", Quote(spec.per.value), " is not known"),
                          "write per: host");
    }
    size_t count = per_host ? cluster_.hosts.size() : 1;
    // What is wrong with the text is wrong for every host: it is said once. An address that is missing is
    // said for the first host that lacks it.
    bool report = true;
    for (size_t i = 0; i < count; ++i) {
      const Host* host = per_host ? &cluster_.hosts[i] : nullptr;
      LeafCertificate cert;
      cert.name = host != nullptr ? absl::StrCat(host->name, "/", spec.name.value) : spec.name.value;
      cert.host = host != nullptr ? static_cast<int>(i) : -1;
      cert.kind = kind;
      int errors_before = diagnostics_->error_count();
      cert.CN = spec.CN.set() ? Substitute(spec.CN, host, report) : spec.name.value;
      if (report && !cert.CN.empty())
        CheckField("CN", cert.CN, spec.CN.set() ? spec.CN.range : spec.name.range);
      ResolveSans(spec, host, report, &cert);
      if (SubjectOf(cert) == cluster_.ca.subject && report) {
        diagnostics_->Error(
            spec.name.range,
            absl::StrCat("the certificate ", Quote(spec.name.value),
                         " has the CA's own subject, so that no verifier could tell them apart"),
            "give it another CN or other names");
      }
      if (diagnostics_->error_count() > errors_before) report = false;
      cluster_.certificates.push_back(std::move(cert));
    }
  }

  void ResolveSans(const CertSpec& spec, const Host* host, bool report, LeafCertificate* cert) {
    cert->sans.reserve(spec.hosts.size());
    for (const Text& text : spec.hosts) {
      std::string value = Substitute(text, host, report);
      if (value.empty()) continue;
      auto san = ClassifySan(value);
      if (!san.ok()) {
        if (report) Report(san.status(), text.range, Quote(value), diagnostics_);
        continue;
      }
      if (std::find(cert->sans.begin(), cert->sans.end(), *san) == cert->sans.end())
        cert->sans.push_back(*std::move(san));
    }
  }

  const Spec& spec_;
  Cluster& cluster_;
  Diagnostics* diagnostics_;
  absl::flat_hash_map<std::string, Profile> profiles_;
};

}  // namespace

StringPairs SubjectOf(const LeafCertificate& cert) {
  StringPairs subject = cert.kind->names;
  if (!cert.CN.empty()) subject.emplace_back("CN", cert.CN);
  return subject;
}

void ResolvePki(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  PkiResolver(spec, cluster, diagnostics).Resolve();
}

}  // namespace kplan
