#include "src/pki/revocation.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

struct Row {
  std::string written;
  std::string expected;  // what it comes to, or words of the error
};

TEST(ParseSerial, KnowsItsForms) {
  std::string most = "7" + std::string(39, 'f');
  for (const auto& [written, expected] : std::vector<Row>{
           {"1", "1"},
           {"10", "a"},
           {"4096", "1000"},
           {"18446744073709551616", "10000000000000000"},
           // What `openssl x509 -serial` and `-text` show of one certificate.
           {"0x1A2B3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
           {"1a:2b:3c:4d:5e:6f:70:81:92:a3:b4:c5:d6:e7:f8:09:1a:2b:3c:4d",
            "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
           {"1A2B3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
           {"149397945149380861402979012087172760560581950541", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
           {"0x00ff", "ff"},
           {"00:ff", "ff"},
           {"0fF", "ff"},
           {"0X10", "10"},
           {"10:00", "1000"},
           {"0x" + most, most},
           {"730750818665451459101842416358141509827966271487", most},  // 2^159 - 1
           {"0x0000" + most, most}}) {
    auto serial = ParseSerial(written);
    ASSERT_TRUE(serial.ok()) << written << ": " << serial.status();
    EXPECT_EQ(*serial, expected) << written;
  }
}

TEST(ParseSerial, RefusesWhatIsNone) {
  for (const auto& [written, expected] :
       std::vector<Row>{{"", "not a serial number"},
                        {"0", "serial number 0"},
                        {"0x0", "serial number 0"},
                        {"00:00", "serial number 0"},
                        {"-1", "negative"},
                        {"-0x1", "negative"},
                        {"+1", "not a serial number"},
                        {"0x", "not a serial number"},
                        {"0xg", "not a serial number"},
                        {"0x1:2", "not a serial number"},
                        {"1 2", "not a serial number"},
                        {"12 ", "not a serial number"},
                        {"1.5", "not a serial number"},
                        {"1e:3", "not a serial number"},
                        {":1e", "not a serial number"},
                        {"1e:", "not a serial number"},
                        {"1e:3f4", "not a serial number"},
                        {"1e::3f", "not a serial number"},
                        {"serial=1E", "not a serial number"},
                        {"01000", "write 0x01000"},
                        {"00", "write 0x00"},
                        {"0x8" + std::string(39, '0'), "20 octets"},
                        {"730750818665451459101842416358141509827966271488", "20 octets"},  // 2^159
                        {std::string(49, '9'), "20 octets"},
                        {std::string(100000, '9'), "20 octets"},
                        {"0x1" + std::string(40, '0'), "20 octets"}}) {
    auto serial = ParseSerial(written);
    ASSERT_FALSE(serial.ok()) << written << ": " << *serial;
    EXPECT_NE(serial.status().message().find(expected), absl::string_view::npos)
        << written << ": " << serial.status().message();
  }
}

TEST(ParseRevocationReason, KnowsTheNames) {
  for (const char* reason :
       {"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
        "cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"}) {
    EXPECT_EQ(*ParseRevocationReason(reason), reason);
  }
  EXPECT_EQ(*ParseRevocationReason("CACompromise"), "cACompromise") << "as OpenSSL spells it";
  EXPECT_EQ(*ParseRevocationReason("AACompromise"), "aACompromise");
  for (const auto& [written, expected] :
       std::vector<Row>{{"removeFromCRL", "delta CRLs"},
                        {"keycompromise", "did you mean \"keyCompromise\"?"},
                        {"KEY_COMPROMISE", "did you mean \"keyCompromise\"?"},
                        {"key-compromise", "did you mean \"keyCompromise\"?"},
                        {"keyCompromised", "did you mean \"keyCompromise\"?"},
                        {"caCompromise", "did you mean \"cACompromise\"?"},
                        {"1", "did you mean \"keyCompromise\"?"},
                        {"10", "did you mean \"aACompromise\"?"},
                        {"7", "there are unspecified, keyCompromise"},
                        {"8", "there are unspecified, keyCompromise"},
                        {"lost", "there are unspecified, keyCompromise"},
                        {"", "there are unspecified, keyCompromise"}}) {
    auto reason = ParseRevocationReason(written);
    ASSERT_FALSE(reason.ok()) << written;
    EXPECT_NE(reason.status().message().find(expected), absl::string_view::npos)
        << written << ": " << reason.status().message();
  }
}

TEST(ParseRevocationDate, KnowsItsForms) {
  for (const auto& [written, expected] :
       std::vector<std::pair<const char*, int64_t>>{{"1970-01-01T00:00:00Z", 0},
                                                    {"1970-01-01", 0},
                                                    {"2026-11-22T10:00:00Z", 1795341600},
                                                    {"2026-11-22", 1795305600},
                                                    {"2026-11-22T12:00:00+02:00", 1795341600},
                                                    {"2026-11-22T04:30:00-05:30", 1795341600},
                                                    {"2026-11-22T10:00:00-00:00", 1795341600},
                                                    {"2024-02-29", 1709164800},
                                                    {"2000-02-29T23:59:59Z", 951868799},
                                                    {"1950-01-01", -631152000},
                                                    {"1949-12-31T23:00:00-01:00", -631152000},
                                                    {"9999-12-31T23:59:59Z", 253402300799}}) {
    auto date = ParseRevocationDate(written);
    ASSERT_TRUE(date.ok()) << written << ": " << date.status();
    EXPECT_EQ(*date, expected) << written;
  }
}

TEST(ParseRevocationDate, RefusesWhatIsNone) {
  for (const auto& [written, expected] :
       std::vector<Row>{{"", "is not a date"},
                        {"today", "is not a date"},
                        {"1795341600", "is not a date"},
                        {"22.11.2026", "is not a date"},
                        {"2026-11", "is not a date"},
                        {"2026-1-2", "is not a date"},
                        {"26-11-22", "is not a date"},
                        {"2026/11/22", "is not a date"},
                        {"+2026-11-22", "is not a date"},
                        {"12026-11-22", "is not a date"},
                        {" 2026-11-22", "is not a date"},
                        {"2026-11-22 ", "is not a date"},
                        {"2026-11-22Z", "is not a date"},
                        {"2026-11-22T", "is not a date"},
                        {"2026-11-22 10:00:00Z", "is not a date"},
                        {"2026-11-22t10:00:00z", "is not a date"},
                        {"2026-11-22T10:00Z", "is not a date"},
                        {"2026-11-22T10:00:00z", "is not a date"},
                        {"2026-11-22T10:00:00ZZ", "is not a date"},
                        {"2026-11-22T10:00:00+2", "is not a date"},
                        {"2026-11-22T10:00:00+0200", "is not a date"},
                        {"2026-11-22T10:00:00+02:00Z", "is not a date"},
                        {"2026-11-22T10:00:00+24:00", "is not a date"},
                        {"2026-11-22T10:00:00+02:60", "is not a date"},
                        {"2026-11-22T10:00:00 Z", "is not a date"},
                        {"2026-11-22T10:00:00", "write 2026-11-22T10:00:00Z"},
                        {"2026-11-22T10:00:00.5Z", "fraction"},
                        {"2026-02-29", "there is no 2026-02-29"},
                        {"1900-02-29", "there is no 1900-02-29"},
                        {"2026-13-01", "there is no"},
                        {"2026-00-10", "there is no"},
                        {"2026-04-31", "there is no"},
                        {"2026-01-00", "there is no"},
                        {"2026-01-01T24:00:00Z", "there is no"},
                        {"2026-01-01T10:60:00Z", "there is no"},
                        {"2026-12-31T23:59:60Z", "there is no"},
                        {"1949-12-31", "1950 to 9999"},
                        {"0000-01-01", "1950 to 9999"},
                        {"1950-01-01T00:30:00+01:00", "1950 to 9999"},
                        {"9999-12-31T23:59:59-00:01", "1950 to 9999"}}) {
    auto date = ParseRevocationDate(written);
    ASSERT_FALSE(date.ok()) << written << ": " << *date;
    EXPECT_NE(date.status().message().find(expected), absl::string_view::npos)
        << written << ": " << date.status().message();
  }
}

}  // namespace
}  // namespace kplan
