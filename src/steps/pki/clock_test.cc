// Clocks that are wrong, and clocks that jump: never a certificate that nobody accepts and nobody complains
// about, and a second run with nothing to do.

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/process.h"
#include "src/steps/pki/certificate_state.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

class ClockTest : public PkiTest {
 protected:
  // All steps once; the first error, or "".
  std::string RunAll() const {
    for (const auto& [step, record] :
         {std::make_pair(AnyStep(KeyStep), &ca_key_), std::make_pair(AnyStep(CaCertStep), &ca_cert_),
          std::make_pair(AnyStep(KeyStep), &key_), std::make_pair(AnyStep(CsrStep), &csr_),
          std::make_pair(AnyStep(CertStep), &cert_)}) {
      if (absl::StatusOr<StepResult> result = RunNow(step, *record); !result.ok())
        return std::string(result.status().message());
    }
    return "";
  }

  // That the certificates are good under the clock, that others say so, and that nothing is left to do.
  void ExpectUsable() const {
    const std::string before = Everything();
    EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
    EXPECT_EQ(ReasonOf(CertStep, cert_), "");
    EXPECT_EQ(WhyCertificateIsStale(ReadAnyRecord(ca_cert_.dump()), now_), "");
    EXPECT_EQ(WhyCertificateIsStale(ReadAnyRecord(cert_.dump()), now_), "");
    EXPECT_EQ(Everything(), before);
    absl::StatusOr<RunResult> run =
        kplan::Run({"openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime",
                    absl::StrCat(absl::ToUnixSeconds(now_)), "-CAfile", "pki/ca.pem", "pki/x.pem"});
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_TRUE(run->ok()) << now_ << run->out << run->err;
  }
};

TEST_F(ClockTest, WrongFromTheStart) {
  const absl::Time today = now_;
  const absl::Time in_1999 =
      absl::FromCivil(absl::CivilSecond(1999, 12, 31, 23, 59, 59), absl::UTCTimeZone());
  for (absl::Time clock : {today - kDay * 400, in_1999, absl::FromUnixSeconds(0), today + kDay * 365 * 30,
                           today + kDay * 365 * 120}) {
    SCOPED_TRACE(clock);
    ASSERT_TRUE(kplan::Run({"rm", "-rf", "pki"}).ok());
    now_ = clock;
    ASSERT_EQ(RunAll(), "");
    ExpectUsable();
    // Put right: what was made is of no use, or is still good; the next run sees to it.
    now_ = today;
    ASSERT_EQ(RunAll(), "");
    ExpectUsable();
  }
}

// Between the CA's certificate and the leaf's.
TEST_F(ClockTest, JumpsInTheMiddle) {
  const absl::Time today = now_;
  for (absl::Duration jump :
       {absl::Seconds(-30), absl::Minutes(-4), absl::Minutes(-6), absl::Hours(-1), -kDay * 400,
        -kDay * 365 * 27, absl::Minutes(10), kDay * 3, kDay * 365 * 4, kDay * 365 * 30, kDay * 365 * 120}) {
    SCOPED_TRACE(jump);
    ASSERT_TRUE(kplan::Run({"rm", "-rf", "pki"}).ok());
    now_ = today;
    ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
    ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
    ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
    ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
    now_ = today + jump;
    absl::StatusOr<StepResult> result = RunNow(CertStep, cert_);
    Certificate ca = Parsed("pki/ca.pem");
    const int64_t seconds = absl::ToUnixSeconds(now_);
    // Signed exactly when the CA is good now; refused aloud otherwise.
    EXPECT_EQ(result.ok(), ca.not_before <= seconds && seconds < ca.not_after) << result.status();
    if (!result.ok()) {
      EXPECT_TRUE(absl::StartsWith(result.status().message(), "cannot sign with pki/ca.pem: it "));
      EXPECT_FALSE(Exists("pki/x.pem"));
    }
    // And the next run of everything makes it good.
    ASSERT_EQ(RunAll(), "");
    ExpectUsable();
  }
}

TEST_F(ClockTest, StepsBackAndForth) {
  const absl::Time today = now_;
  for (int day : {0, 100, -3, 250, 249, 4000, 10, -365 * 27, 365 * 120, 1, 0}) {
    SCOPED_TRACE(day);
    now_ = today + kDay * day;
    ASSERT_EQ(RunAll(), "");
    ExpectUsable();
  }
}

TEST_F(ClockTest, AfterTheYear9999) {
  now_ = absl::FromCivil(absl::CivilSecond(9998, 1, 1, 0, 0, 0), absl::UTCTimeZone());
  EXPECT_EQ(RunAll(), "the certificate would end after the year 9999");
  EXPECT_FALSE(Exists("pki/ca.pem"));
  ca_cert_["expiry"] = 86400 * 400;
  EXPECT_EQ(RunAll(), "");
  ExpectUsable();
}

}  // namespace
}  // namespace kplan
