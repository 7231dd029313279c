// The CAs: made here, adopted from files, or somebody else's; who signs whom.

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/model/distinct_pairs.h"
#include "src/model/durations.h"
#include "src/model/pki_values.h"
#include "src/model/resolve_internal.h"
#include "src/pki/name_constraint_rules.h"

namespace kplan {
namespace {

// The tutorial's (and cfssl's) default.
constexpr int64_t kCaExpirySeconds = int64_t{43800} * 3600;
// How long before the end of a CA that somebody else has to renew it is said to be due: 90 days.
constexpr int64_t kNoticeSeconds = int64_t{2160} * 3600;
// GnuTLS goes up 16 certificates, the leaf among them (DEFAULT_MAX_VERIFY_DEPTH); OpenSSL 100; a web server
// or etcd sends them all at every handshake.
constexpr int kLongestChain = 15;
constexpr int kHighestGeneration = 1000;
// Each is looked for among the others, wherever it is named.
constexpr size_t kMostCas = 1000;
// Labels and files of the CA called "ca", below which others would stand.
const char* const kReservedNames[] = {"cert", "crl", "csr", "key", "requests", "superseded"};

class CaResolver {
 public:
  CaResolver(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics)
      : spec_(spec), cluster_(*cluster), diagnostics_(diagnostics), values_(diagnostics, spec.well_formed) {}

  void Resolve() {
    if (spec_.cas.empty() && spec_.well_formed && !ServicesAlone()) {
      diagnostics_->Error(Code::kMissingKey, {}, "there is no CA",
                          "write, for example,\n  ca:\n    CN: Kubernetes");
    }
    if (spec_.cas.size() > kMostCas) {
      diagnostics_->Error(Code::kTooLarge, spec_.cas[kMostCas].name.range,
                          absl::StrCat(spec_.cas.size(), " CAs; at most ", kMostCas, " are read"),
                          "write a cluster.yaml for each part");
      cluster_.cas.emplace_back();
      return;
    }
    for (const CaSpec& ca : spec_.cas) {
      CheckName(ca);
      auto [first, fresh] = by_name_.try_emplace(ca.name.value, &ca);
      if (fresh) continue;
      Diagnostic& twice = diagnostics_->Error(Code::kNameTaken, ca.name.range,
                                              "`ca` and an entry of `cas` are both called \"ca\"",
                                              "give the one in `cas` another name, or write all CAs there");
      twice.Relate(first->second->name.range, "the other one is here");
    }
    std::vector<const CaSpec*> sorted;
    for (const auto& [name, ca] : by_name_) sorted.push_back(ca);
    std::sort(sorted.begin(), sorted.end(),
              [](const CaSpec* a, const CaSpec* b) { return a->name.value < b->name.value; });
    for (const CaSpec* ca : sorted) Add(*ca);
    CheckSubjects();
    CheckGenerations();
    if (cluster_.cas.empty() && !ServicesAlone())
      cluster_.cas.emplace_back();  // for the checks of what it would sign
  }

 private:
  // Services that show no certificate need no CA; one that names a CA all the same is told so there.
  bool ServicesAlone() const {
    return !spec_.services.empty() && spec_.certs.empty() && spec_.revoked.empty() && spec_.etcds.empty();
  }

  void CheckName(const CaSpec& ca) {
    const std::string& name = ca.name.value;
    bool reserved =
        std::find(std::begin(kReservedNames), std::end(kReservedNames), name) != std::end(kReservedNames);
    if (!IsFileName(name)) {
      diagnostics_->Error(Code::kBadName, ca.name.range, absl::StrCat("a CA cannot be called ", Quote(name)),
                          "its name becomes a file name: letters, digits, . _ and -, at most 64");
    } else if (reserved || IsNameOfAnothersFile(name)) {
      diagnostics_->Error(
          Code::kNameTaken, ca.name.range,
          absl::StrCat("a CA cannot be called ", Quote(name), ": its files or labels would be another one's"),
          "give it another name; its CN can be anything");
    }
  }

