#include "src/pki/name_constraint_rules.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

struct Row {
  std::string written;
  std::string expected;  // the pair, or words of the error
};

TEST(ParseNameConstraint, KnowsItsForms) {
  for (const auto& [written, expected] :
       std::vector<Row>{{"example.com", "dns example.com"},
                        {"Example.COM.", "dns example.com"},
                        {".example.com", "dns .example.com"},
                        {"local", "dns local"},
                        {"bücher.example", "dns xn--bcher-kva.example"},
                        {".bücher.example", "dns .xn--bcher-kva.example"},
                        {"10.0.0.0/8", "ip 10.0.0.0/8"},
                        {"10.1.2.3/32", "ip 10.1.2.3/32"},
                        {"0.0.0.0/0", "ip 0.0.0.0/0"},
                        {"172.16.0.0/12", "ip 172.16.0.0/12"},
                        {"FD00::/8", "ip fd00::/8"},
                        {"::/0", "ip ::/0"},
                        {"2001:db8:0:0::/33", "ip 2001:db8::/33"},
                        {"::1/128", "ip ::1/128"},
                        {"::ffff:10.0.0.0/104", "ip 10.0.0.0/8"},
                        {"@example.com", "email example.com"},
                        {"@Example.com", "email example.com"},
                        {"@.example.com", "email .example.com"},
                        {"user@example.com", "email user@example.com"},
                        {"User@bücher.example", "email User@xn--bcher-kva.example"},
                        {"uri:host.example.com", "uri host.example.com"},
                        {"uri:.Example.com", "uri .example.com"},
                        {"uri:prod", "uri prod"}}) {
    auto constraint = ParseNameConstraint(written);
    ASSERT_TRUE(constraint.ok()) << written << ": " << constraint.status();
    EXPECT_EQ(absl::StrCat(constraint->first, " ", constraint->second), expected) << written;
  }
}

TEST(ParseNameConstraint, RefusesWhatIsNone) {
  for (const auto& [written, expected] :
       std::vector<Row>{{"", "empty name constraint"},
                        {".", "empty label"},
                        {"..example.com", "empty label"},
                        {"example..com", "empty label"},
                        {"*", "no wildcards"},
                        {"*.example.com", "write .example.com for all names below it"},
                        {"@*.example.com", "write @.example.com"},
                        {"uri:*.example.com", "write uri:.example.com"},
                        {"*@example.com", "wildcard"},
                        {"my_host", "underscore"},
                        {"-a.example", "hyphen"},
                        {"a b", "not a DNS name"},
                        {"a\nb", "not a DNS name"},
                        {"☃.example", "IDNA2008"},
                        {"xn--fake", "no A-label"},
                        {std::string(64, 'a') + ".example", "at most 63"},
                        {"1.2.3", "looks like an IP address"},
                        {"01.2.3.4", "looks like an IP address"},
                        {"10.0.0.1", "write 10.0.0.1/32"},
                        {"fd00::1", "write fd00::1/128"},
                        {"10.0.0.0/33", "write one from 0 to 32"},
                        {"fd00::/129", "write one from 0 to 128"},
                        {"10.0.0.1/8", "write 10.0.0.0/8, or 10.0.0.1/32"},
                        {"10.0.0.0/0", "write 0.0.0.0/0"},
                        {"10.255.255.255/31", "write 10.255.255.254/31"},
                        {"fd00::1/64", "write fd00::/64, or fd00::1/128"},
                        {"2001:db8:8000::/32", "write 2001:db8::/32"},
                        {"::ffff:0:0/90", "write ::ffc0:0:0/90"},
                        {"::ffff:10.0.0.1/104", "bits set behind its prefix"},
                        {"10.0.0.0/", "number of its bits"},
                        {"10.0.0.0/08", "number of its bits"},
                        {"10.0.0.0/+8", "number of its bits"},
                        {"10.0.0.0/-8", "number of its bits"},
                        {"10.0.0.0/ 8", "number of its bits"},
                        {"10.0.0.0/8 ", "number of its bits"},
                        {"10.0.0.0/255.0.0.0", "number of its bits"},
                        {"10.0.0.0/4294967304", "number of its bits"},
                        {"10.0.0/8", "no IP address"},
                        {"010.0.0.0/8", "no IP address"},
                        {"10.0.0.0/8/8", "no IP address"},
                        {"fe80::%eth0/64", "no IP address"},
                        {"example.com/8", "no IP address"},
                        {"/8", "no IP address"},
                        {"@", "empty label"},
                        {"@.", "empty label"},
                        {"user@", "one side"},
                        {"user@.example.com", "empty label"},
                        {"user@10.0.0.1", "looks like an IP address"},
                        {"a b@example.com", "mailbox name"},
                        {"@10.0.0.1", "looks like an IP address"},
                        {"@a@b", "not a DNS name"},
                        {"uri:", "empty label"},
                        {"uri:10.0.0.1", "never an address"},
                        {"uri:[::1]", "never an address"},
                        {"uri:::1", "never an address"},
                        {"uri:a.example:2379", "no ports"},
                        {"uri:https://a.example", "their host alone"},
                        {"uri:a.example/b", "their host alone"},
                        {"uri:user@a.example", "their host alone"},
                        {"https://a.example", "write uri:"},
                        {"spiffe://prod/etcd", "write uri:"},
                        {"DNS:example.com", "write example.com"},
                        {"IP:10.0.0.0/8", "write 10.0.0.0/8"},
                        {"email:example.com", "write @example.com"},
                        {"email:a@example.com", "write a@example.com"},
                        {"URI:a.example", "write uri:a.example"},
                        {"etcd-0:2379", "no ports"}}) {
    auto constraint = ParseNameConstraint(written);
    ASSERT_FALSE(constraint.ok()) << written << " is " << constraint->first << " " << constraint->second;
    EXPECT_NE(constraint.status().message().find(expected), absl::string_view::npos)
        << written << ": " << constraint.status().message();
  }
}

