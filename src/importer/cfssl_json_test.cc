#include "src/importer/cfssl_json.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

class CfsslJsonTest : public testing::Test {
 protected:
  const JsonNode& Parse(const std::string& text) {
    file_ = findings_.AddFile("f.json", text);
    EXPECT_TRUE(tree_.Parse(text, file_, &findings_)) << findings_.Format(false);
    return tree_.root();
  }
  CfsslConfig Config(const std::string& text) { return ReadConfig(Parse(text), file_, &findings_); }
  CfsslRequest Request(const std::string& text) { return ReadRequest(Parse(text), file_, &findings_); }
  std::string Said() const { return findings_.Format(false); }

  Findings findings_;
  JsonTree tree_;
  size_t file_ = 0;
};

TEST_F(CfsslJsonTest, TheTutorialsConfig) {
  CfsslConfig config = Config(R"({"signing": {"default": {"expiry": "8760h"}, "profiles": {"kubernetes":
      {"usages": ["signing", "key encipherment", "server auth", "client auth"], "expiry": "8760h"}}}})");
  EXPECT_EQ(Said(), "");
  ASSERT_EQ(config.profiles.size(), 2u);
  EXPECT_TRUE(config.profiles[0].is_default);
  EXPECT_TRUE(config.profiles[0].usages.empty());
  EXPECT_EQ(config.profiles[1].name.value, "kubernetes");
  EXPECT_EQ(config.profiles[1].usages.size(), 4u);
  EXPECT_EQ(config.profiles[1].expiry_seconds, 8760 * 3600);
  EXPECT_FALSE(config.profiles[1].is_ca);
}

TEST_F(CfsslJsonTest, WhatIsNotSaidIsTheDefaults) {
  CfsslConfig config = Config(R"({"signing": {"profiles": {"a": {"usages": ["signing"]},
      "b": {"usages": ["signing"], "expiry": "1h30m"}}, "default": {"expiry": "24h"}}})");
  ASSERT_EQ(config.profiles.size(), 3u);
  EXPECT_EQ(config.profiles[1].expiry.value, "24h");
  EXPECT_EQ(config.profiles[2].expiry_seconds, 5400);
}

TEST_F(CfsslJsonTest, UrlsThatAreNotSaidAreTheDefaults) {
  CfsslConfig config =
      Config(R"({"signing": {"default": {"expiry": "24h", "crl_url": "http://c", "ocsp_url": "http://o",
      "issuer_urls": ["http://i"], "backdate": "1h"}, "profiles": {
      "a": {"usages": ["signing"]},
      "b": {"usages": ["signing"], "crl_url": "http://b", "ocsp_url": "", "issuer_urls": []},
      "c": {"usages": ["signing"], "issuer_urls": null}}}})");
  EXPECT_EQ(Said(), "");
  std::string urls;
  for (const CfsslProfile& profile : config.profiles) {
    absl::StrAppend(&urls, profile.crl.value, " ", profile.ocsp.value, " ",
                    profile.issuers.empty() ? "-" : profile.issuers[0].value, " ", profile.backdate.value,
                    "\n");
  }
  // cfssl takes an empty text for none, an empty list for one, and inherits no backdate.
  EXPECT_EQ(urls,
            "http://c http://o http://i 1h\n"
            "http://c http://o http://i \n"
            "http://b http://o - \n"
            "http://c http://o http://i \n");
}

TEST_F(CfsslJsonTest, APathLengthOfZeroNeedsItsFlag) {
  CfsslConfig config = Config(R"({"signing": {"profiles": {
      "a": {"usages": ["cert sign"], "expiry": "1h", "ca_constraint": {"is_ca": true}},
      "b": {"usages": ["cert sign"], "expiry": "1h", "ca_constraint": {"is_ca": true, "max_path_len": 0}},
      "c": {"usages": ["cert sign"], "expiry": "1h",
            "ca_constraint": {"is_ca": true, "max_path_len": 0, "max_path_len_zero": true}},
      "d": {"usages": ["cert sign"], "expiry": "1h", "ca_constraint": {"is_ca": true, "max_path_len": 3}},
      "e": {"usages": ["signing"], "expiry": "1h", "ca_constraint": {"is_ca": false, "max_path_len": 3}}}}})");
  EXPECT_EQ(Said(), "");
  std::string lengths;
  for (const CfsslProfile& profile : config.profiles) absl::StrAppend(&lengths, profile.path_length, " ");
  EXPECT_EQ(lengths, "-1 -1 0 3 -1 ");
}

