#include "src/importer/profile_match.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr int64_t kHour = 3600;
constexpr char kServerAuth[] = "1.3.6.1.5.5.7.3.1";
constexpr char kClientAuth[] = "1.3.6.1.5.5.7.3.2";

class ProfileMatchTest : public testing::Test {
 protected:
  ProfileMatchTest() {
    findings_.AddFile("admin.pem", "");
    issuer_.not_after = 100000 * kHour;
  }

  void Add(const std::string& name, std::vector<std::string> usages, int64_t hours, bool is_default = false) {
    if (input_.configs.empty()) input_.configs.push_back({"ca-config", {}});
    CfsslProfile profile;
    profile.name.value = name;
    profile.is_default = is_default;
    for (std::string& usage : usages) profile.usages.push_back({std::move(usage), {}});
    profile.expiry.value = absl::StrCat(hours, "h");
    profile.expiry_seconds = hours * kHour;
    input_.configs[0].profiles.push_back(std::move(profile));
  }

  static CertificateFile Leaf(uint16_t key_usage, std::vector<std::string> extended, int64_t hours) {
    CertificateFile file;
    file.name = "admin";
    file.certificate.key_usage = key_usage;
    file.certificate.extended_key_usages = std::move(extended);
    file.certificate.not_before = 0;
    file.certificate.not_after = hours * kHour;
    return file;
  }

  // The profile's name, and in profiles_ what there is afterwards.
  std::string Match(const CertificateFile& file, const std::string& kind = "rsa 2048", bool compat = false) {
    ProfileMatcher matcher(input_, compat, &findings_);
    std::string name = matcher.NameFor(file, kind, issuer_);
    profiles_ = matcher.TakeProfiles();
    return name;
  }

  const ImportedProfile& Profile(const std::string& name) const {
    for (const ImportedProfile& profile : profiles_) {
      if (profile.name.value == name) return profile;
    }
    ADD_FAILURE() << "no profile " << name;
    return profiles_.front();
  }

  const std::vector<std::string> tutorial_ = {"signing", "key encipherment", "server auth", "client auth"};
  static constexpr uint16_t kTutorialUsage = kDigitalSignature | kKeyEncipherment;
  Findings findings_;
  Input input_;
  Certificate issuer_;
  std::vector<ImportedProfile> profiles_;
};

TEST_F(ProfileMatchTest, TheTutorialsNeedsNoText) {
  Add("kubernetes", tutorial_, 8760);
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kServerAuth, kClientAuth}, 8760)), "kubernetes");
  EXPECT_TRUE(IsBuiltIn(Profile("kubernetes")));
  EXPECT_TRUE(Profile("kubernetes").used);
  EXPECT_EQ(findings_.Format(false), "");
}

TEST_F(ProfileMatchTest, SeveralConfigurations) {
  Add("server", {"signing", "server auth"}, 100);
  Add("same", {"signing", "client auth"}, 10);
  input_.configs.push_back({"root-config", input_.configs[0].profiles});
  input_.configs[1].profiles[0].expiry = {"200h", {}};
  input_.configs[1].profiles[0].expiry_seconds = 200 * kHour;
  EXPECT_EQ(Match(Leaf(kDigitalSignature, {kServerAuth}, 200)), "server-root-config");
  EXPECT_EQ(Profile("server-root-config").comment, "server of root-config.json");
  EXPECT_EQ(Match(Leaf(kDigitalSignature, {kServerAuth}, 100)), "server");
  EXPECT_EQ(Match(Leaf(kDigitalSignature, {kClientAuth}, 10)), "same");
  EXPECT_EQ(profiles_.size(), 3u);
  EXPECT_EQ(findings_.Format(false), "");
}

TEST_F(ProfileMatchTest, WithoutAConfigurationToo) {
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kClientAuth, kServerAuth}, 8760)), "kubernetes");
  EXPECT_TRUE(IsBuiltIn(Profile("kubernetes")));
}

TEST_F(ProfileMatchTest, TheOneWithTheSameUsagesAndExpiry) {
  Add("server", {"signing", "key encipherment", "server auth"}, 8760);
  Add("short", {"signing", "key encipherment", "client auth"}, 24);
  Add("client", {"client auth", "key encipherment", "signing"}, 8760);
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kClientAuth}, 8760)), "client");
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kClientAuth}, 24)), "short");
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kServerAuth}, 8760)), "server");
  EXPECT_EQ(findings_.Format(false), "");
}

TEST_F(ProfileMatchTest, ALeafThatEndsWithItsCaHasTheProfileAllTheSame) {
  Add("kubernetes", tutorial_, 8760);
  CertificateFile leaf = Leaf(kTutorialUsage, {kServerAuth, kClientAuth}, 5000);
  issuer_.not_after = leaf.certificate.not_after;
  EXPECT_EQ(Match(leaf), "kubernetes");
  EXPECT_EQ(profiles_.size(), 1u);
}

