// What the looks foresee of a certificate and its key, from their making to the host.

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/step/host_outlook_testing.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::MatchesRegex;

constexpr char kCertificate[] = "./rootfs/etc/x.pem";
constexpr char kKey[] = "./rootfs/etc/x-key.pem";

class PairOutlookTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    Foresight::now = now_;
    pair_ = {{"cert-from", "pki/x.pem"},     {"cert-path", "/etc/x.pem"}, {"key-from", "pki/x-key.pem"},
             {"key-path", "/etc/x-key.pem"}, {"kind", "install-pair"},    {"root", "./rootfs"}};
    trust_ = {{"from", "pki/ca.pem"},  {"kind", "install"},  {"mode", "0644"},
              {"path", "/etc/ca.pem"}, {"root", "./rootfs"}, {"secret", false}};
    secret_ = {{"from", "pki/x-key.pem"},     {"kind", "install"},  {"mode", "0600"},
               {"path", "/etc/copy-key.pem"}, {"root", "./rootfs"}, {"secret", true}};
  }

  // How the keys and certificates come, whose looks have tests of their own, and what goes to the host.
  std::vector<LookedStep> Steps() const {
    return {{KeyStep, KeyLook, ca_key_, false}, {CaCertStep, CaCertLook, ca_cert_, false},
            {KeyStep, KeyLook, key_, false},    {CsrStep, CsrLook, csr_, false},
            {CertStep, CertLook, cert_, false}, {PairStep, PairLook, pair_},
            {FileStep, FileLook, trust_},       {FileStep, FileLook, secret_}};
  }

  // Looks at the three that put something on the host, and runs all; the names of their reasons.
  std::vector<std::string> LookThenRun() {
    outlooks_ = Foresight::LookThenRun(Steps(), &digests_);
    std::vector<std::string> names;
    for (size_t i = 5; i < outlooks_.size(); ++i) {
      names.push_back(outlooks_[i].ok() ? absl::StrJoin(NamesOf(outlooks_[i]->reasons), " ") : "failed");
    }
    return names;
  }
  std::vector<std::string> PairChanges() const { return LinesOf(outlooks_[5]->changes); }

  // The pair alone, as it is now.
  std::string LookAtPair() {
    const LookedStep step = {PairStep, PairLook, pair_};
    return absl::StrJoin(NamesOf(Foresight::LookThenRun(step, &digests_[5]).reasons), " ");
  }

  Json pair_, trust_, secret_;
  std::map<size_t, std::string> digests_;
  std::vector<absl::StatusOr<Outlook>> outlooks_;
};

TEST_F(PairOutlookTest, FromNothingAndThenNothing) {
  EXPECT_THAT(LookThenRun(), ElementsAre("missing", "missing", "missing"));
  EXPECT_THAT(LookThenRun(), ElementsAre("", "", ""));
}

TEST_F(PairOutlookTest, ANameIsAdded) {
  LookThenRun();
  const StringPairs sans = {{"dns", "worker"}, {"ip", "127.0.0.1"}, {"dns", "etcd.example.com"}};
  csr_["sans"] = cert_["sans"] = sans;
  EXPECT_THAT(LookThenRun(), ElementsAre("content", "", ""));
  EXPECT_THAT(PairChanges(), ElementsAre("SAN:  -> dns etcd.example.com"));
}

TEST_F(PairOutlookTest, ARenewal) {
  LookThenRun();
  Foresight::now += absl::Hours(24 * 300);
  EXPECT_THAT(LookThenRun(), ElementsAre("content", "", ""));
  EXPECT_THAT(PairChanges(), ElementsAre(MatchesRegex("until: 2027.* -> 2028.*")));
}

TEST_F(PairOutlookTest, AnotherKey) {
  LookThenRun();
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  EXPECT_THAT(LookThenRun(), ElementsAre("content", "", "content"));
}

TEST_F(PairOutlookTest, AnotherFormOfTheKey) {
  LookThenRun();
  key_["format"] = "pkcs8";
  std::vector<std::string> names = LookThenRun();
  EXPECT_NE(outlooks_[2]->reasons.size(), 0u) << "the key is to be written again";
  EXPECT_THAT(names, ElementsAre("key", "", "content"));
  EXPECT_FALSE(outlooks_[5]->changes_digest) << "it is the same key";
}

TEST_F(PairOutlookTest, AnotherKeyOnTheHost) {
  LookThenRun();
  const std::string old = Read(kKey);
  ASSERT_EQ(system("openssl ecparam -genkey -noout -name prime256v1 -out rootfs/etc/copy-key.pem"), 0);
  EXPECT_THAT(LookThenRun(), ElementsAre("", "", "content"));
  EXPECT_THAT(LinesOf(outlooks_[7]->changes),
              ElementsAre(MatchesRegex("key: SHA256:[0-9a-f]+ -> SHA256:[0-9a-f]+")));
  EXPECT_EQ(Read("rootfs/etc/copy-key.pem"), old);
  Write("rootfs/etc/copy-key.pem", "rubbish", 0640);
  EXPECT_THAT(LookThenRun(), ElementsAre("", "", "content mode"));
}

