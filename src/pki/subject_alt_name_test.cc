#include "src/pki/subject_alt_name.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

StringPairs Canonical(const StringPairs& sans) {
  absl::StatusOr<StringPairs> canonical = CanonicalSans(sans);
  EXPECT_TRUE(canonical.ok()) << canonical.status();
  return canonical.ok() ? *canonical : StringPairs();
}

TEST(SubjectAltName, OrderAndAddresses) {
  EXPECT_EQ(Canonical({{"uri", "spiffe://x/y"},
                       {"ip", "2001:DB8:0:0:0:0:0:1"},
                       {"ip", "::ffff:1.2.3.4"},
                       {"dns", "b"},
                       {"email", "u@x"},
                       {"ip", "1.2.3.4"},
                       {"dns", "a"},
                       {"dns", "b"}}),
            (StringPairs{{"dns", "b"},
                         {"dns", "a"},
                         {"email", "u@x"},
                         {"ip", "2001:db8::1"},
                         {"ip", "1.2.3.4"},
                         {"uri", "spiffe://x/y"}}));
}

TEST(SubjectAltName, Refusals) {
  for (const char* address : {"", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3", "1.2.3.4/8", "[::1]", "::1%lo",
                              "1.2.3.4:80", "host", "256.1.1.1", "0x7f.0.0.1"}) {
    EXPECT_FALSE(CanonicalSans({{"ip", address}}).ok()) << address;
  }
  EXPECT_FALSE(CanonicalSans({{"ip", std::string("::1\0x", 5)}}).ok());
  EXPECT_FALSE(CanonicalSans({{"ip", std::string("1.2.3.4\0x", 9)}}).ok());
  EXPECT_FALSE(CanonicalSans({{"dns", ""}}).ok());
  EXPECT_FALSE(CanonicalSans({{"dns",
                               "b\xc3\xbc"
                               "cher"}})
                   .ok());
  EXPECT_FALSE(CanonicalSans({{"dns", "a b"}}).ok());
  EXPECT_FALSE(CanonicalSans({{"dns", std::string("a\0b", 3)}}).ok());
  EXPECT_FALSE(CanonicalSans({{"dn", "a"}}).ok());
  EXPECT_FALSE(CanonicalSans({{"other", "a"}}).ok());
}

TEST(SubjectAltName, ThereAndBack) {
  // A comma and a prefix would be two names in OpenSSL's configuration syntax; here they stay one text.
  StringPairs sans = Canonical({{"dns", "a,DNS:evil"},
                                {"email", "u@x"},
                                {"ip", "10.0.0.1"},
                                {"ip", "fe80::1"},
                                {"uri", "https://x/"}});
  absl::StatusOr<GeneralNamesPtr> names = MakeGeneralNames(sans);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(sk_GENERAL_NAME_num(names->get()), 5);
  EXPECT_EQ(SansOf(**names), sans);
}

TEST(SubjectAltName, Difference) {
  EXPECT_EQ(SanDifference({{"dns", "a"}, {"ip", "::1"}}, {{"ip", "::1"}, {"dns", "a"}}), "");
  EXPECT_EQ(SanDifference({{"dns", "a"}, {"dns", "b"}}, {{"dns", "a"}}), "SAN differs: added dns b");
  EXPECT_EQ(SanDifference({}, {{"dns", "a"}, {"ip", "::1"}}), "SAN differs: removed dns a, ip ::1");
  EXPECT_EQ(SanDifference({{"dns", "a"}}, {{"email", "a"}}), "SAN differs: added dns a, removed email a");
}

TEST(SubjectAltName, CaseAndAFinalDotAreNoDifference) {
  const StringPairs found = {{"dns", "WEB.Lab.Example"},
                             {"dns", "web.lab.example."},
                             {"dns", "*.LAB.example"},
                             {"email", "Ops@LAB.example"},
                             {"uri", "HTTPS://Lab.Example/A"},
                             {"dns", "A_b"},
                             {"other", "0"}};
  const StringPairs canonical = {
      {"dns", "web.lab.example"},       {"dns", "*.lab.example"}, {"email", "Ops@lab.example"},
      {"uri", "https://lab.example/A"}, {"dns", "A_b"},           {"other", "0"}};
  EXPECT_EQ(CanonicalFound(found), canonical);
  EXPECT_EQ(SanDifference(canonical, found), "");
  EXPECT_EQ(SanDifference(found, canonical), "");
  // The part before the @ is its host's affair (RFC 5321 2.4), as is a path.
  EXPECT_EQ(SanDifference({{"email", "ops@lab.example"}}, {{"email", "Ops@lab.example"}}),
            "SAN differs: added email ops@lab.example, removed email Ops@lab.example");
  EXPECT_EQ(SanDifference({{"dns", "web"}}, {{"dns", "WEB"}, {"dns", "Other.example"}}),
            "SAN differs: removed dns other.example");
}

}  // namespace
}  // namespace kplan
