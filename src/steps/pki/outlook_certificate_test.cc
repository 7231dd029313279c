// What the looks of certificates say, and that the steps then do just that.

#include <stdio.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/steps/pki/pki_outlook_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

using OutlookCertificateTest = PkiOutlookTest;

TEST_F(OutlookCertificateTest, OfACa) {
  const char* path = "pki/ca.pem";
  Try(CaCertStep, CaCertLook, &ca_cert_,
      {
          {"right", [] {}, "", "", false},
          {"missing", [=] { Remove(path); }, "missing", "", true},
          {"damaged", [=] { Write(path, "x"); }, "damaged", "", true},
          {"mode", [=] { SetMode(path, 0666); }, "mode", "mode: \"0666\" -> \"0644\"", false},
          {"another expiry", [this] { ca_cert_["expiry"] = 94608000; }, "expiry",
           "expiry: \"43800h\" -> \"26280h\"\nuntil: \"2031-11-21 08:18 UTC\" -> \"2029-11-21 08:18 UTC\"",
           true},
          {"another subject",
           [this] {
             ca_cert_["subject"] = StringPairs{{"CN", "Two"}};
           },
           "subject",
           "CN: \"Kubernetes\" -> \"Two\"\nsubject: \"C=US, L=Portland, O=Kubernetes\" -> \"\"\nissuer: "
           "\"C=US, L=Portland, O=Kubernetes, CN=Kubernetes\" -> \"CN=Two\"",
           true},
          {"a path length", [this] { ca_cert_["max-path-len"] = 1; }, "constraints",
           "max-path-len: \"\" -> \"1\"", true},
          {"name constraints",
           [this] {
             ca_cert_["permitted"] = StringPairs{{"dns", "example.com"}};
           },
           "name-constraints", "permitted name: \"\" -> \"dns example.com\"", true},
          {"four years later", [this] { now_ += absl::Hours(24 * 1400); }, "expires-soon",
           "until: \"2031-11-21 08:18 UTC\" -> \"2035-09-21 08:18 UTC\"", true},
      });
  Fresh();
  Write("pki/ca.pem", Read("pki/x.pem"));
  EXPECT_THAT(Refused(CaCertStep, CaCertLook, ca_cert_), HasSubstr("of another key"));
}

TEST_F(OutlookCertificateTest, OfALeaf) {
  const char* path = "pki/x.pem";
  auto request = [this](const char* key, const Json& value) {
    csr_[key] = cert_[key] = value;
    ASSERT_NE(ReasonOf(CsrStep, csr_), "");
  };
  auto ca = [this](const char* key, const Json& value) {
    ca_cert_[key] = value;
    ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  };
  Try(CertStep, CertLook, &cert_,
      {
          {"right", [] {}, "", "", false},
          {"missing", [=] { Remove(path); }, "missing", "", true},
          {"damaged", [=] { Write(path, "x"); }, "damaged", "", true},
          {"mode", [=] { SetMode(path, 0600); }, "mode", "mode: \"0600\" -> \"0644\"", false},
          {"a host name more",
           [=] {
             request("sans", StringPairs{{"dns", "worker"}, {"dns", "w2"}, {"ip", "127.0.0.1"}});
           },
           "names", "SAN: \"\" -> \"dns w2\"", true},
          {"an address less",
           [=] {
             request("sans", StringPairs{{"dns", "worker"}});
           },
           "names", "SAN: \"ip 127.0.0.1\" -> \"\"", true},
          {"other usages",
           [this] {
             cert_["usages"] = {"signing", "key encipherment", "server auth"};
           },
           "usages", "usage: \"client auth\" -> \"\"", true},
          {"another CN",
           [=] {
             request("subject", StringPairs{{"CN", "other"}});
           },
           "subject",
           "CN: \"kubernetes\" -> \"other\"\nsubject: \"C=US, O=Kubernetes, OU=The Hard Way\" -> \"\"", true},
          {"another expiry", [this] { cert_["expiry"] = 7200 * 3600; }, "expiry",
           "expiry: \"8760h\" -> \"7200h\"\nuntil: \"2027-11-22 08:18 UTC\" -> \"2027-09-18 08:18 UTC\"",
           true},
          {"a CRL's URL", [this] { cert_["crl-url"] = "http://pki/ca.crl"; }, "urls",
           "CRL URL: \"\" -> \"http://pki/ca.crl\"", true},
          {"ten months later", [this] { now_ += absl::Hours(24 * 300); }, "expires-soon",
           "until: \"2027-11-22 08:18 UTC\" -> \"2028-09-17 08:18 UTC\"", true},
          {"a year later", [this] { now_ += absl::Hours(24 * 400); }, "expired", "*", true},
          {"revoked",
           [this] {
             now_ += absl::Hours(1);
             cert_["revoked-before"] = absl::ToUnixSeconds(now_);
           },
           "revoked", "until: \"2027-11-22 08:18 UTC\" -> \"2027-11-22 09:22 UTC\"", true},
          {"its key is another one",
           [=] {
             Remove("pki/x-key.pem");
             ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
             ASSERT_EQ(ReasonOf(CsrStep, csr_), "key does not match");
           },
           "key", "*", true},
          {"its CA was made again", [=] { ca("expiry", 94608000); }, "", "", false},
          {"its CA ends before it", [=] { ca("expiry", 7200 * 3600); }, "", "", false},
          {"its CA has another subject",
           [=] {
             ca("subject", StringPairs{{"CN", "Two"}});
           },
           "issuer", "issuer: \"C=US, L=Portland, O=Kubernetes, CN=Kubernetes\" -> \"CN=Two\"", true},
      });
}

