#include "src/pki/revocation_list.h"

#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/process.h"
#include "src/pki/crl_due.h"
#include "src/pki/der.h"
#include "src/pki/private_key.h"
#include "src/steps/pki/crl_entries.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

constexpr int64_t kStart = 1795335480;  // 2026-11-22 08:18 UTC
constexpr Validity kValidity = {kStart, kStart + 2592000};

class RevocationListTest : public PkiTest {
 protected:
  // A CA of its own kind of key in the folder NAME.
  void MakeCa(const std::string& name, const char* algo, int size) {
    ca_key_["algo"] = algo;
    ca_key_["size"] = size;
    ca_key_["path"] = ca_cert_["key"] = name + "/ca-key.pem";
    ca_key_["certificate"] = ca_cert_["path"] = name + "/ca.pem";
    ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
    ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
    issuer_ = Parsed(name + "/ca.pem");
    key_path_ = name + "/ca-key.pem";
  }

  RevocationList Make(const std::vector<RevokedEntry>& entries, const std::string& number = "\x01",
                      Validity validity = kValidity) const {
    absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(key_path_);
    EXPECT_TRUE(key.ok()) << key.status();
    absl::StatusOr<RevocationList> list = RevocationList::Make(entries, number, validity, issuer_, *key);
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? *std::move(list) : RevocationList();
  }

  static std::string Output(const std::vector<std::string>& argv) {
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    EXPECT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
    return run.ok() ? absl::StrCat(run->out, run->err) : "";
  }

  Certificate issuer_;
  std::string key_path_;
};

TEST(Reasons, NamesAndCodes) {
  EXPECT_EQ(ReasonCode("unspecified"), 0);
  EXPECT_EQ(ReasonCode("keyCompromise"), 1);
  EXPECT_EQ(ReasonCode("certificateHold"), 6);
  EXPECT_EQ(ReasonCode("privilegeWithdrawn"), 9);
  EXPECT_EQ(ReasonCode("aACompromise"), 10);
  for (const char* none : {"", "removeFromCRL", "keycompromise", "1"})
    EXPECT_EQ(ReasonCode(none), -1) << none;
  EXPECT_EQ(ReasonName(6), "certificateHold");
  EXPECT_EQ(ReasonName(7), "reason 7");
  EXPECT_EQ(ReasonName(-1), "reason -1");
  EXPECT_EQ(ReasonName(200), "reason 200");
}

TEST(Serials, TextAndOrder) {
  EXPECT_EQ(SerialText(""), "0");
  EXPECT_EQ(SerialText("\x05"), "5");
  EXPECT_EQ(SerialText("\xff\x01"), "ff01");
  EXPECT_TRUE(SerialLess("", "\x01"));
  EXPECT_TRUE(SerialLess("\xff", "\x01\x01"));
  EXPECT_FALSE(SerialLess("\x02", "\x02"));
}

TEST_F(RevocationListTest, TakenApartAsPutTogether) {
  MakeCa("p", "ecdsa", 256);
  const std::vector<RevokedEntry> entries = {{"", kStart, 0},
                                             {"\x7f", kStart - 5, 1},
                                             {"\xff", kStart - 4, 10},
                                             {std::string(20, '\xff'), 2524608000, 6}};
  RevocationList list = Make(entries, std::string("\x01\x00", 2));
  EXPECT_TRUE(list.complete);
  EXPECT_TRUE(list.NamesAsIssuer(issuer_));
  EXPECT_TRUE(list.IsSignedBy(issuer_));
  EXPECT_EQ(list.issuer_der, issuer_.subject_der);
  EXPECT_EQ(list.authority_key_id, issuer_.subject_key_id);
  EXPECT_EQ(list.number, std::string("\x01\x00", 2));
  EXPECT_EQ(list.validity.not_before, kStart);
  EXPECT_EQ(list.validity.not_after, kStart + 2592000);
  ASSERT_EQ(list.entries.size(), entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(list.entries[i].serial, entries[i].serial);
    EXPECT_EQ(list.entries[i].date, entries[i].date);
    EXPECT_EQ(list.entries[i].reason, entries[i].reason);
  }
  absl::StatusOr<RevocationList> again = RevocationList::ParsePem(list.ToPem());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->der, list.der);
}

