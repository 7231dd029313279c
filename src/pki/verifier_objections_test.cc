#include "src/pki/verifier_objections.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/pki/openssl_util.h"

namespace kplan {
namespace {

using Extensions = std::vector<std::pair<int, std::string>>;

const char kBasic[] = "critical,CA:TRUE", kUsage[] = "critical,keyCertSign,cRLSign";

// How a CA is made that is odd in one way.
struct Odd {
  PkeyPtr key;  // null: P-256
  Extensions extensions = {
      {NID_basic_constraints, kBasic}, {NID_key_usage, kUsage}, {NID_subject_key_identifier, "hash"}};
  const EVP_MD* hash = EVP_sha256();
  const char* subject = "Odd";
  const char* issuer = "Odd";
  std::function<void(X509*)> change;

  void Set(int nid, const std::string& value) {
    for (auto it = extensions.begin(); it != extensions.end(); ++it) {
      if (it->first != nid) continue;
      extensions.erase(it);
      break;
    }
    if (!value.empty()) extensions.emplace_back(nid, value);
  }
};

PkeyPtr EcKey(const char* curve) { return PkeyPtr(EVP_EC_gen(curve)); }

PkeyPtr RsaKey(unsigned bits, unsigned long long exponent) {
  BIGNUM* e = BN_new();
  EXPECT_EQ(BN_set_word(e, exponent), 1);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_keygen_init(context), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context, static_cast<int>(bits)), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e), 1);
  EXPECT_EQ(EVP_PKEY_generate(context, &key), 1) << ERR_error_string(ERR_get_error(), nullptr);
  EVP_PKEY_CTX_free(context);
  BN_free(e);
  return PkeyPtr(key);
}

void SetName(X509_NAME* name, const char* text) {
  if (*text == '\0') return;
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text), -1, -1,
                             0);
}

std::vector<std::string> Properties(Odd odd, const Certificate* issuer = nullptr) {
  if (odd.key == nullptr) odd.key = EcKey("P-256");
  CertificatePtr x509(X509_new());
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  SetName(X509_get_subject_name(x509.get()), odd.subject);
  SetName(X509_get_issuer_name(x509.get()), odd.issuer);
  X509_set_pubkey(x509.get(), odd.key.get());
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, x509.get(), x509.get(), nullptr, nullptr, 0);
  for (const auto& [nid, value] : odd.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str());
    EXPECT_NE(extension, nullptr) << OBJ_nid2sn(nid) << " " << value << ": "
                                  << ERR_error_string(ERR_get_error(), nullptr);
    X509_add_ext(x509.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (odd.change) odd.change(x509.get());
  EXPECT_GT(X509_sign(x509.get(), odd.key.get(), odd.hash), 0) << ERR_error_string(ERR_get_error(), nullptr);
  absl::StatusOr<Certificate> certificate = Certificate::Parse(ToDer(x509.get(), i2d_X509));
  std::vector<std::string> found;
  if (!certificate.ok()) {
    ADD_FAILURE() << certificate.status();
    return found;
  }
  for (const Objection& objection : ObjectionsTo(*certificate, issuer)) {
    found.emplace_back(objection.property);
    EXPECT_FALSE(objection.what.empty() || objection.who.empty() || objection.remedy.empty());
  }
  return found;
}

using Names = std::vector<std::string>;

// A CA whose EXTENSION is VALUE; "" for none.
Odd With(int extension, const std::string& value) {
  Odd odd;
  odd.Set(extension, value);
  return odd;
}

Odd WithKey(PkeyPtr key) {
  Odd odd;
  odd.key = std::move(key);
  return odd;
}