// Who refuses a leaf.
enum class By {
  kNobody,
  kBoth,
  kOpenSsl,  // alone
  kGo,       // alone
  kNewerGo,  // neither those that the tests run with; later ones do (CVE-2025-61727)
};

// A CA's constraints and a leaf's names, as they are written, words apart.
struct Case {
  const char* permitted;
  const char* excluded;
  const char* sans;
  const char* cn;
  By refused;
  const char* because = "";  // words of the reason
};

const Case kCases[] = {
    // DNS.
    {"example.com", "", "example.com a.example.com *.example.com *.a.example.com", "", By::kNobody},
    {"example.com", "", "badexample.com", "", By::kBoth, "\"badexample.com\" is not among"},
    {"example.com", "", "a.example.com example.org", "", By::kBoth, "\"example.org\" is not among"},
    {"example.com", "", "com", "", By::kBoth, "permit: example.com"},
    {"example.com", "", "example.com.org", "", By::kBoth, "\"example.com.org\""},
    {".example.com", "", "a.example.com a.b.example.com *.example.com", "", By::kNobody},
    {".example.com", "", "example.com", "", By::kBoth, "permit: .example.com"},
    {".example.com", "", "badexample.com", "", By::kBoth, "permit: .example.com"},
    {"a.example.com b.example.com", "", "x.b.example.com a.example.com", "", By::kNobody},
    {"a.example.com b.example.com", "", "c.example.com", "", By::kBoth,
     "permit: a.example.com and b.example.com"},
    {"a.example.com", "", "*.example.com", "", By::kBoth, "\"*.example.com\" is not among"},
    {"", "example.com", "example.org", "", By::kNobody},
    {"", "example.com", "example.com", "", By::kBoth, "excluded by the CA's name constraint example.com"},
    {"", "example.com", "a.example.com", "", By::kBoth, "excluded by the CA's name constraint example.com"},
    {"", "example.com", "*.example.com", "", By::kBoth, "excluded by the CA's name constraint example.com"},
    {"", ".example.com", "example.com", "", By::kNobody},
    {"", ".example.com", "a.example.com", "", By::kBoth, "excluded by the CA's name constraint .example.com"},
    {"example.com", "bad.example.com", "a.example.com notbad.example.com", "", By::kNobody},
    {"example.com", "bad.example.com", "a.bad.example.com", "", By::kBoth, "excluded"},
    {"example.com", "bad.example.com", "*.example.com", "", By::kNewerGo,
     "\"*.example.com\" covers bad.example.com"},
    {"example.com", "a.bad.example.com", "*.example.com", "", By::kNobody},
    {"example.com", ".bad.example.com", "*.example.com", "", By::kNobody},
    {"", "local", "*.example.com", "", By::kNobody},
    {"local", "", "etcd.svc.local", "", By::kNobody},
    {"bücher.example", "", "www.bücher.example", "", By::kNobody},
    {"bücher.example", "", "bucher.example", "", By::kBoth, "xn--bcher-kva.example"},
    // Each kind is only about its own.
    {"example.com", "", "10.0.0.1 a@b.org https://c.org/", "", By::kNobody},
    {"10.0.0.0/8", "", "example.com a@b.org https://c.org/", "", By::kNobody},
    {"@example.com", "", "a.org 10.0.0.1 https://c.org/", "", By::kNobody},
    {"uri:example.com", "", "a.org 10.0.0.1 a@b.org", "", By::kNobody},
    // Addresses.
    {"10.0.0.0/8", "", "10.255.0.1", "", By::kNobody},
    {"10.0.0.0/8", "", "11.0.0.1", "", By::kBoth, "the address \"11.0.0.1\" is not among"},
    {"10.0.0.0/8", "", "::1", "", By::kBoth, "permit: 10.0.0.0/8"},
    {"10.0.0.0/8", "", "::ffff:10.0.0.1", "", By::kNobody},
    {"10.1.2.3/32", "", "10.1.2.3", "", By::kNobody},
    {"10.1.2.3/32", "", "10.1.2.2", "", By::kBoth, "10.1.2.3/32"},
    {"172.16.0.0/12", "", "172.31.255.255", "", By::kNobody},
    {"172.16.0.0/12", "", "172.32.0.0", "", By::kBoth, "172.16.0.0/12"},
    {"fd00::/8", "", "fdff::1", "", By::kNobody},
    {"fd00::/8", "", "fe00::1", "", By::kBoth, "fd00::/8"},
    {"fd00::/8", "", "10.0.0.1", "", By::kBoth, "fd00::/8"},
    {"fd00::/8 10.0.0.0/8", "", "10.0.0.1 fd00::1", "", By::kNobody},
    {"0.0.0.0/0", "", "10.0.0.1", "", By::kNobody},
    {"", "0.0.0.0/0 ::/0", "example.com", "", By::kNobody},
    {"", "0.0.0.0/0 ::/0", "10.0.0.1", "", By::kBoth, "excluded by the CA's name constraint 0.0.0.0/0"},
    {"", "0.0.0.0/0 ::/0", "::1", "", By::kBoth, "excluded by the CA's name constraint ::/0"},
    {"10.0.0.0/8", "10.1.0.0/16", "10.2.0.1", "", By::kNobody},
    {"10.0.0.0/8", "10.1.0.0/16", "10.1.0.1", "", By::kBoth, "excluded"},
    // E-mail.
    {"@example.com", "", "a@example.com", "", By::kNobody},
    {"@example.com", "", "a@mail.example.com", "", By::kOpenSsl, "(for OpenSSL; for Go it is)"},
    {"@example.com", "", "a@badexample.com", "", By::kBoth, "permit: @example.com"},
    {"@.example.com", "", "a@mail.example.com", "", By::kNobody},
    {"@.example.com", "", "a@example.com", "", By::kBoth, "permit: @.example.com"},
    {"a@example.com", "", "a@Example.com", "", By::kNobody},
    {"a@example.com", "", "A@example.com", "", By::kBoth, "permit: a@example.com"},
    {"a@example.com", "", "b@example.com", "", By::kBoth, "permit: a@example.com"},
    {"@example.com @.example.com", "", "a@example.com a@mail.example.com", "", By::kNobody},
    {"", "@example.com", "a@example.com", "", By::kBoth, "excluded by the CA's name constraint @example.com"},
    {"", "@example.com", "a@mail.example.com", "", By::kGo, "@example.com (for Go; not for OpenSSL)"},
    {"", "@.example.com", "a@example.com", "", By::kNobody},
    {"", "a@example.com", "b@example.com", "", By::kNobody},
    {"", "a@example.com", "a@example.com", "", By::kBoth, "excluded"},
    // URIs.
    {"uri:a.example.com", "", "https://a.example.com/b https://A.example.com:2379/b#c", "", By::kNobody},
    {"uri:a.example.com", "", "https://b.a.example.com/", "", By::kOpenSsl, "(for OpenSSL; for Go it is)"},
    {"uri:a.example.com", "", "https://ba.example.com/", "", By::kBoth, "permit: uri:a.example.com"},
    {"uri:.example.com", "", "https://a.example.com https://a.b.example.com:1", "", By::kNobody},
    {"uri:.example.com", "", "https://example.com/", "", By::kBoth, "permit: uri:.example.com"},
    {"uri:a.example.com", "", "https://a.example.com/b:c", "", By::kOpenSsl, "(for OpenSSL; for Go it is)"},
    {"uri:a.example.com", "", "https://a.example.com?b", "", By::kOpenSsl, "(for OpenSSL; for Go it is)"},
    {"uri:a.example.com", "", "https://10.0.0.1/", "", By::kBoth, "an address for its host"},
    {"", "uri:a.example.com", "https://10.0.0.1/", "", By::kGo, "an address for its host"},
    {"", "uri:a.example.com", "https://[::1]:2379/", "", By::kGo, "an address for its host"},
    {"", "uri:a.example.com", "https://a.example.com/", "", By::kBoth, "excluded"},
    {"", "uri:a.example.com", "https://b.a.example.com/", "", By::kGo, "(for Go; not for OpenSSL)"},
    {"", "uri:a.example.com", "https://a.example.com/b:c", "", By::kGo, "(for Go; not for OpenSSL)"},
    {"", "uri:.example.com", "https://example.com/", "", By::kNobody},
    {"uri:prod", "", "spiffe://prod/etcd", "", By::kNobody},
    {"uri:prod", "", "spiffe://test/etcd", "", By::kBoth, "permit: uri:prod"},
    // The CN.
    {"example.com", "", "", "a.example.com", By::kNobody},
    {"example.com", "", "", "a.example.org", By::kOpenSsl, "the CN \"a.example.org\""},
    {"example.com", "", "", "A.Example.COM", By::kNobody},
    {"example.com", "", "", "root", By::kNobody},
    {"example.com", "", "", "system:node:a.example.org", By::kNobody},
    {"example.com", "", "", "a.example.org ", By::kNobody},
    {"example.com", "", "", "*.example.org", By::kNobody},
    {"example.com", "", "", "a.example.org.", By::kNobody},
    {"example.com", "", "", "a..org", By::kNobody},
    {"example.com", "", "", "-a.org", By::kNobody},
    {"example.com", "", "", "a-.org", By::kNobody},
    {"example.com", "", "", "bücher.org", By::kNobody},
    {"example.com", "", "", "a_b.org", By::kOpenSsl, "the CN \"a_b.org\""},
    {"example.com", "", "", "10.0.0.1", By::kOpenSsl, "the CN \"10.0.0.1\""},
    {"example.com", "", "a.example.com", "a.example.org", By::kNobody},
    {"example.com", "", "10.0.0.1", "a.example.org", By::kOpenSsl, "the CN \"a.example.org\""},
    {"10.0.0.0/8", "", "", "a.example.org", By::kNobody},
    {"", "example.org", "", "a.example.org", By::kOpenSsl, "the CN \"a.example.org\""},
};

