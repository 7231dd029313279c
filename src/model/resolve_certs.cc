// The certificates: cfssl's words, with what cfssl lets pass refused.

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/distinct_pairs.h"
#include "src/model/host_variables.h"
#include "src/model/pki_values.h"
#include "src/model/profiles.h"
#include "src/model/resolve_internal.h"
#include "src/pki/name_constraint_rules.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

constexpr int kHighestGeneration = 1000000;
// Of all certificates that are made per host, together: a short text must not multiply without end.
constexpr size_t kMostPerHost = 250'000, kMostNamesPerHost = 1'000'000;

class CertResolver {
 public:
  CertResolver(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics)
      : spec_(spec),
        cluster_(*cluster),
        diagnostics_(diagnostics),
        values_(diagnostics, spec.well_formed),
        profiles_(spec, diagnostics) {
    for (const Host& host : cluster_.hosts) host_names_.insert(host.name);
    for (size_t i = 0; i < cluster_.cas.size(); ++i) {
      const CertificateAuthority& ca = cluster_.cas[i];
      ca_names_.insert(ca.name);
      if (!ca.subject.empty()) ca_of_subject_.try_emplace(ca.subject, static_cast<int>(i));
      const bool constrained = !ca.permitted.empty() || !ca.excluded.empty();
      rules_.push_back(constrained ? std::make_unique<NameConstraintRules>(ca.permitted, ca.excluded)
                                   : nullptr);
    }
  }

  void Resolve() {
    std::vector<const CertSpec*> sorted;
    for (const CertSpec& cert : spec_.certs) sorted.push_back(&cert);
    std::sort(sorted.begin(), sorted.end(),
              [](const CertSpec* a, const CertSpec* b) { return a->name.value < b->name.value; });
    size_t per_host =
        std::count_if(sorted.begin(), sorted.end(), [](const CertSpec* c) { return c->per.set(); });
    cluster_.certificates.reserve(std::min(per_host * cluster_.hosts.size(), kMostPerHost) + sorted.size() -
                                  per_host);
    for (const CertSpec* cert : sorted) ResolveCert(*cert);
  }

 private:
  // TEXT with $name and $address of HOST, which are known only where a certificate is made per host. Empty
  // when there is an unknown one.
  std::string Substitute(const Text& text, const Host* host, bool report) {
    const HostVariables put = PutHostIn(text.value, host);
    // `per` may be what could not be read.
    if (put.unknown && report && (host != nullptr || spec_.well_formed)) {
      ReportUnknownVariable(text,
                            host != nullptr
                                ? HostVariableMeant(text.value, kHostVariables)
                                : "$name and $address are known where a certificate is made `per: host`",
                            diagnostics_);
    }
    if (put.address_missing && report) ReportNoAddress(text, *host, spec_, diagnostics_);
    return put.text;
  }

  void CheckName(const CertSpec& spec) {
    const std::string& name = spec.name.value;
    if (!IsFileName(name)) {
      diagnostics_->Error(Code::kBadName, spec.name.range,
                          absl::StrCat("a certificate cannot be called ", Quote(name)),
                          "its name becomes a file name: letters, digits, . _ and -, at most 64");
    } else if (name == "ca" || IsNameOfAnothersFile(name)) {
      diagnostics_->Error(Code::kNameTaken, spec.name.range,
                          absl::StrCat("a certificate cannot be called ", Quote(name),
                                       ": its files would be ", name == "ca" ? "the CA's" : "another one's"),
                          "give it another name; its CN can be anything");
    }
    if (const CertificateAuthority* ca = WhoseGenerationIs(cluster_, name); ca != nullptr) {
      diagnostics_
          ->Error(Code::kNameTaken, spec.name.range,
                  absl::StrCat("a certificate cannot be called ", Quote(name),
                               ": its files would be those of the CA ", Quote(ca->name),
                               " and its key-generation"),
                  "give it another name; its CN can be anything")
          .Relate(FindCaSpec(spec_, ca->name)->key_generation.range, "that is written here");
    }
    auto taken = [&](absl::string_view what, Range other) {
      diagnostics_
          ->Error(Code::kNameTaken, spec.name.range,
                  absl::StrCat("a certificate and a ", what, " are both called ", Quote(name)),
                  "give the certificate another name; its CN can be anything")
          .Relate(other, absl::StrCat("the ", what, " is here"));
    };
    if (host_names_.contains(name)) taken("host", PlaceOfHost(spec_, name));
    if (ca_names_.contains(name) && name != "ca") taken("CA", PlaceOfCa(spec_, name));
  }

