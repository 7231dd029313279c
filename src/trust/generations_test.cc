#include "src/trust/generations.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/paths.h"
#include "src/pki/der.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/issue.h"
#include "src/pki/private_key.h"
#include "src/pki/usages.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GenerationsTest : public StepTest {
 protected:
  // Makes generation NUMBER of "ca", as it stands in pki.
  void Make(int number, int64_t days = 365, std::optional<int64_t> path_length = std::nullopt) {
    const std::string stem = paths::Generation("ca", number);
    absl::StatusOr<PrivateKey> key = PrivateKey::Generate("ecdsa", 256);
    ASSERT_TRUE(key.ok());
    absl::StatusOr<NamePtr> subject = MakeName({{"CN", absl::StrCat("ca G", number)}});
    ASSERT_TRUE(subject.ok());
    NewCertificate wanted;
    wanted.subject = subject->get();
    wanted.extensions.is_ca = true;
    wanted.extensions.path_length = path_length;
    wanted.extensions.key_usage = kCertSign | kCrlSign;
    wanted.serial = absl::StrCat(number);
    wanted.validity = {absl::ToUnixSeconds(now_) - 60, absl::ToUnixSeconds(now_) + days * 24 * 3600};
    absl::StatusOr<std::string> der = MakeSelfSigned(wanted, *key);
    ASSERT_TRUE(der.ok()) << der.status();
    Write(paths::Certificate(stem), EncodePem("CERTIFICATE", *der));
    absl::StatusOr<Secret> pem = key->ToPem();
    ASSERT_TRUE(pem.ok());
    Write(paths::Key(stem), pem->view(), 0600);
  }

  std::vector<Generation> Found() {
    absl::StatusOr<std::vector<Generation>> found = FindGenerations(ca_);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : std::vector<Generation>();
  }

  std::vector<int64_t> Numbers() {
    std::vector<int64_t> numbers;
    for (const Generation& generation : Found()) numbers.push_back(generation.number);
    return numbers;
  }

  const absl::Time now_ = absl::Now();
  ExchangedCa ca_ = [] {
    ExchangedCa ca;
    ca.name = "ca";
    ca.generation = 2;
    return ca;
  }();
};

TEST_F(GenerationsTest, AreFoundByTheirFiles) {
  EXPECT_THAT(Numbers(), IsEmpty());  // without a folder, too
  Make(1);
  Make(2);
  Make(12);
  Write("pki/ca-g02.pem", "somebody else's");
  Write("pki/ca-gx.pem", "somebody else's");
  Write("pki/ca-trust.pem", "all of them");
  Write("pki/cabinet.pem", "a leaf's");
  EXPECT_THAT(Numbers(), ElementsAre(1, 2, 12));
  const std::vector<Generation> found = Found();
  EXPECT_EQ(WantedOf(ca_, found), &found[1]);
  ca_.generation = 3;
  EXPECT_EQ(WantedOf(ca_, found), nullptr);
}

TEST_F(GenerationsTest, ADamagedOneIsAnError) {
  Make(1);
  Write("pki/ca-g2.pem", "nothing\n");
  EXPECT_THAT(FindGenerations(ca_).status().message(), HasSubstr("pki/ca-g2.pem"));
}

TEST_F(GenerationsTest, WhoTrustsWhichIsReadFromAFile) {
  Make(1);
  Make(2);
  const std::vector<Generation> found = Found();
  const std::string both = TrustText(ca_, found);
  EXPECT_EQ(both, absl::StrCat(Read("pki/ca-g2.pem"), Read("pki/ca.pem")));
  EXPECT_THAT(TrustedIn(both, found), ElementsAre(1, 2));
  EXPECT_THAT(TrustedIn(Read("pki/ca.pem"), found), ElementsAre(1));
  EXPECT_THAT(TrustedIn("", found), IsEmpty());
  EXPECT_THAT(TrustedIn("no PEM", found), IsEmpty());
  // Of the same name, with another key.
  const std::string first = Read("pki/ca.pem");
  Make(1);
  EXPECT_THAT(TrustedIn(first, Found()), IsEmpty());
}

TEST_F(GenerationsTest, TheOneBeforeSignsTheKeyOfTheNext) {
  Make(1, 100);
  Make(2, 365);
  const std::vector<Generation> found = Found();
  EXPECT_EQ(WhyNoCross(found[0], &found[1], now_), "");
  ASSERT_TRUE(EnsureCross(ca_, found[1], found[0], now_).ok());
  absl::StatusOr<Certificate> cross = Certificate::Read("pki/ca-g2-cross.pem");
  ASSERT_TRUE(cross.ok()) << cross.status();
  EXPECT_EQ(cross->spki, found[1].certificate.spki);
  EXPECT_EQ(cross->subject_der, found[1].certificate.subject_der);
  EXPECT_EQ(cross->subject_key_id, found[1].certificate.subject_key_id);
  EXPECT_EQ(cross->not_after, found[0].certificate.not_after);
  EXPECT_TRUE(cross->is_ca);
  EXPECT_TRUE(cross->NamesAsIssuer(found[0].certificate) && cross->IsSignedBy(found[0].certificate));
  // Once.
  const std::string made = Everything("pki");
  ASSERT_TRUE(EnsureCross(ca_, found[1], found[0], now_).ok());
  EXPECT_EQ(Everything("pki"), made);
  // That of another key is made again.
  Make(2);
  const std::vector<Generation> others = Found();
  ASSERT_TRUE(EnsureCross(ca_, others[1], others[0], now_).ok());
  EXPECT_EQ(Certificate::Read("pki/ca-g2-cross.pem")->spki, others[1].certificate.spki);
}

TEST_F(GenerationsTest, NotEveryCaCanSignTheNext) {
  Make(2);
  Make(1, 365, 0);
  EXPECT_THAT(WhyNoCross(Found()[0], nullptr, now_), HasSubstr("max_path_len"));
  Make(1, 365, 1);
  EXPECT_EQ(WhyNoCross(Found()[0], nullptr, now_), "");
  Make(1, 1);
  EXPECT_EQ(WhyNoCross(Found()[0], nullptr, now_ - absl::Seconds(1)), "");
  EXPECT_THAT(WhyNoCross(Found()[0], nullptr, now_ + absl::Minutes(1)), HasSubstr("it ends at"));
  Make(1);
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  EXPECT_EQ(WhyNoCross(Found()[0], nullptr, now_), "pki/ca-key.pem is not here");
}

TEST_F(GenerationsTest, ARetiredOneIsKeptAndNeverComesBack) {
  Make(1);
  Make(2);
  const std::vector<Generation> found = Found();
  ASSERT_TRUE(EnsureCross(ca_, found[1], found[0], now_).ok());
  const std::string key = Read("pki/ca-key.pem");
  ASSERT_TRUE(Retire(found[0], found[1]).ok());
  EXPECT_THAT(Numbers(), ElementsAre(2));
  EXPECT_THAT(List("pki/retired"), ElementsAre("ca-g2-cross.pem", "ca-key.pem", "ca.pem"));
  EXPECT_EQ(Read("pki/retired/ca-key.pem"), key);
  EXPECT_EQ(ModeOf("pki/retired/ca-key.pem"), 0600);
  EXPECT_TRUE(CheckNotRetired(ca_).ok());
  ca_.generation = 1;
  EXPECT_THAT(CheckNotRetired(ca_).message(), HasSubstr("generation 1 of the CA ca was retired"));
}

}  // namespace
}  // namespace kplan
