#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/process.h"
#include "src/pki/crl_due.h"
#include "src/pki/der.h"
#include "src/pki/revocation_list.h"
#include "src/steps/pki/crl_entries.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

constexpr const char kPem[] = "pki/ca-crl.pem";
constexpr const char kDer[] = "pki/ca.crl";

class CrlTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    MakeAll();
    crl_ = {{"certs", Json::array()},
            {"der", kDer},
            {"expiry", 2592000},
            {"issuer", "pki/ca.pem"},
            {"issuer-key", "pki/ca-key.pem"},
            {"kind", "crl"},
            {"path", kPem},
            {"serials", Json::array({{"5a", "keyCompromise", ""}})}};
  }

  std::string Now() const { return absl::StrCat(absl::ToUnixSeconds(now_)); }

  static RevocationList Crl(const std::string& path = kDer) {
    absl::StatusOr<RevocationList> list =
        path == kDer ? RevocationList::Parse(Read(path)) : RevocationList::ParsePem(Read(path));
    EXPECT_TRUE(list.ok()) << path << ": " << list.status();
    return list.ok() ? *std::move(list) : RevocationList();
  }
  static std::string Number() { return SerialText(Crl().number); }
  static std::vector<std::string> Serials() {
    std::vector<std::string> serials;
    for (const RevokedEntry& entry : Crl().entries) serials.push_back(SerialText(entry.serial));
    return serials;
  }

  // Expects success, and two files that are one CRL.
  StepResult MustMake() const {
    absl::StatusOr<StepResult> result = RunNow(CrlStep, crl_);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    EXPECT_EQ(result->files, (std::vector<std::string>{kPem, kDer}));
    EXPECT_EQ(result->digest, Sha256Hex(Read(kDer)));
    EXPECT_EQ(Crl(kPem).der, Read(kDer));
    EXPECT_EQ(ModeOf(kPem), 0644u);
    EXPECT_EQ(ModeOf(kDer), 0644u);
    return *result;
  }
  // And that a second run finds nothing to do and touches nothing.
  std::string Remake() const {
    StepResult result = MustMake();
    EXPECT_NE(result.reason, "");
    std::string before = Everything();
    StepResult again = MustMake();
    EXPECT_EQ(again.reason, "") << "not its own fixed point, after: " << result.reason;
    EXPECT_EQ(again.output, "");
    EXPECT_EQ(again.digest, result.digest);
    EXPECT_EQ(Everything(), before);
    EXPECT_EQ(WhyCrlIsDue(kPem, now_), "");
    return result.reason;
  }

  Json crl_;
};

TEST_F(CrlTest, MadeOnce) {
  EXPECT_EQ(Remake(), "missing");
  RevocationList list = Crl();
  EXPECT_EQ(Number(), "1");
  EXPECT_EQ(TimeText(list.validity.not_before), "2026-11-22 08:18 UTC");
  EXPECT_EQ(list.validity.not_after - list.validity.not_before, 2592000);
  ASSERT_EQ(list.entries.size(), 1u);
  EXPECT_EQ(list.entries[0].date, absl::ToUnixSeconds(now_));
  EXPECT_EQ(list.entries[0].reason, 1);
  // Nothing to do needs no CA key.
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  EXPECT_EQ(MustMake().reason, "");
}

TEST_F(CrlTest, NothingRevoked) {
  crl_.erase("serials");
  crl_.erase("certs");
  EXPECT_EQ(Remake(), "missing");
  EXPECT_TRUE(Serials().empty());
}

