#include "src/step/certificate_changes.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

class CertificateChangesTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    MakeAll();
    old_ = Parsed("pki/x.pem");
  }

  // What has changed since SetUp, a line a change, once the step has made the certificate that CERT_ is now.
  std::vector<std::string> Changes() {
    RunNow(CsrStep, csr_).IgnoreError();
    EXPECT_NE(ReasonOf(CertStep, cert_), "");
    std::vector<std::string> lines;
    for (const Change& change : CertificateChanges(old_, Parsed("pki/x.pem"))) {
      if (change.what != "until")
        lines.push_back(absl::StrCat(change.what, ": ", change.from, " -> ", change.to));
    }
    return lines;
  }

  Certificate old_;
};

TEST_F(CertificateChangesTest, TheSameIsNoChange) {
  EXPECT_THAT(CertificateChanges(old_, Parsed("pki/x.pem")), IsEmpty());
}

TEST_F(CertificateChangesTest, ARenewalChangesItsEndAlone) {
  now_ += absl::Hours(24 * 500);
  EXPECT_THAT(Changes(), IsEmpty());
  std::vector<Change> changes = CertificateChanges(old_, Parsed("pki/x.pem"));
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].what, "until");
  EXPECT_EQ(changes[0].from, TimeText(old_.not_after));
  EXPECT_NE(changes[0].to, changes[0].from);
}

TEST_F(CertificateChangesTest, NamesComeAndGo) {
  cert_["sans"] = StringPairs{{"dns", "y"}, {"ip", "10.0.0.1"}};
  csr_["sans"] = cert_["sans"];
  std::vector<std::string> expected = {"SAN:  -> dns y", "SAN:  -> ip 10.0.0.1"};
  for (const auto& [type, value] : old_.sans)
    expected.push_back(absl::StrCat("SAN: ", type, " ", value, " -> "));
  EXPECT_GT(expected.size(), 2u);
  EXPECT_THAT(Changes(), testing::ElementsAreArray(expected));
}

TEST_F(CertificateChangesTest, SubjectsByCnAndRest) {
  cert_["subject"] = StringPairs{{"O", "Elsewhere"}, {"CN", "y"}};
  csr_["subject"] = cert_["subject"];
  EXPECT_THAT(Changes(), ElementsAre("CN: kubernetes -> y", MatchesRegex("subject: .*-> O=Elsewhere")));
}

TEST_F(CertificateChangesTest, UsagesAndLife) {
  cert_["usages"] = {"signing", "client auth", "code signing"};
  cert_["expiry"] = 7200 * 1000;
  std::vector<std::string> lines = Changes();
  EXPECT_THAT(lines, testing::Contains("usage:  -> code signing"));
  EXPECT_THAT(lines, testing::Contains(MatchesRegex("expiry: [0-9]+h -> 2000h")));
}

TEST_F(CertificateChangesTest, ACaAndUrls) {
  cert_["ca"] = true;
  cert_["usages"] = {"cert sign", "crl sign"};
  cert_["crl-url"] = "http://c/crl";
  std::vector<std::string> lines = Changes();
  EXPECT_THAT(lines, testing::Contains("CA: false -> true"));
  EXPECT_THAT(lines, testing::Contains("CRL URL:  -> http://c/crl"));
}

TEST_F(CertificateChangesTest, KeysByFingerprintOnly) {
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  ASSERT_TRUE(RunNow(KeyStep, key_).ok());
  std::vector<std::string> lines = Changes();
  EXPECT_THAT(lines, ElementsAre(MatchesRegex("key: SHA256:[0-9a-f]{16} -> SHA256:[0-9a-f]{16}")));
  EXPECT_EQ(lines[0].substr(5, 23), KeyFingerprint(old_.spki));
}

}  // namespace
}  // namespace kplan
