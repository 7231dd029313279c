#include "src/pki/certificate_policy.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/pki/common_name.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/subject_alt_name.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr uint8_t kMadeHere = CertificateSpec::kSelfSigned | CertificateSpec::kIssued;
constexpr uint8_t kRequested = kMadeHere | CertificateSpec::kExternal;
constexpr uint8_t kHasIssuer = CertificateSpec::kIssued | CertificateSpec::kExternal;
constexpr uint8_t kAll = kRequested | CertificateSpec::kAdopted;

// What a signer elsewhere may add to the key usages asked for: they allow a key no more than TLS does with it
// in one of its ciphers or another, and CAs add them by habit.
constexpr uint16_t kHarmless =
    kDigitalSignature | kContentCommitment | kKeyEncipherment | kDataEncipherment | kKeyAgreement;

struct Case {
  const Certificate& c;
  const CertificateSpec& spec;
  const Evidence& evidence;
  const Certificate& issuer;  // itself when it has no other
};

// A policy gives the text of its reason; empty when all is well.
using Policy = std::string (*)(const Case&);

std::string Key(const Case& a) {
  if (a.evidence.key_anew) return "its key is made anew";
  return a.evidence.spki == nullptr || a.c.spki == *a.evidence.spki ? "" : "key does not match";
}

std::string Version(const Case& a) {
  return a.c.version == 3 ? ""
                          : absl::StrCat("it is an X.509 certificate of version ", a.c.version,
                                         ", which has no extensions; version 3 is needed");
}

// A signer elsewhere may have rules of its own for the fields beside the CN.
std::string Subject(const Case& a) {
  const X509_NAME *wanted = a.spec.subject.get(), *found = a.c.subject.get();
  if (SameName(wanted, found)) return "";
  if (!a.spec.made_here()) {
    std::string name = CommonName(wanted);
    if (name.empty() || name == CommonName(found)) return "";
  }
  return absl::StrCat("subject differs: spec ", NameText(wanted), ", certificate ", NameText(found));
}

std::string Sans(const Case& a) { return SanDifference(a.spec.extensions.sans, a.c.sans); }

std::vector<std::string> Sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

std::string Usages(const Case& a) {
  const Extensions& wanted = a.spec.extensions;
  const uint16_t more = a.spec.origin == CertificateSpec::kExternal ? kHarmless : 0;
  if ((a.c.key_usage & ~more) == (wanted.key_usage & ~more) && (wanted.key_usage & ~a.c.key_usage) == 0 &&
      Sorted(a.c.extended_key_usages) == Sorted(wanted.extended_key_usages)) {
    return "";
  }
  return absl::StrCat("usages differ: spec ", UsagesText(wanted.key_usage, wanted.extended_key_usages),
                      ", certificate ", UsagesText(a.c.key_usage, a.c.extended_key_usages));
}

// Without the extension a key may be used for everything (RFC 5280 4.2.1.3); `openssl req -x509` makes such
// CAs.
std::string MaySign(const Case& a) {
  return a.c.key_usage == 0 || (a.c.key_usage & kCertSign) != 0 ? "" : "its key usage lacks \"cert sign\"";
}

std::string BasicText(const Extensions& e) {
  if (!e.is_ca) return "not a CA";
  return e.path_length.has_value() ? absl::StrCat("a CA with path length ", *e.path_length)
                                   : "a CA without path length";
}

// How far a path may go below a CA is for a signer elsewhere to say, when the spec does not.
std::string BasicConstraints(const Case& a) {
  const Extensions& wanted = a.spec.extensions;
  const bool any_length = !a.spec.made_here() && !wanted.path_length.has_value();
  if (a.c.is_ca == wanted.is_ca && (!wanted.is_ca || any_length || a.c.path_length == wanted.path_length)) {
    return "";
  }
  return absl::StrCat("basic constraints differ: spec ", BasicText(wanted), ", certificate ", BasicText(a.c));
}

std::string IsCa(const Case& a) { return a.c.is_ca ? "" : "it is not a CA certificate"; }

std::string ConstraintsText(const Extensions& e) {
  std::vector<std::string> parts;
  for (const auto& [word, names] :
       {std::make_pair("permitted", &e.permitted_names), std::make_pair("excluded", &e.excluded_names)}) {
    for (const auto& [type, name] : *names) parts.push_back(absl::StrCat(word, " ", type, " ", name));
  }
  return parts.empty() ? "none" : absl::StrJoin(parts, ", ");
}

StringPairs Sorted(StringPairs list) {
  std::sort(list.begin(), list.end());
  return list;
}

