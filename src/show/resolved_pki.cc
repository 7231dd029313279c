#include "src/show/resolved_pki.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/diagnostic.h"
#include "src/model/pki_values.h"
#include "src/model/profiles.h"
#include "src/model/resolve.h"
#include "src/pki/certificate.h"

namespace kplan {
namespace {

using Element = ResolvedSpecSink::Element;
using Field = ResolvedSpecSink::Field;

class PkiWalk {
 public:
  explicit PkiWalk(const ResolvedWalk& walk)
      : walk_(walk),
        spec_(walk.spec),
        cluster_(walk.cluster),
        sink_(walk.sink),
        scratch_(&walk.source),
        profiles_(walk.spec, &scratch_) {
    for (size_t i = 0; i < cluster_.cas.size(); ++i) cas_[cluster_.cas[i].name] = i;
    for (size_t i = cluster_.certificates.size(); i > 0; --i) {
      first_leaf_[cluster_.certificates[i - 1].kind->spec_name] = i - 1;
    }
    for (const ProfileSpec& profile : spec_.profiles) profile_specs_[profile.name.value] = &profile;
  }

  void Walk() {
    bool others = false;
    for (const CaSpec& ca : spec_.cas) {
      others = others || ca.name.value != "ca";
      if (ca.name.value == "ca") WalkCa(ca);
    }
    if (others) {
      sink_.Open("cas");
      for (const CaSpec& ca : spec_.cas) {
        if (ca.name.value != "ca") WalkCa(ca);
      }
      sink_.Close();
    }
    WalkSigning();
    if (!spec_.certs.empty()) {
      sink_.Open("certs");
      for (const CertSpec& cert : spec_.certs) WalkCert(cert);
      sink_.Close();
    }
    WalkRevoked();
  }

 private:
  // Names, subjects, keys.

  void WalkNames(const std::vector<NameSpec>& names) {
    if (names.empty()) return;
    std::vector<std::vector<Field>> items;
    for (const NameSpec& name : names) {
      std::vector<Field> fields;
      for (auto [key, text] : {std::make_pair("C", &name.C),
                               {"ST", &name.ST},
                               {"L", &name.L},
                               {"O", &name.O},
                               {"OU", &name.OU},
                               {"SerialNumber", &name.SerialNumber}}) {
        if (text->set()) fields.push_back({key, text->value, walk_.File(text->range)});
      }
      items.push_back(std::move(fields));
    }
    sink_.Items("names", items);
  }

  void WalkPassphrase(const PassphraseSpec& passphrase) {
    walk_.Put("passphrase-file", passphrase.file);
    walk_.Put("passphrase-env", passphrase.env);
  }

  void WalkKey(const KeySpec& spec, const KeyKind& key) {
    sink_.Open("key");
    walk_.Put("algo", spec.algo, key.algo);
    if (key.size != 0) walk_.Put("size", spec.size, absl::StrCat(key.size));
    if (spec.format.set() || !spec.passphrase.set()) {
      walk_.Put("format", spec.format, FormatName(key));
    } else {
      sink_.Note("format", "pkcs8", walk_.Derived("as the key is encrypted"));
    }
    WalkPassphrase(spec.passphrase);
    sink_.Close();
  }

  void WalkUrls(const UrlsSpec& urls) {
    walk_.Put("crl_url", urls.crl_url);
    walk_.Put("ocsp_url", urls.ocsp_url);
    walk_.Put("issuer_urls", urls.issuer_urls);
  }

  void WalkCaConstraint(const CaConstraintSpec& constraint) {
    if (!constraint.is_ca.set() && !constraint.max_path_len.set()) return;
    sink_.Open("ca_constraint");
    walk_.Put("is_ca", constraint.is_ca);
    walk_.Put("max_path_len", constraint.max_path_len);
    sink_.Close();
  }

  // What is not written and has no value of its own in a record: the step decides it, each time.
  void NoteOfLife(const Text& backdate, const Text& renew_before) {
    if (!backdate.set()) sink_.Note("backdate", "five minutes, as cfssl", walk_.Default());
    if (!renew_before.set()) sink_.Note("renew-before", "a third of its life", walk_.Default());
  }

  // CAs.