TEST_F(CfsslJsonTest, WhatCfsslIgnoresIsSaid) {
  CfsslConfig config = Config(R"({"signing": {"profiles": {"a": {
  "usages": ["signing", "serverauth", "client auth", "signing"],
  "expiry": "1h",
  "auth_key": "k",
  "name_whitelist": "x",
  "usage": []}}}, "auth_keys": {}, "remotes": {}})");
  ASSERT_EQ(config.profiles.size(), 1u);
  EXPECT_EQ(config.profiles[0].usages.size(), 2u);
  EXPECT_FALSE(findings_.has_errors());
  const std::string said = Said();
  for (const char* line :
       {"f.json:2:25: warning: signing.profiles.a.usages[1]: cfssl has no usage \"serverauth\", and left it "
        "out",
        "did you mean \"server auth\"?", "f.json:4:3: warning: signing.profiles.a.auth_key: dropped",
        "f.json:5:3: warning: signing.profiles.a.name_whitelist: dropped",
        "f.json:6:3: warning: signing.profiles.a.usage: cfssl has no field \"usage\", and ignored it",
        "did you mean \"usages\"?", "warning: auth_keys: dropped", "warning: remotes: dropped"}) {
    EXPECT_TRUE(absl::StrContains(said, line)) << line << "\n" << said;
  }
}

TEST_F(CfsslJsonTest, OtherKindsOfValuesAreErrors) {
  Config(R"({"signing": {"profiles": {"a": {"usages": "signing", "expiry": 8760},
      "b": {"usages": [1], "expiry": "1y", "backdate": "x", "ca_constraint": {"is_ca": "true", "max_path_len": -1}},
      "c": []}}})");
  const std::string said = Said();
  for (const char* line : {"signing.profiles.a.usages: must be a list, not a text",
                           "signing.profiles.a.expiry: must be a text, not a number",
                           "signing.profiles.b.usages[0]: must be a text, not a number",
                           "signing.profiles.b.expiry: \"1y\" is not a duration",
                           "signing.profiles.b.backdate: \"x\" is not a duration",
                           "signing.profiles.b.ca_constraint.is_ca: must be a truth value, not a text",
                           "signing.profiles.b.ca_constraint.max_path_len: -1 is no number of CAs",
                           "signing.profiles.c: must be a map, not a list"}) {
    EXPECT_TRUE(absl::StrContains(said, line)) << line << "\n" << said;
  }
}

TEST_F(CfsslJsonTest, ARequest) {
  CfsslRequest request =
      Request(R"({"CN": "x", "key": {"algo": "ecdsa", "size": 384}, "hosts": ["a", "10.0.0.1"],
      "names": [{"C": "US", "O": ""}, {"O": "b"}], "serialnumber": "S1", "ca": {"expiry": "87600h", "pathlen": 2}})");
  EXPECT_EQ(Said(), "");
  EXPECT_EQ(request.CN.value, "x");
  EXPECT_EQ(request.CN.place.field, "CN");
  EXPECT_EQ(request.algo.value + request.size.value, "ecdsa384");
  EXPECT_EQ(request.hosts.size(), 2u);
  ASSERT_EQ(request.names.size(), 2u);
  ASSERT_EQ(request.names[0].size(), 1u);  // an empty value is none
  EXPECT_EQ(request.names[1][0].second.place.field, "names[1].O");
  EXPECT_EQ(request.serial_number.value, "S1");
  EXPECT_TRUE(request.is_ca);
  EXPECT_EQ(request.ca_expiry_seconds, 87600 * 3600);
}

TEST_F(CfsslJsonTest, FilesAreKnownByTheirContent) {
  EXPECT_EQ(KindOf(Parse(R"({"signing": {}})")), CfsslFile::kConfig);
  JsonTree request, other, list;
  ASSERT_TRUE(request.Parse(R"({"hosts": []})", file_, &findings_));
  ASSERT_TRUE(other.Parse(R"({"version": 1})", file_, &findings_));
  ASSERT_TRUE(list.Parse("[]", file_, &findings_));
  EXPECT_EQ(KindOf(request.root()), CfsslFile::kRequest);
  EXPECT_EQ(KindOf(other.root()), CfsslFile::kOther);
  EXPECT_EQ(KindOf(list.root()), CfsslFile::kOther);
}

}  // namespace
}  // namespace kplan