  // Puts CA after its issuer; gives its index.
  int Add(const CaSpec& spec) {
    auto [added, fresh] = index_.try_emplace(spec.name.value, kBeingAdded);
    if (!fresh) return added->second;
    CertificateAuthority ca;
    ca.name = spec.name.value;
    ca.place = spec.range;
    ++open_;
    ca.issuer = IssuerOf(spec);
    --open_;
    const int above = ca.issuer < 0 ? 0 : above_[ca.issuer] + 1;
    if (above >= kLongestChain) {
      RefuseLongChain(spec);
      ca.issuer = -1;
    }
    if (spec.cert.set()) {
      ResolveExisting(spec, &ca);
    } else {
      ResolveMade(spec, &ca);
    }
    ResolveCrl(spec, &ca);
    ResolveGeneration(spec, &ca);
    int index = static_cast<int>(cluster_.cas.size());
    above_.push_back(ca.issuer < 0 ? 0 : above);
    cluster_.cas.push_back(std::move(ca));
    index_[spec.name.value] = index;
    return index;
  }

  int IssuerOf(const CaSpec& spec) {
    if (!spec.issuer.set()) return -1;
    auto found = by_name_.find(spec.issuer.value);
    if (found == by_name_.end()) {
      if (!spec_.knows_cas) return -1;
      diagnostics_->Error(Code::kUnknownName, spec.issuer.range,
                          absl::StrCat("there is no CA ", Quote(spec.issuer.value)),
                          MeantAmong(
                              *diagnostics_, spec.issuer.value, [&] { return CaNames(spec_); }, ""));
      return -1;
    }
    if (open_ > kLongestChain) {
      RefuseLongChain(spec);
      return -1;
    }
    int issuer = Add(*found->second);
    if (issuer == kBeingAdded) {
      diagnostics_
          ->Error(Code::kCaChain, spec.issuer.range,
                  absl::StrCat("the CA ", Quote(spec.name.value), " would sign itself by way of ",
                               Quote(spec.issuer.value)),
                  "one of them must be self-signed: have no `issuer`")
          .Relate(found->second->issuer.range,
                  absl::StrCat("the issuer of ", Quote(spec.issuer.value), " is here"));
      return -1;
    }
    return issuer;
  }

  void RefuseLongChain(const CaSpec& spec) {
    diagnostics_->Error(Code::kCaChain, spec.issuer.range,
                        absl::StrCat("a chain of more than ", kLongestChain, " CAs, one signed by the other"),
                        "make it shorter: there are verifiers that go up no further");
  }

  void ResolveExisting(const CaSpec& spec, CertificateAuthority* ca) {
    ca->given_certificate = values_.ResolvePath(spec.cert, "cert");
    ca->origin = CertificateAuthority::Origin::kExternal;
    if (spec.key.file.set()) {
      ca->origin = CertificateAuthority::Origin::kExisting;
      ca->given_key = values_.ResolvePath(spec.key.file, "key");
      ca->key.passphrase = values_.ResolvePassphrase(spec.key.passphrase);
    } else if (spec.key.range.known() && spec_.well_formed) {
      diagnostics_
          ->Error(Code::kGivenCa, spec.key.range, "the key of a CA that is there already is a file",
                  "write key: FILE; or leave it out when the CA signs elsewhere")
          .Relate(spec.cert.range, "its certificate is this file");
    }
    ca->life.renew_before_seconds = kNoticeSeconds;
    if (spec.renew_before.set()) {
      absl::StatusOr<int64_t> notice = ParseNotice(spec.renew_before.value);
      if (notice.ok()) {
        ca->life.renew_before_seconds = *notice;
      } else {
        Report(Code::kBadDuration, notice.status(), spec.renew_before.range, "renew-before", diagnostics_);
      }
    }
    auto refuse = [&](Range range, absl::string_view key) {
      if (!range.known()) return;
      Diagnostic& error = diagnostics_->Error(
          Code::kGivenCa, range,
          absl::StrCat("the CA's certificate is there already: ", key, " is what that says"), "remove it");
      error.Relate(spec.cert.range, "it is this file");
    };
    for (auto [text, key] : {std::make_pair(&spec.CN, "CN"),
                             {&spec.expiry, "expiry"},
                             {&spec.backdate, "backdate"},
                             {&spec.key.algo, "algo"},
                             {&spec.key.size, "size"},
                             {&spec.key.format, "format"},
                             {&spec.urls.crl_url, "crl_url"},
                             {&spec.urls.ocsp_url, "ocsp_url"}}) {
      refuse(text->range, key);
    }
    refuse(spec.ca_constraint.range, "ca_constraint");
    refuse(spec.name_constraints, "name-constraints");
    for (const Text& url : spec.urls.issuer_urls) refuse(url.range, "issuer_urls");
    if (!spec.names.empty()) refuse(spec.range, "names");
  }