TEST_F(CrlTest, EntriesAndNumbers) {
  EXPECT_EQ(Remake(), "missing");
  const int64_t first = absl::ToUnixSeconds(now_);
  now_ += absl::Hours(1);
  crl_["serials"] = Json::array({{"1f", "unspecified", "1000"}, {"5a", "keyCompromise", ""}});
  EXPECT_EQ(Remake(), "revoked entries differ: added 1f");
  EXPECT_EQ(Number(), "2");
  EXPECT_EQ(Serials(), (std::vector<std::string>{"1f", "5a"}));
  EXPECT_EQ(Crl().entries[0].date, 1000);
  EXPECT_EQ(Crl().entries[1].date, first);  // kept from the first CRL

  crl_["serials"] = Json::array({{"5a", "superseded", ""}});
  StepResult result = MustMake();
  EXPECT_EQ(result.reason, "revoked entries differ: removed 1f, changed 5a (superseded, was keyCompromise)");
  EXPECT_EQ(result.output,
            "pki/ca-crl.pem no longer revokes 1f: what it was issued for is trusted again until it expires");
  EXPECT_EQ(MustMake().reason, "");
  EXPECT_EQ(Number(), "3");

  // 255, 256: the number grows by an octet.
  for (int n = 4; n <= 256; ++n) {
    crl_["serials"] = Json::array({{n % 2 == 0 ? "5b" : "5a", "superseded", ""}});
    ASSERT_NE(MustMake().reason, "");
  }
  EXPECT_EQ(Number(), "100");
  EXPECT_EQ(MustMake().reason, "");
}

TEST_F(CrlTest, Calendar) {
  EXPECT_EQ(Remake(), "missing");
  const absl::Time start = now_;
  now_ = start + absl::Hours(24 * 20) - absl::Minutes(10);
  EXPECT_EQ(MustMake().reason, "");
  now_ = start + absl::Hours(24 * 20);
  EXPECT_EQ(WhyCrlIsDue(kPem, now_), "expires soon, on 2026-12-22 08:18 UTC");
  EXPECT_EQ(Remake(), "expires soon, on 2026-12-22 08:18 UTC");
  EXPECT_EQ(Number(), "2");
  now_ += absl::Hours(24 * 31);
  EXPECT_TRUE(absl::StartsWith(Remake(), "expired on "));
  crl_["expiry"] = 86400;
  EXPECT_EQ(Remake(), "expiry differs: spec 24h, CRL 720h");
  // Made under a clock that was ahead: the entry's date goes back with the CRL's.
  crl_["serials"].push_back({"6b", "keyCompromise", ""});
  EXPECT_EQ(Remake(), "revoked entries differ: added 6b");
  now_ = start;
  EXPECT_TRUE(absl::StartsWith(Remake(), "not valid before "));
  EXPECT_EQ(Number(), "6");
  EXPECT_EQ(Crl().entries[1].date, absl::ToUnixSeconds(start));
}

TEST_F(CrlTest, NeverStartsBeforeItsCa) {
  now_ -= absl::Minutes(4);
  EXPECT_EQ(Remake(), "missing");
  EXPECT_EQ(Crl().validity.not_before, Parsed("pki/ca.pem").not_before);
}

TEST_F(CrlTest, EitherFileIsRestoredFromTheOther) {
  EXPECT_EQ(Remake(), "missing");
  crl_["serials"].push_back({"6b", "keyCompromise", ""});
  EXPECT_EQ(Remake(), "revoked entries differ: added 6b");
  const std::string der = Read(kDer), pem = Read(kPem);
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);  // so nothing is signed
  ASSERT_EQ(unlink(kPem), 0);
  EXPECT_EQ(Remake(), "pki/ca-crl.pem was missing");
  EXPECT_EQ(Read(kPem), pem);
  ASSERT_EQ(unlink(kDer), 0);
  EXPECT_EQ(Remake(), "pki/ca.crl was missing");
  EXPECT_EQ(Read(kDer), der);
  for (const std::string& bad : {std::string(), std::string("garbage"), der.substr(0, der.size() / 2),
                                 der + "x", pem.substr(0, 100), Read("pki/ca.pem")}) {
    Write(kPem, bad);
    EXPECT_EQ(Remake(), "pki/ca-crl.pem was damaged");
    Write(kDer, bad);
    EXPECT_EQ(Remake(), "pki/ca.crl was damaged");
    EXPECT_EQ(Read(kDer), der);
  }
  ASSERT_EQ(chmod(kDer, 0600), 0);
  EXPECT_EQ(Remake(), "pki/ca.crl: mode was 0600, is 0644");
}

