// What the looks of CRLs and bundles say, and that the steps then do just that.

#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/steps/pki/pki_outlook_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

class OutlookCrlBundleTest : public PkiOutlookTest {
 protected:
  // In a fresh folder: the record as it is at first, its step done, and then CHANGE.
  std::function<void()> After(const AnyStep& run, Json* record, const Json& first,
                              std::function<void()> change) {
    return [=] {
      *record = first;
      ASSERT_TRUE(RunNow(run, *record).ok());
      change();
    };
  }

  const Json first_crl_ = {{"certs", Json::array()},
                           {"der", "pki/ca.crl"},
                           {"expiry", 2592000},
                           {"issuer", "pki/ca.pem"},
                           {"issuer-key", "pki/ca-key.pem"},
                           {"kind", "crl"},
                           {"path", "pki/ca-crl.pem"},
                           {"serials", Json::array({{"5a", "keyCompromise", "1000"}})}};
  Json record_;
};

TEST_F(OutlookCrlBundleTest, Crl) {
  auto with = [this](std::function<void()> change) { return After(CrlStep, &record_, first_crl_, change); };
  const char *pem = "pki/ca-crl.pem", *der = "pki/ca.crl";
  Try(CrlStep, CrlLook, &record_,
      {
          {"right", with([] {}), "", "", false},
          {"both missing", with([=] {
             Remove(pem);
             Remove(der);
           }),
           "missing", "", true},
          {"one missing", with([=] { Remove(pem); }), "missing", "", false},
          {"one damaged", with([=] { Write(der, "x"); }), "damaged", "", false},
          {"one opened", with([=] { SetMode(der, 0666); }), "mode", "mode: \"0666\" -> \"0644\"", false},
          {"both damaged", with([=] {
             Write(pem, "x");
             Write(der, "x");
           }),
           "damaged", "", true},
          {"one more", with([this] {
             record_["serials"] =
                 Json::array({{"1f", "unspecified", "1000"}, {"5a", "keyCompromise", "1000"}});
           }),
           "revoked", "revoked: \"\" -> \"1f\"", true},
          {"another reason", with([this] {
             record_["serials"] = Json::array({{"5a", "superseded", "1000"}});
           }),
           "revoked",
           "revoked: \"5a (keyCompromise) on 1970-01-01 00:16 UTC\" -> \"5a (superseded) on 1970-01-01 00:16 "
           "UTC\"",
           true},
          {"none any more", with([this] { record_["serials"] = Json::array(); }), "revoked",
           "revoked: \"5a (keyCompromise)\" -> \"\"", true},
          {"a leaf revoked", with([this] {
             record_["certs"] = Json::array(
                 {{"pki/x.pem", "pki/superseded/x", "superseded", absl::StrCat(absl::ToUnixSeconds(now_))}});
           }),
           "revoked", "*", true},
          {"another expiry", with([this] { record_["expiry"] = 86400; }), "expiry",
           "expiry: \"720h\" -> \"24h\"\nuntil: \"2026-12-22 08:18 UTC\" -> \"2026-11-23 08:18 UTC\"", true},
          {"three weeks later", with([this] { now_ += absl::Hours(24 * 21); }), "expires-soon",
           "until: \"2026-12-22 08:18 UTC\" -> \"2027-01-12 08:18 UTC\"", true},
          {"its CA made again", with([this] {
             ca_cert_["expiry"] = 94608000;
             ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
           }),
           "", "", false},
          {"its CA has another subject", with([this] {
             ca_cert_["subject"] = StringPairs{{"CN", "Two"}};
             ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
           }),
           "issuer", "", true},
      });
}

TEST_F(OutlookCrlBundleTest, CrlRefusalsAndReleases) {
  Fresh();
  record_ = first_crl_;
  ASSERT_EQ(NamesOf(Agree(CrlStep, CrlLook, record_)), "missing");
  record_["serials"] = Json::array({{"5a", "keyCompromise", "99999999999"}});
  EXPECT_THAT(Refused(CrlStep, CrlLook, record_), HasSubstr("still to come"));
  record_["serials"] = Json::array();
  EXPECT_THAT(LookAt(CrlLook, record_).note, HasSubstr("no longer revokes 5a"));
  record_["issuer-key"] = "pki/x-key.pem";
  EXPECT_THAT(Refused(CrlStep, CrlLook, record_), HasSubstr("it is not the certificate of"));
}

// The certificate that a step before will replace is listed: it goes to the superseded ones.
TEST_F(OutlookCrlBundleTest, WhatIsAboutToBeReplacedIsListed) {
  Fresh();
  record_ = first_crl_;
  ASSERT_EQ(NamesOf(Agree(CrlStep, CrlLook, record_)), "missing");
  now_ += absl::Hours(1);
  const int64_t date = absl::ToUnixSeconds(now_);
  cert_["revoked-before"] = date;
  record_["certs"] = Json::array({{"pki/x.pem", "pki/superseded/x", "keyCompromise", absl::StrCat(date)}});
  EXPECT_TRUE(
      AgreeAll({{"cert", CertStep, CertLook, cert_, {}}, {"crl", CrlStep, CrlLook, record_, {"cert"}}}));
  EXPECT_EQ(NamesOf(LookAt(CrlLook, record_)), "");
}