TEST_F(ProfileMatchTest, AnotherExpiryIsAProfileOfItsOwn) {
  Add("kubernetes", tutorial_, 8760);
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kServerAuth, kClientAuth}, 17520)), "kubernetes-17520h");
  EXPECT_EQ(Profile("kubernetes-17520h").expiry.value, "17520h");
  EXPECT_EQ(Profile("kubernetes-17520h").comment,
            "admin lives 17520h, and by the profile \"kubernetes\" it would 8760h");
  EXPECT_FALSE(Profile("kubernetes").used);
  EXPECT_TRUE(absl::StrContains(findings_.Format(false), "warning: was signed by no profile"))
      << findings_.Format(false);
  EXPECT_FALSE(findings_.has_errors());
}

TEST_F(ProfileMatchTest, OtherUsagesAreAProfileOfTheirOwn) {
  Add("kubernetes", tutorial_, 8760);
  EXPECT_EQ(Match(Leaf(kDigitalSignature, {kClientAuth, "1.3.6.1.5.5.7.3.9"}, 24)), "as-admin");
  std::vector<std::string> words;
  for (const Sourced& usage : Profile("as-admin").usages) words.push_back(usage.value);
  EXPECT_EQ(words, (std::vector<std::string>{"signing", "client auth", "ocsp signing"}));
}

TEST_F(ProfileMatchTest, TheDefaultIsTakenLastAndSaid) {
  Add("default", tutorial_, 24, /*is_default=*/true);
  Add("kubernetes", tutorial_, 8760);
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kServerAuth, kClientAuth}, 8760)), "kubernetes");
  EXPECT_EQ(findings_.Format(false), "");
  EXPECT_EQ(Match(Leaf(kTutorialUsage, {kServerAuth, kClientAuth}, 24)), "cfssl-default");
  EXPECT_TRUE(absl::StrContains(findings_.Format(false), "was signed by cfssl's `default` profile"));
}

TEST_F(ProfileMatchTest, EcKeysLoseKeyEnciphermentUnlessCompatible) {
  Add("kubernetes", tutorial_, 8760);
  CertificateFile with = Leaf(kTutorialUsage, {kServerAuth, kClientAuth}, 8760);
  CertificateFile without = Leaf(kDigitalSignature, {kServerAuth, kClientAuth}, 8760);
  EXPECT_EQ(Match(without, "ecdsa 256", /*compat=*/false), "kubernetes");
  EXPECT_EQ(Match(with, "ecdsa 256", /*compat=*/true), "kubernetes");
  EXPECT_EQ(Match(without, "ecdsa 256", /*compat=*/true), "as-admin");
  EXPECT_EQ(Match(without, "rsa 2048", /*compat=*/false), "as-admin");
}

TEST_F(ProfileMatchTest, CaAndUrlsCount) {
  Add("ca", {"cert sign", "crl sign"}, 8760);
  input_.configs[0].profiles[0].is_ca = true;
  input_.configs[0].profiles[0].path_length = 0;
  CertificateFile ca = Leaf(kCertSign | kCrlSign, {}, 8760);
  ca.certificate.is_ca = true;
  EXPECT_EQ(Match(ca), "as-admin");
  ca.path_length = 0;
  EXPECT_EQ(Match(ca), "ca");
  ca.crl = "http://x/ca.crl";
  EXPECT_EQ(Match(ca), "ca-8760h");
  input_.configs[0].profiles[0].crl.value = "http://x/ca.crl";
  EXPECT_EQ(Match(ca), "ca");
}

TEST_F(ProfileMatchTest, AProfileForWhatIsNotIssuedYet) {
  auto name = [this] { return ProfileMatcher(input_, false, &findings_).NameForNew(); };
  EXPECT_EQ(name(), "kubernetes");  // the built-in one
  Add("server", {"server auth"}, 24);
  EXPECT_EQ(name(), "server");  // the only one
  Add("client", {"client auth"}, 24);
  EXPECT_EQ(name(), "");
  Add("kubernetes", tutorial_, 8760);
  EXPECT_EQ(name(), "kubernetes");
}

TEST_F(ProfileMatchTest, WhatHasNoWordIsAnError) {
  Add("kubernetes", tutorial_, 8760);
  Match(Leaf(kDigitalSignature, {"1.2.3.4"}, 24));
  EXPECT_TRUE(absl::StrContains(findings_.Format(false),
                                "admin.pem: error: usages: it has the extended key usage 1.2.3.4"));
  Match(Leaf(0, {}, 24));
  EXPECT_TRUE(absl::StrContains(findings_.Format(false), "it says nothing of what it may be used for"));
}

}  // namespace
}  // namespace kplan
