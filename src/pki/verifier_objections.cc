#include "src/pki/verifier_objections.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/pki/der.h"
#include "src/pki/openssl_util.h"
#include "src/pki/private_key.h"

namespace kplan {
namespace {

// The key, and so what was signed with it, stays.
constexpr absl::string_view kSignAgain =
    "a new certificate of the same key and subject mends that, once every host trusts it";
constexpr absl::string_view kAnotherKey =
    "only another CA mends that: a new key, which every host has to trust";

constexpr absl::string_view kEverybody = "OpenSSL, Go and GnuTLS";
constexpr absl::string_view kStrict = "Python 3.13 and later, and OpenSSL 3 with -x509_strict";
constexpr absl::string_view kOpenSsl = "OpenSSL";
constexpr absl::string_view kGo = "Go, and so etcd";
constexpr absl::string_view kGoAndGnuTls = "Go, and so etcd, and GnuTLS";

// Bits of security (NIST SP 800-57 part 1, 5.6.1) that OpenSSL's level 2 wants.
constexpr int kLevel2Bits = 112;
constexpr int kLeastRsaOfGo = 1024;

using ConstraintsPtr = std::unique_ptr<NAME_CONSTRAINTS, OpenSslDelete<NAME_CONSTRAINTS_free>>;

// What the rows of the table look at.
struct Facts {
  const Certificate& c;
  const Certificate* issuer;
  X509* x509;
  EVP_PKEY* key;  // null for one that OpenSSL does not know

  bool self_issued() const { return c.subject_der == c.issuer_der; }
  bool rsa() const { return key != nullptr && EVP_PKEY_base_id(key) == EVP_PKEY_RSA; }
  bool has(int nid) const { return X509_get_ext_by_NID(x509, nid, -1) >= 0; }
  bool critical(int nid) const {
    const int at = X509_get_ext_by_NID(x509, nid, -1);
    return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(x509, at)) == 1;
  }
  int curve() const {
    if (key == nullptr || EVP_PKEY_base_id(key) != EVP_PKEY_EC) return NID_undef;
    char name[64];
    size_t size = 0;
    return EVP_PKEY_get_group_name(key, name, sizeof(name), &size) == 1 ? OBJ_txt2nid(name) : NID_undef;
  }
  ConstraintsPtr constraints() const {
    return ConstraintsPtr(
        static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(x509, NID_name_constraints, nullptr, nullptr)));
  }
};

std::string RsaFewBits(const Facts& f) {
  const int bits = f.rsa() ? EVP_PKEY_bits(f.key) : 0;
  return bits == 0 || bits >= kLeastRsaOfGo ? "" : absl::StrCat("its RSA key has ", bits, " bits");
}