// A kill between the two writes, in whatever order they came: the newer one wins, and its number is used
// once.
TEST_F(CrlTest, KilledBetweenTheTwo) {
  EXPECT_EQ(Remake(), "missing");
  const std::string old_der = Read(kDer), old_pem = Read(kPem);
  crl_["serials"].push_back({"6b", "keyCompromise", ""});
  EXPECT_EQ(Remake(), "revoked entries differ: added 6b");
  const std::string new_der = Read(kDer), new_pem = Read(kPem);
  Write(kDer, old_der);
  EXPECT_EQ(Remake(), "pki/ca.crl was an older CRL");
  EXPECT_EQ(Read(kDer), new_der);
  Write(kPem, old_pem);
  EXPECT_EQ(Remake(), "pki/ca-crl.pem was an older CRL");
  EXPECT_EQ(Read(kPem), new_pem);
  // The same, and the spec has changed by then: the higher number counts on.
  Write(kPem, old_pem);
  crl_["serials"].push_back({"7c", "keyCompromise", ""});
  EXPECT_EQ(Remake(), "revoked entries differ: added 7c");
  EXPECT_EQ(Number(), "3");
  Write(kDer, old_der);
  crl_["serials"].push_back({"8d", "keyCompromise", ""});
  EXPECT_EQ(Remake(), "revoked entries differ: added 8d");
  EXPECT_EQ(Number(), "4");
}

// The second write fails: what the first one made is kept, and finished later.
TEST_F(CrlTest, SecondWriteFails) {
  EXPECT_EQ(Remake(), "missing");
  crl_["serials"].push_back({"6b", "keyCompromise", ""});
  ASSERT_EQ(mkdir("pki/.ca.crl.kplan-tmp", 0755), 0);  // where the write would be prepared
  absl::StatusOr<StepResult> result = RunNow(CrlStep, crl_);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(Number(), "1");
  EXPECT_EQ(SerialText(Crl(kPem).number), "2");
  ASSERT_EQ(rmdir("pki/.ca.crl.kplan-tmp"), 0);
  EXPECT_EQ(Remake(), "pki/ca.crl was an older CRL");
  EXPECT_EQ(Number(), "2");
}

// No room on the disk (a limit on a file's size, which binds root too): the old pair stays.
TEST_F(CrlTest, FirstWriteFails) {
  EXPECT_EQ(Remake(), "missing");
  const std::string pem = Read(kPem), der = Read(kDer);
  crl_["serials"].push_back({"6b", "keyCompromise", ""});
  ASSERT_NE(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  struct rlimit before, tiny;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  tiny = before;
  tiny.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tiny), 0);
  absl::StatusOr<StepResult> result = RunNow(CrlStep, crl_);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(Read(kPem), pem);
  EXPECT_EQ(Read(kDer), der);
  EXPECT_EQ(List("pki"), (std::vector<std::string>{"ca-crl.pem", "ca-key.pem", "ca.crl", "ca.pem",
                                                   "x-key.pem", "x.csr", "x.pem"}));
  EXPECT_EQ(Remake(), "revoked entries differ: added 6b");
  EXPECT_EQ(Number(), "2");
}

TEST_F(CrlTest, BothDamaged) {
  EXPECT_EQ(Remake(), "missing");
  Write(kPem, "garbage");
  Write(kDer, "garbage");
  EXPECT_EQ(Remake(), "damaged");
  // Nothing tells how far the numbers had come, so this is one that they had not reached.
  EXPECT_EQ(Number(), absl::StrCat(absl::Hex(absl::ToUnixSeconds(now_) + 1)));

  // A flipped bit in both: the number that can still be read counts.
  ASSERT_EQ(unlink(kPem), 0);
  ASSERT_EQ(unlink(kDer), 0);
  EXPECT_EQ(Remake(), "missing");
  std::string der = Read(kDer);
  der.back() ^= 1;
  Write(kDer, der);
  Write(kPem, EncodePem("X509 CRL", der));
  EXPECT_EQ(Remake(), "its signature is not its issuer's");
  EXPECT_EQ(Number(), "2");
}