TEST_F(OutlookCertificateTest, ReorderedHostsMakeNothingAgain) {
  first_[3]["sans"] = first_[4]["sans"] = StringPairs{{"dns", "a"}, {"dns", "b"}};
  Fresh();
  csr_["sans"] = cert_["sans"] = StringPairs{{"dns", "b"}, {"dns", "a"}};
  EXPECT_EQ(NamesOf(LookAt(CsrLook, csr_)), "");
  EXPECT_FALSE(LookAt(CsrLook, csr_).changes_digest);
  EXPECT_TRUE(AgreeAll({{"csr", CsrStep, CsrLook, csr_, {}}, {"cert", CertStep, CertLook, cert_, {"csr"}}}));
  EXPECT_EQ(made_, 0);
  EXPECT_EQ(right_, 2);
}

TEST_F(OutlookCertificateTest, WhatSigningWouldRefuse) {
  Fresh();
  Remove("pki/x.pem");
  Json same = cert_;
  same["subject"] = ca_cert_["subject"];
  EXPECT_THAT(Refused(CertStep, CertLook, same), HasSubstr("the same subject"));
  Json late = cert_;
  late["revoked-before"] = absl::ToUnixSeconds(now_) + 3600;
  EXPECT_THAT(Refused(CertStep, CertLook, late), HasSubstr("later than now"));
  Json keyless = cert_;
  keyless["issuer-key"] = "pki/none.pem";
  EXPECT_THAT(Refused(CertStep, CertLook, keyless), HasSubstr("pki/none.pem"));
  Json other = cert_;
  other["issuer-key"] = "pki/x-key.pem";
  EXPECT_THAT(Refused(CertStep, CertLook, other), HasSubstr("it is not the certificate of"));
  Write("pki/x.csr", "x");
  EXPECT_THAT(Refused(CertStep, CertLook, cert_), HasSubstr("pki/x.csr is damaged"));
  ASSERT_NE(ReasonOf(CsrStep, csr_), "");
  ca_cert_["permitted"] = StringPairs{{"dns", "example.com"}};
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_THAT(Refused(CertStep, CertLook, cert_), HasSubstr("name constraints do not allow"));
  now_ += absl::Hours(24 * 365 * 6);
  EXPECT_THAT(Refused(CertStep, CertLook, cert_), HasSubstr("it expired on"));
}

TEST_F(OutlookCertificateTest, WhatIsReplacedIsForeseenWhereItIsKept) {
  Fresh();
  cert_["usages"] = {"signing", "server auth"};
  const std::string old = Read("pki/x.pem");
  Outlook outlook = Agree(CertStep, CertLook, cert_);
  ASSERT_EQ(outlook.files.size(), 2u);
  EXPECT_EQ(outlook.files[0].first, "pki/x.pem");
  EXPECT_TRUE(absl::StartsWith(outlook.files[1].first, "pki/superseded/x/"));
  EXPECT_EQ(Read(outlook.files[1].first), old);
}

TEST_F(OutlookCertificateTest, AnEarlyEndIsSaidBefore) {
  Fresh();
  ca_cert_["expiry"] = 7200 * 3600;
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  Remove("pki/x.pem");
  const std::string note = LookAt(CertLook, cert_).note;
  absl::StatusOr<StepResult> result = RunNow(CertStep, cert_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->output, HasSubstr("renew the CA certificate"));
  EXPECT_EQ(note, result->output);
}