  void WalkCa(const CaSpec& spec) {
    const CertificateAuthority& ca = cluster_.cas[cas_[spec.name.value]];
    const bool made = ca.origin == CertificateAuthority::Origin::kMade;
    sink_.Open(spec.name.value, spec.name.value == "ca" ? "" : walk_.Place(spec.name.range));
    walk_.Put("CN", spec.CN);
    walk_.Put("issuer", spec.issuer);
    WalkNames(spec.names);
    walk_.Put("cert", spec.cert);
    if (made) {
      WalkKey(spec.key, ca.key);
      walk_.Put("expiry", spec.expiry, DurationText(ca.life.expiry_seconds));
      walk_.Put("backdate", spec.backdate);
      walk_.Put("renew-before", spec.renew_before);
      NoteOfLife(spec.backdate, spec.renew_before);
    } else {
      if (spec.key.passphrase.set()) {
        sink_.Open("key");
        walk_.Put("file", spec.key.file);
        WalkPassphrase(spec.key.passphrase);
        sink_.Close();
      } else {
        walk_.Put("key", spec.key.file);
      }
      if (!ca.has_key()) sink_.Note("key", "elsewhere: somebody else signs", walk_.Default());
      walk_.Put("renew-before", spec.renew_before, DurationText(ca.life.renew_before_seconds));
    }
    walk_.Put("key-generation", spec.key_generation);
    walk_.Put("revoked", spec.revoked);
    walk_.Put("hold", spec.hold);
    WalkCaConstraint(spec.ca_constraint);
    if (made && !spec.ca_constraint.max_path_len.set()) {
      sink_.Note("ca_constraint.max_path_len", "any number", walk_.Default());
    }
    if (!spec.permitted.empty() || !spec.excluded.empty()) {
      sink_.Open("name-constraints");
      walk_.Put("permitted", spec.permitted);
      walk_.Put("excluded", spec.excluded);
      sink_.Close();
    }
    WalkUrls(spec.urls);
    if (ca.crl_expiry_seconds != 0) {
      walk_.Put("crl-expiry", spec.crl_expiry, DurationText(ca.crl_expiry_seconds),
                "as something is revoked");
    } else if (ca.has_key()) {
      sink_.Note("crl-expiry", "no CRL, as nothing is revoked", walk_.Default());
    }
    sink_.Close();
  }

  // Profiles.

  static bool IsKubernetes(const Profile& profile) { return profile.name == "kubernetes"; }

  // Whether a certificate has the profile that nobody wrote.
  bool UsesBuiltIn() const {
    if (profile_specs_.contains("kubernetes")) return false;
    return absl::c_any_of(spec_.certs,
                          [&](const CertSpec& cert) { return IsKubernetes(profiles_.Of(cert)); });
  }

  // Whether a profile has from `signing.default` what it does not say: then the built-in one, which takes
  // nothing from there, would be another one once it is written.
  bool DefaultHandsDown() const {
    const ProfileSpec& spec = spec_.default_profile;
    return spec.backdate.set() || spec.renew_before.set() || spec.urls.crl_url.set() ||
           spec.urls.ocsp_url.set() || !spec.urls.issuer_urls.empty();
  }

  void WalkSigning() {
    const bool built_in = UsesBuiltIn(), written = built_in && !DefaultHandsDown();
    const bool any_profile = !spec_.profiles.empty() || written;
    if (!spec_.compat.set() && !spec_.default_profile.name.set() && !any_profile) return;
    sink_.Open("signing");
    walk_.Put("compat", spec_.compat);
    if (spec_.default_profile.name.set()) {
      sink_.Open("default");
      WalkProfile(spec_.default_profile, profiles_.fallback(), nullptr);
      sink_.Close();
    }
    if (any_profile) {
      sink_.Open("profiles");
      for (const ProfileSpec& spec : spec_.profiles) {
        sink_.Open(spec.name.value, walk_.Place(spec.name.range));
        WalkProfile(spec, *profiles_.Find(spec.name.value), &spec_.default_profile);
        sink_.Close();
      }
      if (written) {
        sink_.Open("kubernetes");
        WalkBuiltIn("", /*note=*/false);
        sink_.Close();
      }
      sink_.Close();
    }
    if (built_in && !written) WalkBuiltIn("profiles.kubernetes.", /*note=*/true);
    sink_.Close();
  }