  // Who signs SPEC: index into Cluster::cas; -1, reported, when that cannot be told.
  int CaOf(const CertSpec& spec) {
    int ca = FindCa(cluster_, spec.ca);
    if (ca >= 0 || !spec_.knows_cas) return ca;
    if (spec.ca.set()) {
      diagnostics_->Error(
          Code::kUnknownName, spec.ca.range, absl::StrCat("there is no CA ", Quote(spec.ca.value)),
          MeantAmong(
              *diagnostics_, spec.ca.value, [&] { return CaNames(spec_); }, "write it under `cas`"));
    } else if (spec_.well_formed) {
      diagnostics_->Error(
          Code::kAmbiguous, spec.name.range,
          absl::StrCat("there are ", cluster_.cas.size(), " CAs: who signs ", Quote(spec.name.value), "?"),
          absl::StrCat("for example ca: ", cluster_.cas[0].name));
    }
    return -1;
  }

  std::vector<std::string> UsagesOf(const CertSpec& spec, const Profile& profile, const KeyKind& key) {
    std::vector<std::string> usages = profiles_.UsagesFor(profile, key.algo);
    if (usages.empty() && !profile.usages.empty()) {
      Range range = spec.key.algo.set() ? spec.key.algo.range : spec.name.range;
      diagnostics_
          ->Error(Code::kKeyKind, range,
                  absl::StrCat("an ", key.algo, " key can be used for nothing that the profile ",
                               Quote(profile.name), " is for"),
                  "take another profile, or an rsa key")
          .Relate(profile.place, "the profile is here");
    }
    return usages;
  }