TEST_F(OutlookCertificateTest, SignedElsewhere) {
  Fresh();
  Json external = cert_;
  external.erase("issuer-key");
  const Json requests = {{"kind", "requests"}, {"pairs", StringPairs{{"pki/x.csr", "pki/x.pem"}}}};
  EXPECT_EQ(NamesOf(Agree(CertStep, CertLook, external)), "");
  EXPECT_EQ(Agree(RequestsStep, RequestsLook, requests).digest, Sha256Hex(""));
  SetMode("pki/x.pem", 0600);
  EXPECT_EQ(NamesOf(Agree(CertStep, CertLook, external)), "mode");

  external["usages"] = {"signing", "key encipherment", "server auth"};
  EXPECT_THAT(Refused(CertStep, CertLook, external), HasSubstr("usages differ"));
  external["usages"] = cert_["usages"];
  now_ += absl::Hours(24 * 300);
  Outlook soon = Agree(CertStep, CertLook, external);
  EXPECT_EQ(NamesOf(soon), "");
  EXPECT_THAT(soon.note, HasSubstr("expires soon"));
  now_ += absl::Hours(24 * 100);
  EXPECT_THAT(Refused(CertStep, CertLook, external), HasSubstr("expired on"));

  Remove("pki/x.pem");
  Outlook waits = Agree(CertStep, CertLook, external);
  EXPECT_TRUE(waits.waits);
  EXPECT_EQ(NamesOf(waits), "missing");
  EXPECT_THAT(waits.note, HasSubstr("have pki/x.csr signed by"));
  Outlook list = Agree(RequestsStep, RequestsLook, requests);
  EXPECT_NE(list.digest, Sha256Hex(""));
  EXPECT_THAT(list.note, HasSubstr("1 request waits for signing"));
  Write("pki/x.pem", "x");
  EXPECT_THAT(Refused(CertStep, CertLook, external), HasSubstr("nothing was changed"));
}

// The request of a key that is made anew waits, though the certificate of the old one is still there.
TEST_F(OutlookCertificateTest, SignedElsewhereOfANewKey) {
  Fresh();
  cert_.erase("issuer-key");
  key_["generation"] = 2;
  const Json requests = {{"kind", "requests"}, {"pairs", StringPairs{{"pki/x.csr", "pki/x.pem"}}}};
  EXPECT_FALSE(AgreeAll({{"key", KeyStep, KeyLook, key_, {}},
                         {"csr", CsrStep, CsrLook, csr_, {"key"}},
                         {"requests", RequestsStep, RequestsLook, requests, {"csr"}},
                         {"cert", CertStep, CertLook, cert_, {"csr"}}}));
  EXPECT_EQ(failed_, 1);
  EXPECT_EQ(made_, 2);
}

TEST_F(OutlookCertificateTest, Adopted) {
  Fresh();
  ASSERT_EQ(rename("pki/ca.pem", "given.pem"), 0);
  ASSERT_EQ(rename("pki/ca-key.pem", "given-key.pem"), 0);
  Json adopt = {
      {"from", "given.pem"}, {"key", "given-key.pem"}, {"kind", "adopt-ca"}, {"path", "pki/ca.pem"}};
  Outlook outlook = Agree(AdoptCaStep, AdoptCaLook, adopt);
  EXPECT_EQ(NamesOf(outlook), "missing");
  EXPECT_TRUE(outlook.changes_digest);
  ASSERT_EQ(outlook.files.size(), 1u);
  EXPECT_NE(outlook.files[0].second.certificate, nullptr);
  EXPECT_EQ(NamesOf(Agree(AdoptCaStep, AdoptCaLook, adopt)), "");
  SetMode("pki/ca.pem", 0666);
  EXPECT_EQ(NamesOf(Agree(AdoptCaStep, AdoptCaLook, adopt)), "mode");
  Write("pki/ca.pem", "x");
  EXPECT_EQ(NamesOf(Agree(AdoptCaStep, AdoptCaLook, adopt)), "damaged");
  // Its owner has renewed it.
  ca_cert_["path"] = "given.pem";
  ca_cert_["key"] = "given-key.pem";
  ca_cert_["expiry"] = 94608000;
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  outlook = Agree(AdoptCaStep, AdoptCaLook, adopt);
  EXPECT_EQ(NamesOf(outlook), "source");
  EXPECT_THAT(ChangesOf(outlook), HasSubstr("expiry: \"43800h\" -> \"26280h\""));
  adopt["path"] = "given.pem";
  SetMode("given.pem", 0600);  // its owner's affair
  EXPECT_EQ(NamesOf(Agree(AdoptCaStep, AdoptCaLook, adopt)), "");
  adopt["path"] = "pki/ca.pem";
  now_ += absl::Hours(24 * 900);
  EXPECT_THAT(Agree(AdoptCaStep, AdoptCaLook, adopt).note, HasSubstr("expires soon"));
  SetMode("given-key.pem", 0640);
  EXPECT_THAT(Refused(AdoptCaStep, AdoptCaLook, adopt), HasSubstr("chmod 600"));
  SetMode("given-key.pem", 0600);
  adopt["key"] = "pki/x-key.pem";
  EXPECT_THAT(Refused(AdoptCaStep, AdoptCaLook, adopt), HasSubstr("key does not match"));
  adopt["from"] = "pki/x.pem";
  EXPECT_THAT(Refused(AdoptCaStep, AdoptCaLook, adopt), HasSubstr("it is not a CA certificate"));
  adopt["from"] = "none.pem";
  EXPECT_THAT(Refused(AdoptCaStep, AdoptCaLook, adopt), HasSubstr("none.pem"));
}

}  // namespace
}  // namespace kplan
