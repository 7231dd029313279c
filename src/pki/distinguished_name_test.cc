#include "src/pki/distinguished_name.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

std::string Text(const StringPairs& subject) {
  absl::StatusOr<NamePtr> name = MakeName(subject);
  return name.ok() ? NameText(name->get()) : std::string(name.status().message());
}

int TypeOf(const std::string& value) {
  absl::StatusOr<NamePtr> name = MakeName({{"O", value}});
  EXPECT_TRUE(name.ok()) << name.status();
  if (!name.ok()) return 0;
  return ASN1_STRING_type(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name->get(), 0)));
}

TEST(DistinguishedName, OrderIsCfssls) {
  EXPECT_EQ(Text({{"CN", "x"},
                  {"serialNumber", "7"},
                  {"OU", "u"},
                  {"O", "o"},
                  {"L", "l"},
                  {"ST", "s"},
                  {"C", "US"}}),
            "C=US, ST=s, L=l, O=o, OU=u, CN=x, serialNumber=7");
  EXPECT_EQ(Text({{"CN", "x"}, {"O", ""}}), "CN=x");
  EXPECT_EQ(Text({}), "(empty)");
}

TEST(DistinguishedName, RepeatedFieldIsOneRdn) {
  absl::StatusOr<NamePtr> name = MakeName({{"OU", "b"}, {"CN", "x"}, {"OU", "a"}});
  ASSERT_TRUE(name.ok()) << name.status();
  ASSERT_EQ(X509_NAME_entry_count(name->get()), 3);
  EXPECT_EQ(X509_NAME_ENTRY_set(X509_NAME_get_entry(name->get(), 0)), 0);
  EXPECT_EQ(X509_NAME_ENTRY_set(X509_NAME_get_entry(name->get(), 1)), 0);
  EXPECT_EQ(X509_NAME_ENTRY_set(X509_NAME_get_entry(name->get(), 2)), 1);
}

TEST(DistinguishedName, StringTypes) {
  EXPECT_EQ(TypeOf("Kubernetes The Hard Way"), V_ASN1_PRINTABLESTRING);
  EXPECT_EQ(TypeOf("a'()+,-./:=?Z9"), V_ASN1_PRINTABLESTRING);
  for (const char* value : {"a*", "a&b", "a@b", "a_b", "Zürich", "a;b", "\"a\""}) {
    EXPECT_EQ(TypeOf(value), V_ASN1_UTF8STRING) << value;
  }
}

TEST(DistinguishedName, Refusals) {
  EXPECT_EQ(Text({{"C", "USA"}}), "subject field C \"USA\" has 3 characters; X.509 allows 2");
  EXPECT_EQ(Text({{"C", "1!"}}), "subject field C \"1!\" is not a country code of two letters (ISO 3166)");
  EXPECT_EQ(Text({{"C", "u"}}), "subject field C \"u\" is not a country code of two letters (ISO 3166)");
  EXPECT_EQ(Text({{"CN", std::string(64, 'a')}}), "CN=" + std::string(64, 'a'));
  EXPECT_NE(Text({{"CN", std::string(65, 'a')}}).find("has 65 characters; X.509 allows 64"),
            std::string::npos);
  std::string umlauts;
  for (int i = 0; i < 64; ++i) umlauts += "ü";
  EXPECT_EQ(Text({{"CN", umlauts}}), "CN=" + umlauts);  // characters count, not bytes
  EXPECT_EQ(Text({{"CN", "a"}, {"CN", "b"}}), "a subject has one CN, not several");
  EXPECT_EQ(Text({{"DC", "a"}}),
            "no subject has a field \"DC\"; there are C, ST, L, O, OU, CN and serialNumber");
  EXPECT_NE(Text({{"O", "a\nb"}}).find("has a control character"), std::string::npos);
  EXPECT_NE(Text({{"O", std::string("a\0b", 3)}}).find("has a control character"), std::string::npos);
  EXPECT_NE(Text({{"O", "\xff"}}).find("is not UTF-8"), std::string::npos);
  EXPECT_NE(Text({{"serialNumber", "a_b"}}).find("is not a PrintableString"), std::string::npos);
}

TEST(DistinguishedName, SameNameLooksAtValuesNotAtEncodings) {
  auto same = [](const StringPairs& a, const StringPairs& b) {
    return SameName(MakeName(a)->get(), MakeName(b)->get());
  };
  EXPECT_TRUE(same({{"CN", "x"}, {"C", "US"}}, {{"C", "US"}, {"CN", "x"}}));
  EXPECT_FALSE(same({{"CN", "x"}}, {{"CN", "X"}}));       // X509_NAME_cmp would say yes
  EXPECT_FALSE(same({{"CN", "a b"}}, {{"CN", "a  b"}}));  // and here
  EXPECT_FALSE(same({{"CN", "x"}}, {{"O", "x"}}));
  EXPECT_FALSE(same({{"CN", "x"}}, {}));
  EXPECT_TRUE(same({{"OU", "a"}, {"OU", "b"}}, {{"OU", "b"}, {"OU", "a"}}));

  NamePtr utf8(X509_NAME_new()), split(X509_NAME_new());
  auto add = [](X509_NAME* name, int nid, const char* value) {
    return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
                                      reinterpret_cast<const unsigned char*>(value), -1, -1, 0);
  };
  ASSERT_EQ(add(utf8.get(), NID_commonName, "x"), 1);
  EXPECT_TRUE(SameName(utf8.get(), MakeName({{"CN", "x"}})->get()));
  // Two RDNs are not one of two values.
  ASSERT_EQ(add(split.get(), NID_organizationalUnitName, "a"), 1);
  ASSERT_EQ(add(split.get(), NID_organizationalUnitName, "b"), 1);
  EXPECT_FALSE(SameName(split.get(), MakeName({{"OU", "a"}, {"OU", "b"}})->get()));
}

}  // namespace
}  // namespace kplan