TEST(VerifierObjections, NoneToUsualCas) {
  EXPECT_EQ(Properties({}), Names());
  for (const char* curve : {"P-224", "P-384", "P-521"}) EXPECT_EQ(Properties(WithKey(EcKey(curve))), Names());
  EXPECT_EQ(Properties(WithKey(RsaKey(2048, 65537))), Names());
  EXPECT_EQ(Properties(WithKey(RsaKey(2048, 3))), Names());
  EXPECT_EQ(Properties(With(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")), Names());
  EXPECT_EQ(Properties(With(NID_key_usage, "keyCertSign")), Names());
  EXPECT_EQ(Properties(With(NID_name_constraints,
                            "critical,permitted;DNS:lab.example,permitted;IP:10.0.0.0/255.128.0.0,"
                            "excluded;email:lab.example,excluded;URI:lab.example")),
            Names());
  Odd serial;
  serial.change = [](X509* x509) { ASN1_INTEGER_set(X509_get_serialNumber(x509), 0); };
  EXPECT_EQ(Properties(std::move(serial)), Names());
  Odd root_hash;
  root_hash.hash = EVP_sha1();
  EXPECT_EQ(Properties(std::move(root_hash)), Names());
  Odd own_key;
  own_key.Set(NID_authority_key_identifier, "keyid");
  EXPECT_EQ(Properties(std::move(own_key)), Names());
}

TEST(VerifierObjections, ToKeys) {
  EXPECT_EQ(Properties(WithKey(RsaKey(1024, 65537))), Names{"weak-key"});
  EXPECT_EQ(Properties(WithKey(RsaKey(1016, 65537))), Names{"rsa-bits"});
  EXPECT_EQ(Properties(WithKey(RsaKey(2048, 0xffffffff))), Names{"rsa-exponent"});
  EXPECT_EQ(Properties(WithKey(RsaKey(2048, 0x7fffffff))), Names());
  EXPECT_EQ(Properties(WithKey(EcKey("secp256k1"))), Names{"curve"});
  EXPECT_EQ(Properties(WithKey(EcKey("brainpoolP256r1"))), Names{"curve"});
  EXPECT_EQ(Properties(WithKey(EcKey("prime192v1"))), (Names{"weak-key", "curve"}));
}

TEST(VerifierObjections, ToExtensions) {
  EXPECT_EQ(Properties(With(NID_key_usage, "")), Names{"key-usage"});
  EXPECT_EQ(Properties(With(NID_key_usage, "DER:03:01:00")), Names{"empty-key-usage"});
  EXPECT_EQ(Properties(With(NID_subject_key_identifier, "")), Names{"key-identifier"});
  EXPECT_EQ(Properties(With(NID_subject_key_identifier, "critical,01:02")), Names{"critical-key-identifier"});
  EXPECT_EQ(Properties(With(NID_basic_constraints, "CA:TRUE")), Names{"basic-constraints"});
  EXPECT_EQ(Properties(With(NID_authority_key_identifier, "DER:30:04:80:02:01:02")),
            Names{"other-authority-key-identifier"});
  EXPECT_EQ(Properties(With(NID_subject_alt_name, "DER:30:00")), Names{"empty-alternative-names"});
  EXPECT_EQ(Properties(With(NID_name_constraints, "critical,DER:30:00")), Names{"empty-name-constraints"});
  for (const char* network : {"critical,DER:30:0c:a0:0a:30:08:87:06:0a:00:00:00:ff:00",
                              "critical,DER:30:0e:a0:0c:30:0a:87:08:0a:00:00:00:ff:00:ff:00",
                              "critical,DER:30:0e:a1:0c:30:0a:87:08:0a:00:00:00:7f:00:00:00"}) {
    EXPECT_EQ(Properties(With(NID_name_constraints, network)), Names{"bad-network"}) << network;
  }
  EXPECT_EQ(Properties(With(NID_name_constraints, "critical,DER:30:0c:a0:0a:30:08:82:03:61:2e:62:80:01:01")),
            Names{"constraint-distances"});
  EXPECT_EQ(Properties(With(NID_name_constraints, "critical,permitted;RID:1.2.3")),
            (Names{"other-constraints", "unchecked-constraints"}));
  EXPECT_EQ(Properties(With(NID_name_constraints, "permitted;RID:1.2.3")), Names{"unchecked-constraints"});
}

TEST(VerifierObjections, ToNamesAndNumbers) {
  Odd negative;
  negative.change = [](X509* x509) { ASN1_INTEGER_set(X509_get_serialNumber(x509), -5); };
  EXPECT_EQ(Properties(std::move(negative)), Names{"negative-serial"});
  Odd empty;
  empty.subject = empty.issuer = "";
  EXPECT_EQ(Properties(std::move(empty)), Names{"empty-subject"});
}

TEST(VerifierObjections, ToWhatAnotherCaSigned) {
  Odd below;
  below.issuer = "Root";
  EXPECT_EQ(Properties(std::move(below)), Names{"authority-key-identifier"});
  for (const EVP_MD* hash : {EVP_sha1(), EVP_md5()}) {
    Odd weak;
    weak.key = RsaKey(2048, 65537);
    weak.issuer = "Root";
    weak.Set(NID_authority_key_identifier, "DER:30:04:80:02:01:02");
    weak.hash = hash;
    EXPECT_EQ(Properties(std::move(weak)), Names{"weak-hash"});
  }
  Certificate issuer;
  issuer.path_length = 0;
  Odd deep;
  deep.issuer = "Root";
  deep.Set(NID_authority_key_identifier, "DER:30:04:80:02:01:02");
  EXPECT_EQ(Properties(std::move(deep), &issuer), Names{"path-length"});
}

TEST(VerifierObjections, AllAreInTheDocumentation) {
  absl::StatusOr<std::string> page = ReadFile("docs/errors.md");
  ASSERT_TRUE(page.ok()) << page.status();
  for (absl::string_view property : ObjectionableProperties())
    EXPECT_TRUE(absl::StrContains(*page, absl::StrCat("`", property, "`"))) << property;
}

TEST(VerifierObjections, Text) {
  EXPECT_EQ(ObjectionsText({}), "");
  EXPECT_EQ(ObjectionsText({{"a", "it is odd", "Somebody", ""}, {"b", "it is old", "Go", ""}}),
            "it is odd (refused by Somebody); it is old (refused by Go)");
}

}  // namespace
}  // namespace kplan