StringPairs Names(const char* written,
                  absl::StatusOr<std::pair<std::string, std::string>> (*parse)(absl::string_view)) {
  StringPairs pairs;
  for (absl::string_view word : absl::StrSplit(written, ' ', absl::SkipEmpty())) {
    auto pair = parse(word);
    EXPECT_TRUE(pair.ok()) << word << ": " << pair.status();
    if (pair.ok()) pairs.push_back(*pair);
  }
  return pairs;
}

TEST(CheckNameConstraints, SaysWhoIsRefusedAndWhy) {
  for (const Case& c : kCases) {
    std::string what = absl::StrCat("permitted [", c.permitted, "], excluded [", c.excluded, "], names [",
                                    c.sans, "], CN [", c.cn, "]");
    absl::Status status =
        NameConstraintRules(Names(c.permitted, ParseNameConstraint), Names(c.excluded, ParseNameConstraint))
            .Check(Names(c.sans, ClassifySan), c.cn);
    EXPECT_EQ(status.ok(), c.refused == By::kNobody) << what << ": " << status;
    EXPECT_NE(status.message().find(c.because), absl::string_view::npos) << what << ": " << status;
  }
  EXPECT_EQ(NameConstraintRules({{"dns", "example.com"}}, {}).Check({{"dns", "a.org"}}, "").message(),
            "the DNS name \"a.org\" is not among what the CA's name constraints permit: example.com\n"
            "remove the name, or change the CA's name-constraints");
}