TEST_F(PairOutlookTest, AnotherCertificateOnTheHost) {
  LookThenRun();
  Write("rootfs/etc/ca.pem", Read("pki/x.pem"));
  EXPECT_THAT(LookThenRun(), ElementsAre("", "content", ""));
  std::vector<std::string> changes = LinesOf(outlooks_[6]->changes);
  EXPECT_THAT(changes, Contains("CN: kubernetes -> Kubernetes"));
  EXPECT_THAT(changes, Contains("SAN: dns worker -> "));
  EXPECT_THAT(changes, Contains("CA: false -> true"));
}

TEST_F(PairOutlookTest, WhateverIsWrongWithThePair) {
  LookThenRun();
  ASSERT_EQ(system("cp -r pki other && rm other/x* && openssl ecparam -genkey -noout -name prime256v1 -out "
                   "other/x-key.pem && openssl req -x509 -key other/x-key.pem -subj /CN=y -out other/x.pem"),
            0);
  const struct {
    std::function<void()> make;
    const char* names;
  } situations[] = {
      {[] {}, ""},
      {[] { unlink(kCertificate); }, "missing"},
      {[] { unlink(kKey); }, "missing"},
      {[] {
         unlink(kCertificate);
         unlink(kKey);
       },
       "missing"},
      {[] { chmod(kKey, 0644); }, "mode"},
      {[] { chmod(kCertificate, 0600); }, "mode"},
      {[] { Write(kCertificate, Read("other/x.pem")); }, "content pair"},
      {[] { Write(kKey, Read("other/x-key.pem"), 0600); }, "key pair"},
      {[] {
         Write(kCertificate, Read("other/x.pem"));
         Write(kKey, Read("other/x-key.pem"), 0640);
       },
       "content mode"},
      {[] { Write(kCertificate, Read("pki/x.pem") + "\n"); }, "content"},
      {[] { Write(kKey, "rubbish", 0600); }, "key pair"},
      {[] { ASSERT_EQ(mkdir("rootfs/etc/.x.pem.kplan-pair.old", 0700), 0); }, "unfinished"},
      {[] { Write("rootfs/etc/.x.pem.kplan-tmp", ""); }, "unfinished"},
      {[] {
         // As a kill leaves it: both names lead to the copies of the old pair.
         ASSERT_EQ(
             system("cd rootfs/etc && mkdir .x.pem.kplan-pair.old && mv x.pem x-key.pem .x.pem.kplan-pair.old"
                    " && ln -s .x.pem.kplan-pair.old .x.pem.kplan-pair"
                    " && ln -s .x.pem.kplan-pair/x.pem x.pem"
                    " && ln -s .x.pem.kplan-pair/x-key.pem x-key.pem"),
             0);
       },
       "unfinished"},
  };
  for (const auto& situation : situations) {
    situation.make();
    EXPECT_EQ(LookAtPair(), situation.names);
    EXPECT_EQ(LookAtPair(), "") << "after " << situation.names;
  }
}

TEST_F(PairOutlookTest, ItFailsAsTheStepDoes) {
  LookThenRun();
  const Json good = pair_;
  const std::function<void()> damages[] = {
      [&] { pair_["key-path"] = "/elsewhere/x-key.pem"; },
      [&] { pair_["cert-from"] = "nowhere"; },
      [&] { pair_["cert-from"] = "pki/x-key.pem"; },
      [&] { pair_["cert-from"] = "pki/ca.pem"; },
      [&] { pair_["key-from"] = "pki/x.pem"; },
      [&] { pair_.erase("root"); },
      [&] {
        ASSERT_EQ(unlink(kKey), 0);
        ASSERT_EQ(symlink("elsewhere", kKey), 0);
      },
  };
  for (const auto& damage : damages) {
    pair_ = good;
    damage();
    auto outlooks = Foresight::LookThenRun({{PairStep, PairLook, pair_}}, &digests_);
    EXPECT_FALSE(outlooks[0].ok()) << pair_;
  }
}

TEST_F(PairOutlookTest, OfSecretsNothingIsForeseen) {
  LookThenRun();
  ASSERT_EQ(unlink(kKey), 0);
  ASSERT_EQ(unlink("rootfs/etc/copy-key.pem"), 0);
  for (const LookedStep& step : Steps()) {
    absl::StatusOr<Outlook> outlook = Foresight::Look(step);
    ASSERT_TRUE(outlook.ok()) << outlook.status();
    for (const auto& [path, file] : outlook->files) {
      EXPECT_FALSE(file.content.has_value()) << path;
      EXPECT_FALSE(file.sha256.has_value()) << path;
    }
  }
}

}  // namespace
}  // namespace kplan