TEST_F(OutlookCrlBundleTest, ManyRevokedAreCounted) {
  Fresh();
  record_ = first_crl_;
  ASSERT_EQ(NamesOf(Agree(CrlStep, CrlLook, record_)), "missing");
  for (int i = 0; i < 100; ++i) {
    record_["serials"].push_back({absl::StrCat("1", absl::Hex(i, absl::kZeroPad4)), "superseded", "5"});
  }
  Outlook outlook = LookAt(CrlLook, record_);
  ASSERT_EQ(outlook.changes.size(), 21u);
  EXPECT_EQ(outlook.changes.back().to, "80 more");
}

TEST_F(OutlookCrlBundleTest, Bundles) {
  for (const std::string form : {"chain", "bundle"}) {
    SCOPED_TRACE(form);
    const bool key = form == "bundle";
    const std::string path = absl::StrCat("pki/x-", form, ".pem");
    Json first = {{"cert", "pki/x.pem"},
                  {"form", form},
                  {"issuers", Json::array({"pki/ca.pem"})},
                  {"kind", "bundle"},
                  {"path", path}};
    if (key) first["key"] = "pki/x-key.pem";
    auto with = [&](std::function<void()> change) { return After(BundleStep, &record_, first, change); };
    Try(BundleStep, BundleLook, &record_,
        {
            {"right", with([] {}), "", "", false},
            {"missing", with([=] { Remove(path); }), "missing", "", true},
            {"damaged", with([=] { Write(path, "x", 0600); }), "damaged", "", true},
            {"mode", with([=] { SetMode(path, 0666); }), "mode",
             key ? "mode: \"0666\" -> \"0600\"" : "mode: \"0666\" -> \"0644\"", false},
            {"its text", with([=] { Write(path, Read(path) + "\n", key ? 0600 : 0644); }), "text", "", false},
            {"certificate made again", with([this] {
               cert_["usages"] = {"signing", "server auth"};
               ASSERT_NE(ReasonOf(CertStep, cert_), "");
             }),
             "certificate", "usage: \"key encipherment\" -> \"\"\nusage: \"client auth\" -> \"\"", true},
            {"without its issuers", with([this] { record_["issuers"] = Json::array(); }), "issuers", "",
             true},
        });
  }
}

TEST_F(OutlookCrlBundleTest, BundlesOfStrangers) {
  Fresh();
  Json bundle = {{"cert", "pki/x.pem"}, {"form", "bundle"},       {"issuers", Json::array({"pki/ca.pem"})},
                 {"kind", "bundle"},    {"key", "pki/x-key.pem"}, {"path", "pki/x-bundle.pem"}};
  ca_cert_["subject"] = StringPairs{{"CN", "Two"}};
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_THAT(Refused(BundleStep, BundleLook, bundle), HasSubstr("was not signed by"));
  key_["generation"] = 2;
  ASSERT_NE(ReasonOf(KeyStep, key_), "");
  bundle["issuers"] = Json::array();
  EXPECT_THAT(Refused(BundleStep, BundleLook, bundle), HasSubstr("is not the key of the certificate"));
}

TEST_F(OutlookCrlBundleTest, Pkcs12StaysShut) {
  Fresh();
  Write("pass", "correct horse", 0600);
  const Json p12 = {
      {"cert", "pki/x.pem"}, {"form", "pkcs12"}, {"issuers", Json::array()},       {"key", "pki/x-key.pem"},
      {"kind", "bundle"},    {"name", "x"},      {"passphrase", {"file", "pass"}}, {"path", "pki/x.p12"}};
  EXPECT_EQ(NamesOf(Agree(BundleStep, BundleLook, p12)), "missing");
  EXPECT_EQ(NamesOf(Agree(BundleStep, BundleLook, p12)), "");
  Remove("pass");
  EXPECT_EQ(NamesOf(LookAt(BundleLook, p12)), "");
  SetMode("pki/x.p12");
  EXPECT_EQ(NamesOf(LookAt(BundleLook, p12)), "mode");
  Write("pki/x.p12", "x", 0600);
  EXPECT_EQ(NamesOf(LookAt(BundleLook, p12)), "damaged");
  Write("pass", "correct horse", 0600);
  ASSERT_EQ(ReasonOf(BundleStep, p12), "damaged");
  // What a step before will change is known.
  cert_["usages"] = {"signing", "server auth"};
  EXPECT_TRUE(
      AgreeAll({{"cert", CertStep, CertLook, cert_, {}}, {"p12", BundleStep, BundleLook, p12, {"cert"}}}));
  EXPECT_EQ(made_, 3);
}

}  // namespace
}  // namespace kplan