// The forms that RFC 5280 asks for, seen by somebody else.
TEST_F(RevocationListTest, Encoding) {
  MakeCa("p", "ecdsa", 256);
  // The last second of UTCTime and the first of GeneralizedTime.
  Write("a.pem", Make({{"\x01", 2524607999, 0}, {"\x02", 2524608000, 1}}, "\x01",
                      {2524608000 - 86400, 2524608000 + 86400})
                     .ToPem());
  std::string parsed = Output({"openssl", "asn1parse", "-in", "a.pem"});
  for (const char* part : {"UTCTIME           :491231000000Z", "GENERALIZEDTIME   :20500102000000Z",
                           "UTCTIME           :491231235959Z", "GENERALIZEDTIME   :20500101000000Z"}) {
    EXPECT_TRUE(absl::StrContains(parsed, part)) << part << "\n" << parsed;
  }
  std::string text = Output({"openssl", "crl", "-in", "a.pem", "-noout", "-text"});
  EXPECT_TRUE(absl::StrContains(text, "Version 2 (0x1)")) << text;
  EXPECT_TRUE(absl::StrContains(text, "X509v3 Authority Key Identifier")) << text;
  EXPECT_TRUE(absl::StrContains(text, "X509v3 CRL Number: \n                1\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "Key Compromise")) << text;
  EXPECT_FALSE(absl::StrContains(text, "Unspecified")) << text;  // RFC 5280 5.3.1: should be absent
  EXPECT_FALSE(absl::StrContains(text, "critical")) << text;

  // RFC 5280 5.1.2.6: with nothing revoked the list is absent, not empty.
  RevocationList none = Make({});
  DerReader outer(none.signed_object.signed_part);
  DerReader fields = outer.Enter();
  fields.Read(V_ASN1_INTEGER);
  fields.Read(V_ASN1_SEQUENCE);
  fields.Read(V_ASN1_SEQUENCE);
  fields.Read(V_ASN1_UTCTIME);
  fields.Read(V_ASN1_UTCTIME);
  EXPECT_FALSE(fields.ReadOptional(0).whole.empty());
  EXPECT_TRUE(fields.ok() && fields.AtEnd());
}

TEST_F(RevocationListTest, EveryKindOfKey) {
  const bool certtool = !FindProgram("certtool").empty();
  for (const auto& [algo, size] : std::vector<std::tuple<const char*, int>>{{"rsa", 2048},
                                                                            {"rsa", 3072},
                                                                            {"rsa", 4096},
                                                                            {"ecdsa", 256},
                                                                            {"ecdsa", 384},
                                                                            {"ecdsa", 521},
                                                                            {"ed25519", 0}}) {
    now_ = absl::Now();
    std::string name = absl::StrCat(algo, size);
    MakeCa(name, algo, size);
    const int64_t now = absl::ToUnixSeconds(now_);
    RevocationList list = Make({{"\x05", now, 1}}, "\x01", {now - 300, now + 86400});
    EXPECT_TRUE(list.IsSignedBy(issuer_)) << name;
    Write(name + "/crl.pem", list.ToPem());
    EXPECT_TRUE(absl::StrContains(Output({"openssl", "crl", "-verify", "-noout", "-in", name + "/crl.pem",
                                          "-CAfile", name + "/ca.pem"}),
                                  "verify OK"))
        << name;
    if (!certtool) continue;
    std::string told = Output({"certtool", "--verify-crl", "--infile", name + "/crl.pem",
                               "--load-ca-certificate", name + "/ca.pem"});
    EXPECT_TRUE(absl::StrContains(told, "Verification output: Verified")) << name << told;
    EXPECT_TRUE(absl::StrContains(Output({"certtool", "--crl-info", "--infile", name + "/crl.pem"}),
                                  "Serial Number (hex): 05"));
  }
  if (!certtool) GTEST_SKIP() << "certtool is not installed (gnutls-bin); openssl agreed";
}

// Whatever bit is flipped, it is no CRL of the issuer's any more.
TEST_F(RevocationListTest, FlippedBits) {
  MakeCa("p", "ecdsa", 256);
  const std::string der = Make({{"\x05", kStart, 1}, {"\x06", kStart, 0}}).der;
  for (size_t bit = 0; bit < der.size() * 8; ++bit) {
    std::string flipped = der;
    flipped[bit / 8] ^= 1 << (bit % 8);
    absl::StatusOr<RevocationList> list = RevocationList::Parse(flipped);
    if (!list.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(list.status())) << list.status();
      continue;
    }
    EXPECT_FALSE(list->NamesAsIssuer(issuer_) && list->IsSignedBy(issuer_)) << "bit " << bit;
  }
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(RevocationList::Parse(absl::string_view(der).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(RevocationList::Parse(der + "x").ok());
}

TEST_F(RevocationListTest, Limits) {
  MakeCa("p", "ecdsa", 256);
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(key_path_);
  ASSERT_TRUE(key.ok());
  const std::string largest = absl::StrCat("\x7f", std::string(19, '\xff'));
  EXPECT_EQ(Make({}, largest).number, largest);
  for (const std::string& number : {std::string(20, '\xff'), std::string(21, '\x01')}) {
    EXPECT_TRUE(
        absl::IsResourceExhausted(RevocationList::Make({}, number, kValidity, issuer_, *key).status()));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(
      RevocationList::Make({}, "\x01", {kStart, 253402300800}, issuer_, *key).status()));
}

// What other tools write: no number, or only a part of the list.
TEST_F(RevocationListTest, NotWhole) {
  MakeCa("p", "ecdsa", 256);
  Write("index.txt",
        "R\t300101000000Z\t261122081800Z\t0A\tunknown\t/CN=x\nR\t300101000000Z\t261122081800Z\t03\tunknown\t/"
        "CN=y\n");
  auto make = [this](absl::string_view extensions) {
    Write("ca.cnf", absl::StrCat("[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n"
                                 "default_crl_days=30\n[e]\nauthorityKeyIdentifier=keyid\n",
                                 extensions));
    std::vector<std::string> argv = {"openssl", "ca",    "-config",  "ca.cnf",   "-gencrl", "-out",
                                     "o.pem",   "-cert", "p/ca.pem", "-keyfile", key_path_};
    if (!extensions.empty()) argv.insert(argv.end(), {"-crlexts", "e"});
    Output(argv);
    absl::StatusOr<RevocationList> list = RevocationList::ParsePem(Read("o.pem"));
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? *std::move(list) : RevocationList();
  };
  RevocationList plain = make("");
  EXPECT_TRUE(plain.IsSignedBy(issuer_));
  EXPECT_TRUE(plain.number.empty());
  EXPECT_FALSE(plain.complete);
  ASSERT_EQ(plain.entries.size(), 2u);
  EXPECT_EQ(plain.entries[0].serial, "\x03");  // sorted, as ours are
  RevocationList part = make("issuingDistributionPoint=critical,@i\n[i]\nonlyuser=TRUE\n");
  EXPECT_TRUE(part.IsSignedBy(issuer_));
  EXPECT_FALSE(part.complete);
}

TEST_F(RevocationListTest, TextThatIsNone) {
  MakeCa("p", "ecdsa", 256);
  const std::string pem = Make({}).ToPem();
  for (const std::string& text : {std::string(), std::string("x"), Read("p/ca.pem"), pem.substr(0, 200)}) {
    EXPECT_TRUE(absl::IsDataLoss(RevocationList::ParsePem(text).status())) << text;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(RevocationList::ParsePem(pem + pem).status()));
  EXPECT_TRUE(RevocationList::ParsePem("explanation\n" + pem).ok());
}

TEST_F(RevocationListTest, Due) {
  MakeCa("p", "ecdsa", 256);
  EXPECT_EQ(WhyCrlIsDue("crl.pem", now_), "");  // its step says "missing"
  Write("crl.pem", Make({{"\x05", kStart, 1}}).ToPem());
  auto at = [](int64_t seconds) { return absl::FromUnixSeconds(kStart + seconds); };
  EXPECT_EQ(WhyCrlIsDue("crl.pem", at(0)), "");
  EXPECT_EQ(WhyCrlIsDue("crl.pem", at(-1)), "not valid before 2026-11-22 08:18 UTC");
  EXPECT_EQ(WhyCrlIsDue("crl.pem", at(2592000 / 3 * 2)), "");
  EXPECT_EQ(WhyCrlIsDue("crl.pem", at(2592000 / 3 * 2 + 1)), "expires soon, on 2026-12-22 08:18 UTC");
  EXPECT_EQ(WhyCrlIsDue("crl.pem", at(2592000)), "expired on 2026-12-22 08:18 UTC");
  EXPECT_EQ(CrlTimeDifference(kValidity, 2592000, at(0)), "");
  EXPECT_EQ(CrlTimeDifference(kValidity, 86400, at(0)), "expiry differs: spec 24h, CRL 720h");
  Write("crl.pem", "garbage");
  EXPECT_EQ(WhyCrlIsDue("crl.pem", at(2592000)), "");
}

TEST(CrlEntries, Resolved) {
  const std::vector<RevokedEntry> previous = {{"\x05", 100, 1}, {"\x06", 100, 1}};
  std::vector<RevokedEntry> entries = ResolveEntries({{"\x07", 4, std::nullopt},
                                                      {"\x06", 0, std::nullopt},
                                                      {"\x06", 3, 100},
                                                      {"\x05", 2, 300},
                                                      {"\x05", 3, 200},
                                                      {"\x01\x01", 1, 50}},
                                                     previous, 1000);
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(std::make_tuple(entries[0].serial, entries[0].date, entries[0].reason),
            std::make_tuple("\x05", 200, 3));  // the earliest
  EXPECT_EQ(std::make_tuple(entries[1].serial, entries[1].date, entries[1].reason),
            std::make_tuple("\x06", 100, 3));  // the declared one
  EXPECT_EQ(std::make_tuple(entries[2].serial, entries[2].date, entries[2].reason),
            std::make_tuple("\x07", 1000, 4));  // now
  EXPECT_EQ(entries[3].serial, "\x01\x01");
  EXPECT_EQ(EntriesDifference(entries, entries), "");
  EXPECT_EQ(EntriesDifference(entries, previous),
            "added 7, 101, changed 5, 6 (affiliationChanged, was keyCompromise)");
  EXPECT_EQ(EntriesDifference(previous, entries),
            "removed 7, 101, changed 5, 6 (keyCompromise, was affiliationChanged)");
  EXPECT_EQ(EntriesDifference({{"\x05", 60, 1}}, {{"\x05", 0, 1}}),
            "changed 5 (1970-01-01 00:01 UTC, was 1970-01-01 00:00 UTC)");
  EXPECT_EQ(SerialsText({"\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07"}),
            "1, 2, 3, 4, 5 and 2 more");
}

}  // namespace
}  // namespace kplan