  void WalkBuiltIn(absl::string_view prefix, bool note) {
    const Profile& profile = *profiles_.Find("kubernetes");
    const ValueOrigin origin = walk_.Derived("from the profile kubernetes (built in)");
    std::vector<Element> usages;
    for (const std::string& usage : profile.usages) usages.push_back({usage, origin});
    const std::string expiry = DurationText(profile.life.expiry_seconds);
    if (note) {
      sink_.NoteList(absl::StrCat(prefix, "usages"), profile.usages, origin);
      sink_.Note(absl::StrCat(prefix, "expiry"), expiry, origin);
    } else {
      sink_.List("usages", usages);
      sink_.Value("expiry", expiry, origin);
    }
  }

  // HANDED_DOWN: where PROFILE has what SPEC does not say; null for that one itself.
  void WalkProfile(const ProfileSpec& spec, const Profile& profile, const ProfileSpec* handed_down) {
    const ProfileSpec none;
    const ProfileSpec& above = handed_down != nullptr ? *handed_down : none;
    // What is written here; else what is written there, as it was resolved.
    auto put = [&](absl::string_view key, const Text& here, const Text& there, const std::string& resolved) {
      if (here.set()) {
        walk_.Put(key, here);
      } else if (there.set()) {
        sink_.Value(key, resolved, walk_.Derived("from signing.default", there.range));
      }
      return here.set() || there.set();
    };
    walk_.Put("usages", spec.usages);
    if (handed_down == nullptr && spec.usages.empty()) {
      sink_.Note("usages", "none: it is nobody's profile, the others take from it what they do not say",
                 walk_.Default());
    }
    if (!put("expiry", spec.expiry, above.expiry, DurationText(profile.life.expiry_seconds))) {
      sink_.Value("expiry", DurationText(profile.life.expiry_seconds), walk_.Default());
    }
    put("backdate", spec.backdate, above.backdate, DurationText(profile.life.backdate_seconds));
    put("renew-before", spec.renew_before, above.renew_before,
        DurationText(profile.life.renew_before_seconds));
    NoteOfLife(spec.backdate.set() ? spec.backdate : above.backdate,
               spec.renew_before.set() ? spec.renew_before : above.renew_before);
    WalkCaConstraint(spec.ca_constraint);
    put("crl_url", spec.urls.crl_url, above.urls.crl_url, profile.urls.crl);
    put("ocsp_url", spec.urls.ocsp_url, above.urls.ocsp_url, profile.urls.ocsp);
    walk_.Put("issuer_urls", spec.urls.issuer_urls);
    if (spec.urls.issuer_urls.empty() && !above.urls.issuer_urls.empty()) {
      std::vector<Element> urls;
      for (size_t i = 0; i < profile.urls.issuers.size(); ++i) {
        urls.push_back({profile.urls.issuers[i],
                        walk_.Derived("from signing.default", above.urls.issuer_urls[i].range)});
      }
      sink_.List("issuer_urls", urls);
    }
  }

  // Certificates.

  // Where what CERT has of PROFILE came from.
  ValueOrigin FromProfile(const CertSpec& cert, const Profile& profile) const {
    auto written = profile_specs_.find(profile.name);
    if (!cert.profile.set() && !IsKubernetes(profile)) {
      return walk_.Derived("from signing.default", spec_.default_profile.name.range);
    }
    if (written == profile_specs_.end()) return walk_.Derived("from the profile kubernetes (built in)");
    return walk_.Derived(absl::StrCat("from the profile ", profile.name), written->second->name.range);
  }

  void WalkCert(const CertSpec& spec) {
    const size_t first = first_leaf_[spec.name.value];
    const LeafCertificate& leaf = cluster_.certificates[first];
    const LeafKind& kind = *leaf.kind;
    const Profile& profile = profiles_.Of(spec);
    const ValueOrigin from_profile = FromProfile(spec, profile);
    sink_.Open(spec.name.value, walk_.Place(spec.name.range));
    walk_.Put("CN", spec.CN, leaf.CN, "its name");
    walk_.Put("ca", spec.ca, cluster_.cas[kind.ca].name);
    if (spec.profile.set() || IsKubernetes(profile)) {
      walk_.Put("profile", spec.profile, profile.name);
    } else {
      sink_.Note("profile", "signing.default", walk_.Default());
    }
    sink_.NoteList("usages", kind.usages, from_profile);
    sink_.Note("expiry", DurationText(kind.life.expiry_seconds), from_profile);
    WalkNames(spec.names);
    walk_.Put("per", spec.per);
    walk_.Put("hosts", spec.hosts);
    if (spec.per.set()) {
      WalkPerHost(spec, first);
    } else {
      NoteCanonical(spec, leaf);
    }
    WalkKey(spec.key, kind.key);
    walk_.Put("key-generation", spec.key_generation, absl::StrCat(kind.key_generation));
    walk_.Put("files", spec.files);
    if (spec.pkcs12_range.known()) {
      sink_.Open("pkcs12");
      WalkPassphrase(spec.pkcs12);
      sink_.Close();
    }
    sink_.Close();
  }