  void ResolveMade(const CaSpec& spec, CertificateAuthority* ca) {
    if (spec.key.file.set()) {
      diagnostics_->Error(Code::kGivenCa, spec.key.file.range,
                          "the CA has a key file, but no certificate file",
                          "name both: cert: FILE, key: FILE");
    } else {
      ca->key = values_.ResolveKey(spec.key);
    }
    ca->subject = values_.ResolveNames(spec.names);
    if (spec.CN.set()) {
      values_.CheckField("CN", spec.CN.value, spec.CN.range);
      ca->subject.emplace_back("CN", spec.CN.value);
    } else if (spec_.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec.range, "the CA has no CN",
                          "give it a name, for example CN: Kubernetes");
    }
    Life fallback;
    fallback.expiry_seconds = kCaExpirySeconds;
    ca->life = values_.ResolveLife(spec.expiry, spec.backdate, spec.renew_before, fallback);
    ca->urls = values_.ResolveUrls(spec.urls, {});
    bool has_urls = !ca->urls.crl.empty() || !ca->urls.ocsp.empty() || !ca->urls.issuers.empty();
    if (has_urls && ca->issuer < 0) {
      const Text& url = spec.urls.crl_url.set()    ? spec.urls.crl_url
                        : spec.urls.ocsp_url.set() ? spec.urls.ocsp_url
                                                   : spec.urls.issuer_urls[0];
      diagnostics_->Error(Code::kConflict, url.range,
                          "nobody looks for the issuer of a self-signed certificate",
                          "write the URLs in the profiles of what it signs, or give it an `issuer`");
    }
    if (!values_.ResolveBool(spec.ca_constraint.is_ca, "is_ca", true)) {
      diagnostics_->Error(Code::kConflict, spec.ca_constraint.is_ca.range, "a CA is a CA", "remove is_ca");
    }
    ca->max_path_length = values_.ResolvePathLength(spec.ca_constraint.max_path_len);
    if (ca->issuer >= 0 && CasAllowedBelow(cluster_, ca->issuer) == 0) {
      diagnostics_
          ->Error(Code::kCaChain, spec.issuer.range,
                  absl::StrCat("no CA may be below ", Quote(cluster_.cas[ca->issuer].name),
                               ": its max_path_len, or one above it, says so"),
                  "give that a larger one")
          .Relate(PlaceOfPathLength(spec_, cluster_, ca->issuer), "it is said here");
    }
    const int errors_before = diagnostics_->error_count();
    auto constraints = [&](const std::vector<Text>& texts, StringPairs* pairs) {
      DistinctPairs distinct(pairs, texts.size());
      for (const Text& text : texts) {
        auto constraint = ParseNameConstraint(text.value);
        if (!constraint.ok()) {
          Report(Code::kBadNameConstraint, constraint.status(), text.range, Quote(text.value), diagnostics_);
        } else {
          distinct.Add(*std::move(constraint));
        }
      }
    };
    constraints(spec.permitted, &ca->permitted);
    constraints(spec.excluded, &ca->excluded);
    // Without the one that is wrong, certificates would be refused that it permits.
    if (diagnostics_->error_count() > errors_before) {
      ca->permitted.clear();
      ca->excluded.clear();
    }
    if (spec.name_constraints.known() && spec.permitted.empty() && spec.excluded.empty() &&
        spec_.well_formed) {
      diagnostics_->Error(Code::kBadNameConstraint, spec.name_constraints, "name-constraints say nothing",
                          "for example name-constraints: {permitted: [example.com, 10.0.0.0/8]}");
    }
  }