  void ResolveFiles(const CertSpec& spec, LeafKind* kind) {
    for (const Text& file : spec.files) {
      if (file.value == "chain") {
        kind->chain = true;
      } else if (file.value == "bundle") {
        kind->bundle = true;
      } else {
        diagnostics_->Error(Code::kUnknownValue, file.range,
                            absl::StrCat("there is no file ", Quote(file.value)),
                            MeantOr(file.value, {"chain", "bundle"}, "there are chain and bundle"));
      }
    }
    kind->pkcs12 = spec.pkcs12_range.known();
    if (!kind->pkcs12) return;
    kind->pkcs12_passphrase = values_.ResolvePassphrase(spec.pkcs12);
    if (!spec.pkcs12.set() && spec_.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec.pkcs12_range, "a PKCS#12 file needs a passphrase",
                          "write pkcs12: {passphrase-file: FILE}, or passphrase-env: NAME");
    }
  }

  int GenerationOf(const CertSpec& spec) {
    int generation = 1;
    if (!spec.key_generation.set()) return generation;
    if (absl::SimpleAtoi(spec.key_generation.value, &generation) && generation >= 1 &&
        generation <= kHighestGeneration) {
      return generation;
    }
    diagnostics_->Error(Code::kBadValue, spec.key_generation.range,
                        absl::StrCat("there is no key-generation ", Quote(spec.key_generation.value)),
                        "write 2 to have the first key replaced, then 3, and so on");
    return 1;
  }

  std::shared_ptr<const LeafKind> KindOf(const CertSpec& spec, int ca) {
    const Profile& profile = profiles_.Of(spec);
    auto kind = std::make_shared<LeafKind>();
    kind->spec_name = spec.name.value;
    kind->place = spec.name.range;
    kind->ca = std::max(ca, 0);
    kind->key = values_.ResolveKey(spec.key);
    kind->key_generation = GenerationOf(spec);
    kind->names = values_.ResolveNames(spec.names);
    kind->usages = UsagesOf(spec, profile, kind->key);
    kind->life = profile.life;
    kind->is_ca = profile.is_ca;
    kind->max_path_length = profile.max_path_length;
    kind->urls = profile.urls;
    ResolveFiles(spec, kind.get());
    if (!kind->is_ca) return kind;
    if (!spec.hosts.empty()) {
      diagnostics_
          ->Error(Code::kConflict, spec.hosts[0].range,
                  absl::StrCat("the profile ", Quote(profile.name), " makes CAs, and a CA has no hosts"),
                  "remove `hosts`, or take another profile")
          .Relate(profile.ca_place, "it is said here");
    }
    if (ca >= 0 && CasAllowedBelow(cluster_, ca) == 0) {
      diagnostics_
          ->Error(Code::kCaChain, spec.name.range,
                  absl::StrCat("no CA may be below ", Quote(cluster_.cas[ca].name),
                               ": its max_path_len, or one above it, says so"),
                  "give that a larger one, or take a profile that makes no CAs")
          .Relate(PlaceOfPathLength(spec_, cluster_, ca), "it is said here");
    }
    return kind;
  }

  void ResolveCert(const CertSpec& spec) {
    CheckName(spec);
    int ca = CaOf(spec);
    std::shared_ptr<const LeafKind> kind = KindOf(spec, ca);
    bool per_host = spec.per.set();
    if (per_host && spec.per.value != "host") {
      diagnostics_->Error(Code::kUnknownValue, spec.per.range,
                          absl::StrCat("per: ", Quote(spec.per.value), " is not known"),
                          Remedy("write per: host", "host"));
    }
    if (per_host && cluster_.hosts.empty() && spec_.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec.per.range, "per: host, and there are no hosts",
                          "write, for this machine,\n  hosts:\n    worker: {}");
    }
    if (per_host && !MayMultiply(spec)) return;
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
        values_.CheckField("CN", cert.CN, spec.CN.set() ? spec.CN.range : spec.name.range);
      ResolveSans(spec, host, report, &cert);
      if (report && ca >= 0) CheckAgainstCas(spec, cert, ca);
      if (diagnostics_->error_count() > errors_before) report = false;
      cluster_.certificates.push_back(std::move(cert));
    }
  }

  // Whether SPEC can be made for every host; what it comes to is added up.
  bool MayMultiply(const CertSpec& spec) {
    per_host_ += cluster_.hosts.size();
    names_per_host_ += cluster_.hosts.size() * spec.hosts.size();
    if (per_host_ <= kMostPerHost && names_per_host_ <= kMostNamesPerHost) return true;
    diagnostics_->Error(Code::kTooLarge, spec.per.range,
                        absl::StrCat("with this one, ", per_host_, " certificates with ", names_per_host_,
                                     " names are made per host; at most ", kMostPerHost, " with ",
                                     kMostNamesPerHost, " names are"),
                        "write a cluster.yaml for each part of the hosts");
    return false;
  }

  void ResolveSans(const CertSpec& spec, const Host* host, bool report, LeafCertificate* cert) {
    DistinctPairs distinct(&cert->sans, spec.hosts.size());
    for (const Text& text : spec.hosts) {
      std::string value = Substitute(text, host, report);
      if (value.empty()) continue;
      auto san = ClassifySan(value);
      if (!san.ok()) {
        if (report) {
          Diagnostic& error = Report(Code::kBadHost, san.status(), text.range, Quote(value), diagnostics_);
          // The text is for every host, and what is proposed is one host's.
          if (value != text.value) error.Unfix("correct what stands beside its variables");
        }
        continue;
      }
      if (!distinct.Add(*std::move(san))) continue;
      if (!report) continue;
      const int errors_before = diagnostics_->error_count();
      CheckConstraints({cert->sans.back()}, "", text.range, cert->kind->ca);
      if (diagnostics_->error_count() == errors_before) WarnOfUrl(cert->sans.back(), text, value);
    }
  }

  // Whether every CA from CA upwards lets a certificate with these names be.
  void CheckConstraints(const StringPairs& sans, absl::string_view CN, Range range, int ca) {
    // What could not be read may be what permits them.
    if (!spec_.well_formed) return;
    for (; ca >= 0 && static_cast<size_t>(ca) < cluster_.cas.size(); ca = cluster_.cas[ca].issuer) {
      const CertificateAuthority& it = cluster_.cas[ca];
      if (rules_[ca] == nullptr) continue;
      absl::Status status = rules_[ca]->Check(sans, CN);
      if (status.ok()) continue;
      Report(Code::kNameConstraint, status, range, absl::StrCat("the CA ", Quote(it.name)), diagnostics_)
          .Relate(PlaceOfConstraints(it.name), "its name-constraints are here");
    }
  }

  // A URI is good as it is, but nobody who connects to a host looks for one.
  void WarnOfUrl(const std::pair<std::string, std::string>& san, const Text& text, absl::string_view value) {
    absl::Status status = CheckUriIsMeant(san);
    if (status.ok()) return;
    Diagnostic& warning = ReportWarning(Code::kBadHost, status, text.range, Quote(value), diagnostics_);
    if (value != text.value) warning.Unfix("write the name or address alone");
  }

  Range PlaceOfConstraints(absl::string_view ca) const {
    const CaSpec* written = FindCaSpec(spec_, ca);
    return written == nullptr ? Range() : written->name_constraints;
  }

  // Not an error: it depends on who verifies.
  void WarnOfOldGo(const CertSpec& spec, const LeafCertificate& cert, int ca) {
    for (; ca >= 0; ca = cluster_.cas[ca].issuer) {
      const CertificateAuthority& it = cluster_.cas[ca];
      if (it.permitted.empty() && it.excluded.empty()) continue;
      absl::Status status = CheckSanForOldGo(cert.sans, cert.CN);
      if (status.ok()) return;
      ReportWarning(Code::kNoSan, status, spec.name.range,
                    absl::StrCat("the certificate ", Quote(spec.name.value)), diagnostics_)
          .Relate(PlaceOfConstraints(it.name), "the name-constraints are here");
      return;
    }
  }

  void CheckAgainstCas(const CertSpec& spec, const LeafCertificate& cert, int ca) {
    bool has_dns = absl::c_any_of(cert.sans, [](const auto& san) { return san.first == "dns"; });
    if (!has_dns && !cert.kind->is_ca) {
      CheckConstraints({}, cert.CN, spec.CN.set() ? spec.CN.range : spec.name.range, ca);
    }
    WarnOfOldGo(spec, cert, ca);
    StringPairs subject = SubjectOf(cert);
    auto found = ca_of_subject_.find(subject);
    if (found == ca_of_subject_.end()) return;
    const CertificateAuthority& other = cluster_.cas[found->second];
    diagnostics_
        ->Error(Code::kSameSubject, spec.name.range,
                absl::StrCat("the certificate ", Quote(spec.name.value), " has the ",
                             other.name == "ca" ? "CA's own" : absl::StrCat("CA ", other.name, "'s"),
                             " subject, so that no verifier could tell them apart"),
                "give it another CN or other names")
        .Relate(PlaceOfCa(spec_, other.name), "the CA is here");
  }

  const Spec& spec_;
  Cluster& cluster_;
  Diagnostics* diagnostics_;
  PkiValues values_;
  Profiles profiles_;
  size_t per_host_ = 0, names_per_host_ = 0;  // see MayMultiply
  // Of the cluster; what is looked up once a certificate must not be looked for.
  absl::flat_hash_set<absl::string_view> host_names_, ca_names_;
  absl::flat_hash_map<StringPairs, int> ca_of_subject_;      // into Cluster::cas: the first one
  std::vector<std::unique_ptr<NameConstraintRules>> rules_;  // beside Cluster::cas; null: none
};

}  // namespace

StringPairs SubjectOf(const LeafCertificate& cert) {
  StringPairs subject = cert.kind->names;
  if (!cert.CN.empty()) subject.emplace_back("CN", cert.CN);
  return subject;
}

void ResolveCerts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  CertResolver(spec, cluster, diagnostics).Resolve();
}

}  // namespace kplan