// Go's exponents are of 31 bits.
std::string LargeExponent(const Facts& f) {
  BIGNUM* exponent = nullptr;
  if (!f.rsa() || EVP_PKEY_get_bn_param(f.key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return "";
  const int bits = BN_num_bits(exponent);
  BN_free(exponent);
  return bits <= 31 ? "" : absl::StrCat("its RSA key has an exponent of ", bits, " bits");
}

std::string WeakKey(const Facts& f) {
  if (f.key == nullptr || EVP_PKEY_security_bits(f.key) >= kLevel2Bits || !RsaFewBits(f).empty()) return "";
  return absl::StrCat("its key has ", EVP_PKEY_bits(f.key), " bits");
}

std::string Curve(const Facts& f) {
  const int curve = f.curve();
  if (f.key == nullptr || EVP_PKEY_base_id(f.key) != EVP_PKEY_EC) return "";
  for (int known : {NID_secp224r1, NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1}) {
    if (curve == known) return "";
  }
  return absl::StrCat("its key is on the curve ", curve == NID_undef ? "of its own" : OBJ_nid2sn(curve));
}

std::string Dsa(const Facts& f) {
  return f.key != nullptr && EVP_PKEY_base_id(f.key) == EVP_PKEY_DSA ? "its key is a DSA key" : "";
}

// Nobody checks a root's own signature.
std::string WeakHash(const Facts& f) {
  int digest = NID_undef, key = NID_undef;
  if (f.self_issued() || OBJ_find_sigid_algs(f.c.signed_object.signature_nid, &digest, &key) != 1) return "";
  if (digest != NID_md5 && digest != NID_sha1) return "";
  return absl::StrCat("its issuer signed it with ", digest == NID_md5 ? "MD5" : "SHA-1");
}

std::string NegativeSerial(const Facts& f) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(f.x509);
  return ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "its serial number is negative" : "";
}

std::string NoKeyUsage(const Facts& f) { return f.has(NID_key_usage) ? "" : "it has no key usage"; }

std::string EmptyKeyUsage(const Facts& f) {
  return f.has(NID_key_usage) && f.c.key_usage == 0 ? "its key usage allows nothing" : "";
}

std::string NoKeyId(const Facts& f) {
  return f.c.subject_key_id.empty() ? "it has no subject key identifier" : "";
}

std::string NoAuthorityKeyId(const Facts& f) {
  return !f.self_issued() && f.c.authority_key_id.empty() ? "it has no authority key identifier" : "";
}

std::string OtherAuthorityKeyId(const Facts& f) {
  return f.self_issued() && !f.c.authority_key_id.empty() && !f.c.subject_key_id.empty() &&
                 f.c.authority_key_id != f.c.subject_key_id
             ? "it is self-signed, and names another key as its issuer's"
             : "";
}

std::string CriticalKeyId(const Facts& f) {
  return f.critical(NID_subject_key_identifier) || f.critical(NID_authority_key_identifier)
             ? "a key identifier in it is critical"
             : "";
}

std::string UncriticalBasicConstraints(const Facts& f) {
  return f.has(NID_basic_constraints) && !f.critical(NID_basic_constraints)
             ? "its basic constraints are not critical"
             : "";
}

std::string PathLength(const Facts& f) {
  return f.issuer != nullptr && f.issuer->path_length == 0
             ? "its issuer allows no CA below it (path length 0)"
             : "";
}

std::string EmptySubject(const Facts& f) {
  return X509_NAME_entry_count(f.c.subject.get()) == 0 ? "its subject is empty" : "";
}

// Whether VISIT(subtree, excluded) is true for any of CONSTRAINTS.
template <typename Visit>
bool AnyConstraint(const NAME_CONSTRAINTS& constraints, Visit visit) {
  for (const bool excluded : {false, true}) {
    const auto* names = excluded ? constraints.excludedSubtrees : constraints.permittedSubtrees;
    for (int i = 0; names != nullptr && i < sk_GENERAL_SUBTREE_num(names); ++i) {
      if (visit(*sk_GENERAL_SUBTREE_value(names, i), excluded)) return true;
    }
  }
  return false;
}

std::string EmptyNameConstraints(const Facts& f) {
  ConstraintsPtr found = f.constraints();
  return found != nullptr && !AnyConstraint(*found, [](const GENERAL_SUBTREE&, bool) { return true; })
             ? "its name constraints say nothing"
             : "";
}

// An address and a mask: octets of ones, then of zeros.
bool IsNetwork(const ASN1_OCTET_STRING& octets) {
  const int size = ASN1_STRING_length(&octets);
  if (size != 8 && size != 32) return false;
  const unsigned char* mask = ASN1_STRING_get0_data(&octets) + size / 2;
  bool ended = false;
  for (int bit = 0; bit < size / 2 * 8; ++bit) {
    const bool one = (mask[bit / 8] >> (7 - bit % 8) & 1) != 0;
    if (one && ended) return false;
    ended = !one;
  }
  return true;
}

std::string BadNetwork(const Facts& f) {
  ConstraintsPtr found = f.constraints();
  return found != nullptr && AnyConstraint(*found,
                                           [](const GENERAL_SUBTREE& subtree, bool) {
                                             return subtree.base->type == GEN_IPADD &&
                                                    !IsNetwork(*subtree.base->d.iPAddress);
                                           })
             ? "its name constraints have a network that is none"
             : "";
}

std::string Distances(const Facts& f) {
  ConstraintsPtr found = f.constraints();
  return found != nullptr && AnyConstraint(*found,
                                           [](const GENERAL_SUBTREE& subtree, bool) {
                                             return subtree.maximum != nullptr ||
                                                    (subtree.minimum != nullptr &&
                                                     ASN1_INTEGER_get(subtree.minimum) != 0);
                                           })
             ? "its name constraints have a minimum or maximum"
             : "";
}

bool IsCommonKind(int type) {
  return type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI || type == GEN_IPADD;
}

std::string OtherConstraints(const Facts& f) {
  ConstraintsPtr found = f.critical(NID_name_constraints) ? f.constraints() : nullptr;
  return found != nullptr && AnyConstraint(*found, [](const GENERAL_SUBTREE& subtree,
                                                      bool) { return !IsCommonKind(subtree.base->type); })
             ? "its name constraints are on names other than of DNS, e-mail, URIs and addresses"
             : "";
}

// Those that GnuTLS cannot check, and takes for violated.
std::string UncheckedConstraints(const Facts& f) {
  ConstraintsPtr found = f.constraints();
  return found != nullptr && AnyConstraint(*found,
                                           [](const GENERAL_SUBTREE& subtree, bool excluded) {
                                             return !IsCommonKind(subtree.base->type) &&
                                                    (excluded || subtree.base->type != GEN_DIRNAME);
                                           })
             ? "its name constraints exclude subjects, or are on kinds of names that are rare"
             : "";
}

std::string EmptySan(const Facts& f) {
  return f.has(NID_subject_alt_name) && f.c.sans.empty() ? "its list of alternative names is empty" : "";
}

struct Row {
  absl::string_view property;
  std::string (*what)(const Facts&);  // "" when there is nothing to object to
  absl::string_view who;
  absl::string_view remedy = kSignAgain;
};

constexpr Row kTable[] = {
    {"rsa-bits", RsaFewBits,
     "OpenSSL at security level 2 (below 900 bits at any but 0), Go since 1.24 (in modules that say so), and "
     "GnuTLS",
     kAnotherKey},
    {"weak-key", WeakKey,
     "OpenSSL at security level 2 (the default of Debian, Ubuntu and OpenSSL 3.2), and Python since 3.10",
     kAnotherKey},
    {"rsa-exponent", LargeExponent, kGo, kAnotherKey},
    {"curve", Curve, "Go, and so etcd, and (but for P-192) GnuTLS", kAnotherKey},
    {"dsa", Dsa, "Go since 1.16, and so etcd", kAnotherKey},
    {"weak-hash", WeakHash, "OpenSSL 3 at any security level but 0, Go since 1.18, and so etcd, and GnuTLS"},
    {"negative-serial", NegativeSerial, "Go since 1.23 (in modules that say so)"},
    {"key-usage", NoKeyUsage, kStrict},
    {"empty-key-usage", EmptyKeyUsage, "OpenSSL and GnuTLS"},
    {"key-identifier", NoKeyId, kStrict},
    {"authority-key-identifier", NoAuthorityKeyId, kStrict},
    {"other-authority-key-identifier", OtherAuthorityKeyId, "OpenSSL without -partial_chain"},
    {"critical-key-identifier", CriticalKeyId, "OpenSSL, and newer Go (seen with 1.24)"},
    {"basic-constraints", UncriticalBasicConstraints, kStrict},
    {"path-length", PathLength, kEverybody},
    {"empty-subject", EmptySubject, kStrict},
    {"empty-name-constraints", EmptyNameConstraints, kGo},
    {"bad-network", BadNetwork, kGoAndGnuTls},
    {"constraint-distances", Distances, kOpenSsl},
    {"other-constraints", OtherConstraints, kGo},
    {"unchecked-constraints", UncheckedConstraints, "GnuTLS"},
    {"empty-alternative-names", EmptySan, kStrict},
};

}  // namespace

std::vector<Objection> ObjectionsTo(const Certificate& ca, const Certificate* issuer) {
  std::vector<Objection> objections;
  CertificatePtr x509 = FromDer<CertificatePtr>(ca.der, d2i_X509);
  if (x509 == nullptr) {
    ERR_clear_error();
    return {{"encoding", "its encoding is not DER", "OpenSSL and Go", kSignAgain}};
  }
  PkeyPtr key = PublicKeyOf(ca.spki);
  const Facts facts = {ca, issuer, x509.get(), key.get()};
  for (const Row& row : kTable) {
    if (std::string what = row.what(facts); !what.empty())
      objections.push_back({row.property, std::move(what), row.who, row.remedy});
  }
  ERR_clear_error();
  return objections;
}

std::string ObjectionsText(const std::vector<Objection>& objections) {
  return absl::StrJoin(objections, "; ", [](std::string* out, const Objection& objection) {
    absl::StrAppend(out, objection.what, " (refused by ", objection.who, ")");
  });
}

std::vector<absl::string_view> ObjectionableProperties() {
  std::vector<absl::string_view> properties = {"encoding"};
  for (const Row& row : kTable) properties.push_back(row.property);
  return properties;
}

}  // namespace kplan