  void ResolveCrl(const CaSpec& spec, CertificateAuthority* ca) {
    if (!spec.crl_expiry.set()) return;
    Life fallback;
    fallback.expiry_seconds = kCrlExpirySeconds;
    ca->crl_expiry_seconds = values_.ResolveLife(spec.crl_expiry, {}, {}, fallback).expiry_seconds;
    if (ca->has_key()) return;
    diagnostics_
        ->Error(Code::kGivenCa, spec.crl_expiry.range,
                "the CA's key is elsewhere, so that kplan cannot sign its CRL", "remove crl-expiry")
        .Relate(spec.cert.range, "its certificate is here, and its key is not");
  }

  void ResolveGeneration(const CaSpec& spec, CertificateAuthority* ca) {
    const Text& text = spec.key_generation;
    if (spec.hold.set() && spec.hold.value != "trust-both") {
      diagnostics_->Error(Code::kUnknownValue, spec.hold.range,
                          absl::StrCat("there is no stage ", Quote(spec.hold.value), " to stop at"),
                          MeantOr(spec.hold.value, {"trust-both"}, "there is trust-both"));
    }
    if (!text.set()) {
      if (spec.hold.set()) RefuseHold(spec);
      if (!spec.revoked.empty()) {
        diagnostics_->Error(Code::kConflict, spec.revoked[0].range,
                            "no CA is in the place of the one that is revoked",
                            "write the key-generation of the one that is, for example key-generation: 2");
      }
      return;
    }
    if (ca->origin != CertificateAuthority::Origin::kMade) {
      diagnostics_
          ->Error(Code::kGivenCa, text.range, "the CA's key is not made here", "remove key-generation")
          .Relate(spec.cert.range, "its certificate is this file");
      return;
    }
    int generation = 1;
    if (!absl::SimpleAtoi(text.value, &generation) || generation < 1 || generation > kHighestGeneration) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat("there is no key-generation ", Quote(text.value)),
                          "write 2 to have the CA exchanged for one with another key, then 3, and so on");
      return;
    }
    ca->generation = generation;
    ca->exchanged = true;
    ca->held = spec.hold.value == "trust-both";
    if (ca->held && generation == 1) RefuseHold(spec);
    ResolveRevokedGenerations(spec, ca);
    if (generation == 1) return;
    for (auto& [field, value] : ca->subject) {
      if (field != "CN") continue;
      absl::StrAppend(&value, " G", generation);
      values_.CheckField("CN", value, spec.CN.range);
    }
  }

  void ResolveRevokedGenerations(const CaSpec& spec, CertificateAuthority* ca) {
    for (const Text& text : spec.revoked) {
      int number = 0;
      if (!absl::SimpleAtoi(text.value, &number) || number < 1 || number > kHighestGeneration) {
        diagnostics_->Error(Code::kBadValue, text.range,
                            absl::StrCat("there is no generation ", Quote(text.value)),
                            "write its number, 1 for the first one");
      } else if (number == ca->generation) {
        diagnostics_
            ->Error(Code::kConflict, text.range,
                    absl::StrCat("generation ", number, " is the one that is to sign, and is revoked"),
                    "raise key-generation")
            .Relate(spec.key_generation.range, "that is said here");
      } else {
        ca->revoked_generations.push_back(number);
      }
    }
    if (ca->held && !ca->revoked_generations.empty()) {
      diagnostics_
          ->Error(Code::kConflict, spec.hold.range, "who holds the exchange lets one sign that is revoked",
                  "remove hold, or revoked")
          .Relate(spec.revoked[0].range, "it is revoked here");
    }
  }

  void RefuseHold(const CaSpec& spec) {
    diagnostics_->Error(Code::kConflict, spec.hold.range, "there is no exchange that could be held",
                        "write the key-generation that the CA is exchanged for, 2 or more, or remove hold");
  }

  void CheckGenerations() {
    for (const CertificateAuthority& ca : cluster_.cas) {
      const CertificateAuthority* other = WhoseGenerationIs(cluster_, ca.name);
      if (other == nullptr) continue;
      diagnostics_
          ->Error(Code::kNameTaken, by_name_[ca.name]->name.range,
                  absl::StrCat("a CA cannot be called ", Quote(ca.name), ": its files would be those of ",
                               Quote(other->name), " and its key-generation"),
                  "give it another name; its CN can be anything")
          .Relate(by_name_[other->name]->key_generation.range, "that is written here");
    }
  }

  // Two CAs of one name would be taken for each other by everybody.
  void CheckSubjects() {
    absl::flat_hash_map<StringPairs, const CertificateAuthority*> first_of;
    for (const CertificateAuthority& ca : cluster_.cas) {
      if (ca.subject.empty()) continue;
      auto [first, fresh] = first_of.try_emplace(ca.subject, &ca);
      if (fresh) continue;
      const std::string& other = first->second->name;
      diagnostics_
          ->Error(Code::kSameSubject, by_name_[ca.name]->name.range,
                  absl::StrCat("the CAs ", Quote(other), " and ", Quote(ca.name),
                               " have the same subject, so that no verifier could tell them apart"),
                  "give each a CN of its own")
          .Relate(by_name_[other]->name.range, "the other one is here");
    }
  }

  static constexpr int kBeingAdded = -2;

  const Spec& spec_;
  Cluster& cluster_;
  Diagnostics* diagnostics_;
  PkiValues values_;
  absl::flat_hash_map<std::string, const CaSpec*> by_name_;
  absl::flat_hash_map<std::string, int> index_;  // into Cluster::cas, or kBeingAdded
  std::vector<int> above_;                       // beside Cluster::cas: how many CAs stand above each
  int open_ = 0;                                 // how many wait for their issuer
};

}  // namespace

