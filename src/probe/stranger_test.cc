#include "src/probe/stranger.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

ProbeResult Alert(int alert) {
  ProbeResult probe;
  probe.alert = alert;
  return probe;
}

ProbeResult Response(const std::string& response) {
  ProbeResult probe;
  probe.response = response;
  return probe;
}

TEST(WasTurnedAway, ByWhatTheServerSaysOfTheCertificate) {
  for (const char* kind : {"no-cert", "wrong-ca"}) {
    for (int alert = 0; alert < 256; ++alert)
      EXPECT_EQ(WasTurnedAway(kind, Alert(alert), Refusing::kTls), IsCertificateAlert(alert)) << alert;
    EXPECT_FALSE(WasTurnedAway(kind, ProbeResult(), Refusing::kTls));
    EXPECT_FALSE(WasTurnedAway(kind, Response("HTTP/1.1 403 no\r\n\r\n"), Refusing::kTls));
    EXPECT_TRUE(WasTurnedAway(kind, Response("HTTP/1.1 403 no\r\n\r\n"), Refusing::kTlsOrHttp));
  }
}

TEST(WasTurnedAway, AnInternalErrorIsNoRefusalOfAnybody) {
  EXPECT_FALSE(IsCertificateAlert(80));
  for (const char* kind : {"no-cert", "wrong-ca", "plaintext"}) {
    for (Refusing refusing : {Refusing::kTls, Refusing::kTlsOrHttp}) {
      ProbeResult probe = Alert(80);
      EXPECT_FALSE(WasTurnedAway(kind, probe, refusing)) << kind;
      probe.closed = true;
      EXPECT_FALSE(WasTurnedAway(kind, probe, refusing)) << kind;
    }
  }
  // What is said to plain HTTP in place of a handshake is one: protocol_version, unexpected_message.
  EXPECT_TRUE(WasTurnedAway("plaintext", Alert(70), Refusing::kTls));
  EXPECT_TRUE(WasTurnedAway("plaintext", Alert(10), Refusing::kTls));
}

}  // namespace
}  // namespace kplan