  // The names as they stand in the certificate, where these are not what was written.
  void NoteCanonical(const CertSpec& spec, const LeafCertificate& leaf) {
    std::vector<std::string> names;
    for (const auto& [kind, value] : leaf.sans) names.push_back(value);
    const bool same =
        absl::c_equal(names, spec.hosts, [](const std::string& a, const Text& b) { return a == b.value; });
    if (!same) sink_.NoteList("sans", names, walk_.Derived("the hosts as they stand in the certificate"));
  }

  void WalkPerHost(const CertSpec& spec, size_t first) {
    const bool address =
        absl::StrContains(spec.CN.value, "$address") || absl::c_any_of(spec.hosts, [](const Text& text) {
          return absl::StrContains(text.value, "$address");
        });
    if (host_specs_.empty()) {
      for (const HostSpec& host : spec_.hosts) host_specs_[host.name.value] = &host;
    }
    for (size_t i = 0; i < cluster_.hosts.size(); ++i) {
      const HostSpec& host = *host_specs_[cluster_.hosts[i].name];
      const std::string key = absl::StrCat("hosts.", host.name.value, address ? ".address" : "");
      sink_.PerHost(host.name.value, cluster_.certificates[first + i],
                    walk_.Derived(key, address ? host.address.range : host.name.range));
    }
  }

  // What is revoked.

  void WalkRevoked() {
    if (spec_.revoked.empty()) return;
    // The entries of a CA are in the order of the file.
    std::vector<size_t> leaves(cluster_.cas.size()), serials(cluster_.cas.size());
    std::vector<std::vector<Field>> items;
    for (const RevokedSpec& spec : spec_.revoked) {
      std::vector<Field> fields;
      auto put = [&](const char* key, const Text& text) {
        if (text.set()) fields.push_back({key, text.value, walk_.File(text.range)});
      };
      put("cert", spec.cert);
      put("serial", spec.serial);
      put("ca", spec.ca);
      put("reason", spec.reason);
      put("date", spec.date);
      int ca = spec.cert.set() ? CaOfLeaf(spec.cert.value) : FindCa(cluster_, spec.ca);
      const CertificateAuthority& authority = cluster_.cas[ca];
      const std::string& reason = spec.cert.set() ? authority.revoked_leaves[leaves[ca]++].reason
                                                  : authority.revoked_serials[serials[ca]++].reason;
      if (spec.serial.set() && !spec.ca.set()) fields.push_back({"ca", authority.name, walk_.Default()});
      if (!spec.reason.set()) fields.push_back({"reason", reason, walk_.Default()});
      if (!spec.date.set())
        fields.push_back({"date", "when it first went into the CRL", walk_.Default(), /*note=*/true});
      items.push_back(std::move(fields));
    }
    sink_.Items("revoked", items);
  }

  // Who signs the certificate NAME: "kubernetes", "etcd-1/server".
  int CaOfLeaf(const std::string& name) const {
    auto found = absl::c_find_if(cluster_.certificates,
                                 [&](const LeafCertificate& leaf) { return leaf.name == name; });
    return found->kind->ca;
  }

  const ResolvedWalk& walk_;
  const Spec& spec_;
  const Cluster& cluster_;
  ResolvedSpecSink& sink_;
  Diagnostics scratch_;  // what there was to say has been said
  Profiles profiles_;
  absl::flat_hash_map<std::string, size_t> cas_;         // into Cluster::cas
  absl::flat_hash_map<std::string, size_t> first_leaf_;  // of an entry of `certs`, into Cluster::certificates
  absl::flat_hash_map<std::string, const ProfileSpec*> profile_specs_;
  absl::flat_hash_map<std::string, const HostSpec*> host_specs_;
};

}  // namespace

void WalkPki(const ResolvedWalk& walk) { PkiWalk(walk).Walk(); }

}  // namespace kplan