std::vector<absl::string_view> CaNames(const Spec& spec) {
  std::vector<absl::string_view> names;
  for (const CaSpec& ca : spec.cas) names.push_back(ca.name.value);
  return names;
}

int FindCa(const Cluster& cluster, const Text& name) {
  if (!name.set() && cluster.cas.size() == 1) return 0;
  const absl::string_view wanted = name.set() ? absl::string_view(name.value) : "ca";
  for (size_t i = 0; i < cluster.cas.size(); ++i) {
    if (cluster.cas[i].name == wanted) return static_cast<int>(i);
  }
  return -1;
}

bool IsNameOfAnothersFile(absl::string_view name) {
  for (absl::string_view suffix : {"-key", "-chain", "-bundle", "-crl"}) {
    if (absl::EndsWith(name, suffix)) return true;
  }
  return false;
}

const CertificateAuthority* WhoseGenerationIs(const Cluster& cluster, absl::string_view name) {
  for (const CertificateAuthority& ca : cluster.cas) {
    absl::string_view rest = name;
    if (!ca.exchanged || !absl::ConsumePrefix(&rest, ca.name)) continue;
    if (rest == "-trust") return &ca;
    if (!absl::ConsumePrefix(&rest, "-g")) continue;
    absl::ConsumeSuffix(&rest, "-cross");
    if (!rest.empty() && absl::c_all_of(rest, absl::ascii_isdigit)) return &ca;
  }
  return nullptr;
}

int CasAllowedBelow(const Cluster& cluster, int ca) {
  const CertificateAuthority& it = cluster.cas[ca];
  int above = it.issuer < 0 ? kNoPathLength : CasAllowedBelow(cluster, it.issuer);
  // A made intermediate has been checked to be allowed at all.
  int left = above == kNoPathLength ? kNoPathLength : std::max(above - 1, 0);
  if (left == kNoPathLength) return it.max_path_length;
  return it.max_path_length == kNoPathLength ? left : std::min(left, it.max_path_length);
}

Range PlaceOfPathLength(const Spec& spec, const Cluster& cluster, int ca) {
  for (int below = 0; ca >= 0; ca = cluster.cas[ca].issuer, ++below) {
    const CertificateAuthority& it = cluster.cas[ca];
    if (it.max_path_length == kNoPathLength || it.max_path_length > below) continue;
    const CaSpec* written = FindCaSpec(spec, it.name);
    return written == nullptr ? Range() : written->ca_constraint.max_path_len.range;
  }
  return {};
}

void ResolveCas(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  CaResolver(spec, cluster, diagnostics).Resolve();
}

}  // namespace kplan