TEST_F(CrlTest, IssuerChanged) {
  EXPECT_EQ(Remake(), "missing");
  const std::string old = Read(kPem);
  // The CA's certificate is renewed with its key: the CRL stands.
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  EXPECT_EQ(MustMake().reason, "");
  // A new key under the same name.
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  EXPECT_EQ(Remake(), "issuer changed");
  EXPECT_EQ(Number(), "2");
  // The old CA's CRL comes back into one of the files.
  Write(kPem, old);
  EXPECT_EQ(Remake(), "pki/ca-crl.pem was not the issuer's");
  EXPECT_EQ(Number(), "2");
}

TEST_F(CrlTest, CertificatesOfALabel) {
  const std::string first = SerialText(Parsed("pki/x.pem").serial);
  now_ += absl::Hours(1);
  crl_["serials"] = Json::array();
  crl_["certs"] = Json::array({{"pki/x.pem", "pki/superseded/x", "keyCompromise", Now()},
                               {"pki/none.pem", "pki/superseded/none", "superseded", Now()}});
  EXPECT_EQ(Remake(), "missing");
  EXPECT_EQ(Serials(), std::vector<std::string>{first});
  EXPECT_EQ(Crl().entries[0].date, absl::ToUnixSeconds(now_));
  // The certificate is made again, as its own step does it: the new one starts at that date.
  Write(absl::StrCat("pki/superseded/x/", first, ".pem"), Read("pki/x.pem"));
  Write("pki/superseded/x/README", "not a certificate, and not said to be one");
  ASSERT_EQ(unlink("pki/x.pem"), 0);
  now_ += absl::Minutes(10);
  ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
  EXPECT_EQ(MustMake().reason, "");
  const std::string second = SerialText(Parsed("pki/x.pem").serial);
  // And revoked once more. The first one keeps its entry, the second has the later date.
  now_ += absl::Hours(1);
  crl_["certs"].push_back({"pki/x.pem", "pki/superseded/x", "superseded", Now()});
  EXPECT_EQ(Remake(), "revoked entries differ: added " + second);
  EXPECT_EQ(Crl().entries.size(), 2u);
  for (const RevokedEntry& entry : Crl().entries) {
    EXPECT_EQ(entry.reason, SerialText(entry.serial) == first ? 1 : 4);
  }
  // The same serial number by hand, with a later date and with none: one entry.
  crl_["serials"] = Json::array({{first, "cACompromise", Now()}, {second, "cACompromise", ""}});
  EXPECT_EQ(MustMake().reason, "");

  // One that cannot be read may be one that must be listed.
  Write("pki/superseded/x/00.pem", "garbage");
  EXPECT_TRUE(absl::StartsWith(Refusal(CrlStep, crl_), "pki/superseded/x/00.pem: "));
  ASSERT_EQ(unlink("pki/superseded/x/00.pem"), 0);
  // Another CA's is not ours to revoke.
  ca_cert_["path"] = ca_key_["certificate"] = "other/ca.pem";
  ca_cert_["key"] = ca_key_["path"] = "other/ca-key.pem";
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  Write("pki/superseded/x/00.pem", Read("other/ca.pem"));
  EXPECT_EQ(MustMake().reason, "");
  Write("pki/x.pem", "garbage");
  EXPECT_TRUE(absl::StartsWith(Refusal(CrlStep, crl_), "pki/x.pem: "));
}