// A list finds what could hold of a name without a look at each; it must find all of it.
TEST(NameConstraints, ALongListHoldsAsItsPartsDo) {
  const std::vector<std::string> kConstraints = {
      "example.com",      ".example.com",       "bar.example.com",  "com",
      "10.0.0.0/8",       "10.1.2.3/32",        "fd00::/8",         "0.0.0.0/0",
      "@example.com",     "@.example.com",      "user@example.com", "uri:example.com",
      "uri:.example.com", "uri:a.b.example.com"};
  const std::vector<std::string> kNames = {"example.com",
                                           "a.example.com",
                                           "*.example.com",
                                           "bar.example.com",
                                           "badexample.com",
                                           "10.1.2.3",
                                           "11.0.0.1",
                                           "fd00::1",
                                           "fe80::1",
                                           "user@example.com",
                                           "User@example.com",
                                           "user@a.example.com",
                                           "https://example.com/x",
                                           "https://a.b.example.com:8/x",
                                           "https://EXAMPLE.com"};
  StringPairs all;
  for (const std::string& constraint : kConstraints) all.push_back(*ParseNameConstraint(constraint));
  for (const std::string& text : kNames) {
    const StringPairs name = {*ClassifySan(text)};
    bool excluded = false, permitted = false;
    for (const auto& one : all) {
      if (one.first != name[0].first) continue;
      excluded = excluded || !NameConstraintRules({}, {one}).Check(name, "").ok();
      permitted = permitted || NameConstraintRules({one}, {}).Check(name, "").ok();
    }
    EXPECT_EQ(NameConstraintRules({}, all).Check(name, "").ok(), !excluded) << text;
    // Of a kind that the list does not have, every name is good.
    EXPECT_TRUE(!permitted || NameConstraintRules(all, {}).Check(name, "").ok()) << text;
  }
}