std::string NameConstraints(const Case& a) {
  const Extensions& wanted = a.spec.extensions;
  const bool asked = !wanted.permitted_names.empty() || !wanted.excluded_names.empty();
  if ((!asked && !a.spec.made_here()) || (Sorted(a.c.permitted_names) == Sorted(wanted.permitted_names) &&
                                          Sorted(a.c.excluded_names) == Sorted(wanted.excluded_names))) {
    return "";
  }
  return absl::StrCat("name constraints differ: spec ", ConstraintsText(wanted), ", certificate ",
                      ConstraintsText(a.c));
}

std::string Urls(const Case& a) {
  std::vector<std::string> parts;
  auto compare = [&parts](const char* what, const std::vector<std::string>& wanted,
                          const std::vector<std::string>& found) {
    if (wanted == found) return;
    auto text = [](const std::vector<std::string>& urls) {
      return urls.empty() ? "none" : absl::StrJoin(urls, " ");
    };
    parts.push_back(absl::StrCat(what, " differs: spec ", text(wanted), ", certificate ", text(found)));
  };
  const Extensions& wanted = a.spec.extensions;
  compare("CRL URL", wanted.crl_urls, a.c.crl_urls);
  compare("OCSP URL", wanted.ocsp_urls, a.c.ocsp_urls);
  compare("issuer URL", wanted.issuer_urls, a.c.issuer_urls);
  return absl::StrJoin(parts, "; ");
}

std::string Critical(const Case& a) {
  return a.c.unknown_critical.empty() ? ""
                                      : absl::StrCat("it has the critical extension ", a.c.unknown_critical,
                                                     ", so that most verifiers refuse it");
}

// What it signs points to it by this.
std::string KeyId(const Case& a) {
  return a.c.is_ca && a.c.subject_key_id.empty() ? "it has no subject key identifier" : "";
}

std::string Issuer(const Case& a) {
  return !a.evidence.issuer_anew && a.c.NamesAsIssuer(a.issuer) ? "" : "issuer changed";
}

// Whether SignedObject::IsSignedBy knows signatures of this kind.
bool KnownSignature(int nid) {
  int digest = NID_undef, key = NID_undef;
  return nid == NID_ED25519 || (OBJ_find_sigid_algs(nid, &digest, &key) == 1 && key != NID_rsassaPss &&
                                (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512));
}

std::string Signature(const Case& a) {
  if (a.evidence.issuer_anew || !a.c.NamesAsIssuer(a.issuer) || a.c.IsSignedBy(a.issuer)) return "";
  if (a.spec.origin == CertificateSpec::kSelfSigned) return "its signature is not its own";
  if (!KnownSignature(a.c.signed_object.signature_nid)) {
    return absl::StrCat("its signature is of a kind that kplan does not check (",
                        OBJ_nid2ln(a.c.signed_object.signature_nid),
                        "); RSA (PKCS#1) and ECDSA with SHA-256, 384 or 512 and Ed25519 are");
  }
  return "its signature is not its issuer's";
}

std::string Revoked(const Case& a) {
  if (!a.spec.revoked_before.has_value() || a.c.not_before >= *a.spec.revoked_before) return "";
  return absl::StrCat("revoked on ", TimeText(*a.spec.revoked_before));
}

struct Link {
  absl::string_view name;
  uint8_t origins;  // of the certificates that it is about
  Policy policy;
};

// The chain. What a certificate has to be comes before when it has to be made again.
constexpr Link kChain[] = {
    {"key", kAll, Key},
    {"version", kAll, Version},
    {"subject", kRequested, Subject},
    {"names", kHasIssuer, Sans},
    {"usages", kRequested, Usages},
    {"usages", CertificateSpec::kAdopted, MaySign},
    {"constraints", kRequested, BasicConstraints},
    {"constraints", CertificateSpec::kAdopted, IsCa},
    {"name-constraints", kRequested, NameConstraints},
    {"urls", CertificateSpec::kIssued, Urls},
    {"critical", kAll, Critical},
    {"key-identifier", kMadeHere, KeyId},
    {"issuer", kRequested, Issuer},
    {"signature", kRequested, Signature},
    {"revoked", kHasIssuer, Revoked},
};

}  // namespace

std::vector<Reason> WhyStale(const Certificate& c, const CertificateSpec& spec, const Evidence& evidence) {
  const Case a = {c, spec, evidence, evidence.issuer == nullptr ? c : *evidence.issuer};
  std::vector<Reason> reasons;
  for (const Link& link : kChain) {
    if ((link.origins & spec.origin) == 0) continue;
    if (std::string text = link.policy(a); !text.empty()) reasons.push_back({link.name, std::move(text)});
  }
  Lifetime lifetime = spec.lifetime;
  // Where somebody else signs, how long a certificate lives is for them to say.
  if (spec.origin == CertificateSpec::kIssued && !evidence.issuer_anew) lifetime.cap = a.issuer.not_after;
  if (std::optional<Reason> time = TimeReason(c.validity(), lifetime, evidence.now); time.has_value()) {
    reasons.push_back(*std::move(time));
  }
  return reasons;
}

}  // namespace kplan