TEST_F(CrlTest, RefusesToSign) {
  const absl::Time start = now_;
  Json record = crl_;
  record["issuer-key"] = "pki/x-key.pem";
  EXPECT_EQ(Refusal(CrlStep, record),
            "cannot sign with pki/ca.pem: it is not the certificate of pki/x-key.pem");
  record = crl_;
  record["issuer"] = "pki/x.pem";
  record["issuer-key"] = "pki/x-key.pem";
  EXPECT_EQ(Refusal(CrlStep, record), "cannot sign with pki/x.pem: it is not a CA certificate");
  now_ = start + absl::Hours(24 * 365 * 6);
  EXPECT_EQ(Refusal(CrlStep, crl_),
            "cannot sign with pki/ca.pem: it expired on 2031-11-21 08:18 UTC; remove it and run ninja to "
            "make it again with the same key");
  now_ = start - absl::Hours(1);
  EXPECT_EQ(Refusal(CrlStep, crl_),
            "cannot sign with pki/ca.pem: it is not valid before 2026-11-22 08:18 UTC; is the clock right?");
  now_ = start;
  record = crl_;
  record["serials"] = Json::array({{"5a", "superseded", absl::StrCat(absl::ToUnixSeconds(now_) + 60)}});
  EXPECT_EQ(
      Refusal(CrlStep, record),
      "serial 5a is to be revoked on 2026-11-22 08:23 UTC, which is still to come, and a CRL revokes at "
      "once; take a date that has passed, or is the clock wrong?");
  record = crl_;
  record["expiry"] = 599;
  EXPECT_TRUE(absl::StartsWith(Refusal(CrlStep, record), "an expiry of 599s is too short for a CRL"));
  for (const char* field : {"der", "expiry", "issuer", "issuer-key", "path"}) {
    record = crl_;
    record.erase(field);
    EXPECT_TRUE(absl::StrContains(Refusal(CrlStep, record), absl::StrCat("\"", field, "\""))) << field;
  }
  for (const Json& bad : std::vector<Json>{{"", "superseded", ""},
                                           {"5A", "superseded", ""},
                                           {"0x5a", "superseded", ""},
                                           {std::string(41, '1'), "superseded", ""},
                                           {"5a", "removeFromCRL", ""},
                                           {"5a", "superseded", "yesterday"},
                                           {"5a", "superseded", "-1"}}) {
    record = crl_;
    record["serials"] = Json::array({bad});
    EXPECT_TRUE(absl::StartsWith(Refusal(CrlStep, record), "the record's \"serials\" is wrong: ")) << bad;
  }
  for (const Json& bad : std::vector<Json>{{"5a", "superseded"}, {"5a", "superseded", 7}, Json("5a")}) {
    record = crl_;
    record["serials"] = Json::array({bad});
    EXPECT_TRUE(absl::StrContains(Refusal(CrlStep, record), "no usable \"serials\"")) << bad;
  }
  record = crl_;
  record["certs"] = "x";
  EXPECT_TRUE(absl::StrContains(Refusal(CrlStep, record), "no usable \"certs\""));

  // Two CRLs in one file: not ours to drop.
  ASSERT_EQ(MustMake().reason, "missing");
  Write(kPem, Read(kPem) + Read(kPem));
  EXPECT_TRUE(absl::StrContains(Refusal(CrlStep, crl_), "pki/ca-crl.pem: it holds 2 PEM blocks"));
  ASSERT_EQ(unlink(kPem), 0);
  ASSERT_EQ(mkdir(kPem, 0755), 0);
  EXPECT_TRUE(absl::StrContains(Refusal(CrlStep, crl_), "pki/ca-crl.pem is a folder"));
}

TEST_F(CrlTest, IssuerWithoutCrlSign) {
  for (const auto& [name, usage] : std::vector<std::pair<std::string, std::string>>{
           {"without", "keyUsage=critical,keyCertSign"}, {"none", "subjectKeyIdentifier=hash"}}) {
    const std::string path = absl::StrCat(name, ".pem");
    absl::StatusOr<RunResult> run =
        kplan::Run({"openssl", "req", "-x509", "-new", "-key", "pki/ca-key.pem", "-subj", "/CN=ca", "-days",
                    "9000", "-addext", usage, "-addext", "basicConstraints=critical,CA:TRUE", "-out", path});
    ASSERT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
    crl_["issuer"] = path;
    now_ = absl::Now() + absl::Hours(1);
    if (name == "without") {
      EXPECT_EQ(Refusal(CrlStep, crl_), "cannot sign with without.pem: its key usage lacks \"crl sign\"");
    } else {
      EXPECT_EQ(Remake(), "missing");
    }
  }
}