TEST(NameConstraints, AreNotAllSaid) {
  StringPairs permitted;
  for (int i = 0; i < 1000; ++i) permitted.emplace_back("dns", "d" + std::to_string(i) + ".com");
  EXPECT_EQ(
      NameConstraintRules(permitted, {}).Check({{"dns", "a.org"}}, "").message(),
      "the DNS name \"a.org\" is not among what the CA's name constraints permit: d0.com, d1.com, d2.com, "
      "d3.com, "
      "d4.com, d5.com, d6.com, d7.com and others\nremove the name, or change the CA's name-constraints");
}

// The same chains, made by OpenSSL and shown to OpenSSL and to cfssl's Go.

template <auto Free>
struct Delete {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Delete<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Delete<EVP_PKEY_free>>;

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate without extensions and signature; a CA's when ISSUER is null.
Certificate Unsigned(absl::string_view cn, EVP_PKEY* key, X509* issuer) {
  Certificate certificate(X509_new());
  X509* raw = certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(raw), -3600);
  X509_gmtime_adj(X509_getm_notAfter(raw), 3600);
  X509_set_pubkey(raw, key);
  X509_NAME* subject = X509_get_subject_name(raw);
  auto add = [&](const char* field, absl::string_view value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  add("O", "kplan");
  if (!cn.empty()) add("CN", cn);
  X509_set_issuer_name(raw, issuer == nullptr ? subject : X509_get_subject_name(issuer));
  return certificate;
}

// As a configuration says it: an address is not with a prefix but with a mask.
std::string InConfiguration(const std::pair<std::string, std::string>& constraint) {
  const auto& [kind, value] = constraint;
  if (kind == "dns") return "DNS:" + value;
  if (kind == "email") return "email:" + value;
  if (kind == "uri") return "URI:" + value;
  std::vector<std::string> parts = absl::StrSplit(value, '/');
  int prefix = atoi(parts[1].c_str());
  bool v6 = absl::StrContains(parts[0], ':');
  std::string mask;
  for (int i = 0; i < (v6 ? 8 : 4); ++i) {
    int bits = std::min(std::max(prefix - i * (v6 ? 16 : 8), 0), v6 ? 16 : 8);
    int group = v6 ? 0xFFFF & ~(0xFFFF >> bits) : 0xFF & ~(0xFF >> bits);
    absl::StrAppend(&mask,
                    i == 0 ? ""
                    : v6   ? ":"
                           : ".",
                    v6 ? absl::StrCat(absl::Hex(group)) : absl::StrCat(group));
  }
  return absl::StrCat("IP:", parts[0], "/", mask);
}

std::string Pem(X509* certificate) {
  std::unique_ptr<BIO, Delete<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, size);
}

bool OpenSslTakes(X509* ca, X509* leaf, const std::string& what) {
  std::unique_ptr<X509_STORE, Delete<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), ca);
  std::unique_ptr<X509_STORE_CTX, Delete<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr);
  if (X509_verify_cert(context.get()) == 1) return true;
  int error = X509_STORE_CTX_get_error(context.get());
  EXPECT_TRUE(error == X509_V_ERR_PERMITTED_VIOLATION || error == X509_V_ERR_EXCLUDED_VIOLATION ||
              error == X509_V_ERR_UNSUPPORTED_NAME_SYNTAX)
      << what << ": " << X509_verify_cert_error_string(error);
  return false;
}

bool GoTakes(X509* ca, X509* leaf, const std::string& what) {
  std::string folder = getenv("TEST_TMPDIR");
  std::string ca_file = folder + "/ca.pem", leaf_file = folder + "/leaf.pem";
  EXPECT_TRUE(WriteScratchFile(ca_file, Pem(ca), 0644).ok());
  EXPECT_TRUE(WriteScratchFile(leaf_file, Pem(leaf), 0644).ok());
  auto run = Run({"cfssl", "bundle", "-ca-bundle=" + ca_file, "-int-bundle=" + ca_file, "-cert=" + leaf_file},
                 RunOptions{});
  EXPECT_TRUE(run.ok()) << run.status();
  std::string said = run.ok() ? run->out + run->err : "";
  if (absl::StrContains(said, "\"bundle\"")) return true;
  // That it is not authorized, or that a URI cannot be compared.
  EXPECT_TRUE(absl::StrContains(said, "is not authorized to sign for this name") ||
              absl::StrContains(said, "cannot be matched against constraints"))
      << what << ": " << said;
  return false;
}

TEST(CheckNameConstraints, SaysWhatOpenSslAndGoSay) {
  Key key(EVP_EC_gen("P-256"));
  ASSERT_NE(key, nullptr);
  for (const Case& c : kCases) {
    std::string what = absl::StrCat("permitted [", c.permitted, "], excluded [", c.excluded, "], names [",
                                    c.sans, "], CN [", c.cn, "]");
    Certificate ca = Unsigned("CA", key.get(), nullptr);
    AddExtension(ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(ca.get(), NID_key_usage, "critical,keyCertSign");
    std::string constraints = "critical";
    for (const auto& pair : Names(c.permitted, ParseNameConstraint))
      absl::StrAppend(&constraints, ",permitted;", InConfiguration(pair));
    for (const auto& pair : Names(c.excluded, ParseNameConstraint))
      absl::StrAppend(&constraints, ",excluded;", InConfiguration(pair));
    AddExtension(ca.get(), NID_name_constraints, constraints);
    X509_sign(ca.get(), key.get(), EVP_sha256());

    Certificate leaf = Unsigned(c.cn, key.get(), ca.get());
    std::string sans;
    for (const auto& [kind, value] : Names(c.sans, ClassifySan)) {
      absl::StrAppend(&sans, sans.empty() ? "" : ",",
                      kind == "dns"   ? "DNS"
                      : kind == "uri" ? "URI"
                      : kind == "ip"  ? "IP"
                                      : "email",
                      ":", value);
    }
    if (!sans.empty()) AddExtension(leaf.get(), NID_subject_alt_name, sans);
    X509_sign(leaf.get(), key.get(), EVP_sha256());

    EXPECT_EQ(OpenSslTakes(ca.get(), leaf.get(), what), c.refused != By::kBoth && c.refused != By::kOpenSsl)
        << what;
    EXPECT_EQ(GoTakes(ca.get(), leaf.get(), what), c.refused != By::kBoth && c.refused != By::kGo) << what;
    ERR_clear_error();
  }
}

TEST(CheckSanForOldGo, WantsASanBesideAHostName) {
  for (const char* bad :
       {"root", "a.example.com", "a.example.com.", "system:node:a", "a_b", "*.example.com", "*"}) {
    absl::Status status = CheckSanForOldGo({}, bad);
    EXPECT_NE(status.message().find(absl::StrCat("the CN \"", bad, "\" and no SAN")), absl::string_view::npos)
        << bad << ": " << status;
    EXPECT_TRUE(CheckSanForOldGo({{"ip", "10.0.0.1"}}, bad).ok()) << bad;
  }
  for (const char* good : {"", "etcd root", "-a", "a..b", ".", "bücher", "a.*.b", "a/b"}) {
    EXPECT_TRUE(CheckSanForOldGo({}, good).ok()) << good;
  }
}

}  // namespace
}  // namespace kplan