TEST_F(CrlTest, TenThousand) {
  crl_["serials"] = Json::array();
  for (int i = 0; i < 10000; ++i) {
    crl_["serials"].push_back({absl::StrCat("7", absl::Hex(i * 2654435761u, absl::kZeroPad16), "00000000"),
                               i % 2 == 0 ? "keyCompromise" : "unspecified", ""});
  }
  EXPECT_EQ(Remake(), "missing");
  EXPECT_EQ(Serials().size(), 10000u);
  crl_["serials"].erase(17);
  EXPECT_TRUE(absl::StartsWith(Remake(), "revoked entries differ: removed 7"));
  absl::StatusOr<RunResult> run = kplan::Run(
      {"openssl", "crl", "-inform", "DER", "-in", kDer, "-verify", "-noout", "-CAfile", "pki/ca.pem"});
  ASSERT_TRUE(run.ok() && run->ok()) << run.status();
  EXPECT_TRUE(absl::StrContains(run->err, "verify OK"));
}

TEST_F(CrlTest, RaceOfThreads) {
  std::vector<std::string> digests(8);
  std::vector<std::thread> threads;
  for (std::string& digest : digests) {
    threads.emplace_back([&] { digest = DigestOf(CrlStep, crl_); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& digest : digests) EXPECT_EQ(digest, MustMake().digest);
  EXPECT_EQ(Number(), "1");
}

// What it is for: others refuse the certificate, for every reason, and take one that is not in it.
TEST_F(CrlTest, OtherToolsRefuseTheRevoked) {
  now_ = absl::Now();
  for (const char* path : {"pki/ca.pem", "pki/x.pem"}) ASSERT_EQ(unlink(path), 0);
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
  auto verify = [](std::string* told) {
    absl::StatusOr<RunResult> run = kplan::Run({"openssl", "verify", "-x509_strict", "-crl_check", "-CAfile",
                                                "pki/ca.pem", "-CRLfile", kPem, "pki/x.pem"});
    EXPECT_TRUE(run.ok()) << run.status();
    *told = absl::StrCat(run->out, run->err);
    return run->ok();
  };
  std::string told;
  const std::string serial = SerialText(Parsed("pki/x.pem").serial);
  EXPECT_EQ(Remake(), "missing");
  EXPECT_TRUE(verify(&told)) << told;
  for (const char* reason :
       {"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
        "cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"}) {
    crl_["serials"] = Json::array({{serial, reason, ""}});
    EXPECT_TRUE(absl::StartsWith(Remake(), "revoked entries differ: ")) << reason;
    EXPECT_FALSE(verify(&told)) << reason;
    EXPECT_TRUE(absl::StrContains(told, "certificate revoked")) << told;
  }
  if (FindProgram("certtool").empty()) {
    GTEST_SKIP() << "certtool is not installed (gnutls-bin); openssl verify agreed";
  }
  absl::StatusOr<RunResult> run = kplan::Run({"certtool", "--verify", "--load-ca-certificate", "pki/ca.pem",
                                              "--load-crl", kPem, "--infile", "pki/x.pem"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_TRUE(absl::StrContains(run->out, "revoked")) << run->out << run->err;
  EXPECT_FALSE(run->ok());
  crl_["serials"] = Json::array();
  EXPECT_TRUE(absl::StartsWith(Remake(), "revoked entries differ: removed "));
  run = kplan::Run({"certtool", "--verify", "--load-ca-certificate", "pki/ca.pem", "--load-crl", kPem,
                    "--infile", "pki/x.pem"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_TRUE(run->ok()) << run->out << run->err;
}

}  // namespace
}  // namespace kplan
